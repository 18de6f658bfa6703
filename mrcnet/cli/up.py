"""`mrcnet up`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any

import click

from mrcnet.api.bringing import bring_up
from mrcnet.api.labs import LAB_VARIABLE
from mrcnet.api.topologies import Source
from mrcnet.cli.command import MakesLab, command
from mrcnet.cli.dilation import read_dilation
from mrcnet.cli.on import refuse_typed
from mrcnet.cli.output import Answer, note, progress
from mrcnet.cli.topologies import topology_parameters
from mrcnet.cli.wish import WISHES, read_wish, wish_parameters
from mrcnet.errors import ExitCode
from mrcnet.kernel.model import Change

KERNEL, CONTAINERLAB = BACKENDS = ("kernel", "containerlab")
FEW = 24  # so many changes are listed; more are counted


@command(
    "mrcnet up 4p-2t0-4t1",
    "mrcnet up topology.yaml --lab mine --dry-run",
    "mrcnet up 2p-2t0-2t1 --backend containerlab --nos frr",
    "mrcnet up 2p-2t0-2t1 --backend containerlab --nos sonic-vs --mixed --lab elsewhere",
    cls=MakesLab,
)
@topology_parameters
@click.option("--lab", "lab_name", metavar="NAME", envvar=LAB_VARIABLE, help="Default: the topology's name.")
@click.option(
    "--dilation",
    metavar="N|auto",
    callback=read_dilation,
    help="Wall time over fabric time, in place of the file's.",
)
@click.option(
    "--allow-degraded",
    is_flag=True,
    help="Go on without the parts of shaped ports that this machine lacks; results say so.",
)
@click.option("--dry-run", is_flag=True, help="Print every change with its reason; make none.")
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default=KERNEL,
    show_default=True,
    help="Who makes the nodes. With containerlab switches run --nos, and the options below count.",
)
@wish_parameters
def up_(
    source: Source,
    lab_name: str | None,
    dilation: int | None,
    allow_degraded: bool,
    dry_run: bool,
    backend: str,
    **wishes: Any,
) -> Answer:
    """Make the kernel hold what a topology says; changes only what differs.

    TOPO is a file, a shipped name, or - for stdin. A second `up` changes nothing; an `up` of an edited file,
    or of another topology under the same lab name, applies the difference.

    With --backend containerlab the topology is rendered and deployed as containers, whose switches keep their
    own tables; every other command works on that lab as on any. Exits with 1 if FRR has not put a planned
    route into its kernel within a minute. The lab cannot be changed, but for what is mrcnet's in it.
    """
    if backend == KERNEL:
        refuse_typed(f"--backend {KERNEL} renders nothing", *WISHES)
    elif dry_run:
        raise click.UsageError("--dry-run: what containerlab would do it does not say; see `mrcnet render`")
    wish = read_wish(**wishes) if backend == CONTAINERLAB else None
    begun = monotonic()
    brought = bring_up(
        source,
        lab_name,
        dilation=dilation,
        allow_degraded=allow_degraded,
        dry_run=dry_run,
        wish=wish,
        note=note,
        progress=progress,
    )
    result = brought.result
    seconds = {
        "plan": round(brought.plan_seconds, 6),
        "apply": round(result.apply_seconds, 6),
        "total": round(monotonic() - begun, 6),
    }
    data = {
        "lab": result.lab,
        "backend": backend,
        "dilation": brought.plan.topology.dilation,
        "degraded": result.degraded,
        "changes": [_change(change) for change in result.changes],
        "lacking": result.lacking,
        "seconds": seconds,
    }
    lines = [*_lines(result.lab, result.changes, dry_run, seconds["total"]), *result.lacking[:FEW]]
    return Answer(data, lines, ExitCode.FAILED if result.lacking else ExitCode.OK)


def _change(change: Change) -> dict[str, str]:
    return {
        "op": change.op,
        "kind": change.kind,
        "node": change.node,
        "what": change.what,
        "reason": change.reason,
    }


def _lines(name: str, changes: Sequence[Change], dry_run: bool, seconds: float) -> Iterator[str]:
    if not changes:
        yield f"lab {name}: nothing to change"
        return
    if dry_run or len(changes) <= FEW:
        yield from map(str, changes)
    else:
        for (op, kind), number in Counter((change.op, change.kind) for change in changes).items():
            yield f"{op:<7}{kind:<10}{number:>7}"
    made = "none made" if dry_run else f"{seconds:.2f} s"
    yield f"lab {name}: changes: {len(changes)}, {made}"
