"""`mrcnet up`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from time import monotonic

import click

from mrcnet.cli.command import command
from mrcnet.cli.dilation import read_dilation, settled
from mrcnet.cli.labs import LAB_VARIABLE
from mrcnet.cli.output import Answer, note, progress
from mrcnet.cli.plan import lint_lines
from mrcnet.cli.topologies import Source, plan_of, topology_parameters
from mrcnet.errors import InputError
from mrcnet.kernel import lab
from mrcnet.kernel.model import Change
from mrcnet.plan.model import Plan

FEW = 24  # so many changes are listed; more are counted


@command(
    "mrcnet up 4p-2t0-4t1",
    "mrcnet up topology.yaml --lab mine --dry-run",
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
def up_(
    source: Source, lab_name: str | None, dilation: int | None, allow_degraded: bool, dry_run: bool
) -> Answer:
    """Make the kernel hold what a topology says; changes only what differs.

    TOPO is a file, a shipped name, or - for stdin. A second `up` changes nothing; an `up` of an edited file,
    or of another topology under the same lab name, applies the difference.
    """
    begun = monotonic()
    plan = plan_of(source)
    refuse_errors(plan, source)
    name = lab_name or plan.topology.name
    plan = settled(plan, name, source.text, dilation, dry=dry_run)
    planned = monotonic()
    progress(f"{len(plan.nodes)} nodes, {len(plan.topology.links)} links")
    result = lab.up(plan, name, source.file, source.text, dry_run=dry_run, allow_degraded=allow_degraded)
    for lack in result.degraded:
        note(f"the lab goes without {lack}")
    seconds = {
        "plan": round(planned - begun, 6),
        "apply": round(result.apply_seconds, 6),
        "total": round(monotonic() - begun, 6),
    }
    data = {
        "lab": result.lab,
        "dilation": plan.topology.dilation,
        "degraded": result.degraded,
        "changes": [_change(change) for change in result.changes],
        "seconds": seconds,
    }
    return Answer(data, _lines(result.lab, result.changes, dry_run, seconds["total"]))


def refuse_errors(plan: Plan, source: Source) -> None:
    """Raise InputError if lint found what would not work; mention what it only remarks on."""
    errors = [finding for finding in plan.lint if finding.severity == "error"]
    if errors:
        raise InputError(f"{source.file}: this fabric would not work\n  " + "\n  ".join(lint_lines(errors)))
    for line in lint_lines(plan.lint):
        note(line)


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
