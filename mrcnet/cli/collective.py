"""`mrcnet collective`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import click

from mrcnet.api.load import hosts_of
from mrcnet.cli.command import UsesLab, command
from mrcnet.cli.on import refuse_typed
from mrcnet.cli.output import Answer, progress, table
from mrcnet.cli.place import hosts_in, place_of, place_parameters
from mrcnet.cli.quantities import quantity
from mrcnet.errors import ExitCode
from mrcnet.mrc.settings import Settings
from mrcnet.plan.model import Plan
from mrcnet.units import format_size, parse_share, parse_size
from mrcnet.workload.collective import Collective, Row, program_of, row_of
from mrcnet.workload.collectives import KINDS
from mrcnet.workload.congestion import FIXED, choices, controlled
from mrcnet.workload.job import Job, bin_ns
from mrcnet.workload.program import TYPES
from mrcnet.workload.transport import CHOICES as TRANSPORTS
from mrcnet.workload.transport import MRC, over


def _sizes(ctx: click.Context, parameter: click.Parameter, text: str) -> tuple[int, int]:
    """`64KiB` or `64KiB..16MiB` -> first and last size in bytes."""
    first, _, last = text.partition("..")
    try:
        found = parse_size(first), parse_size(last or first)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, parameter) from None
    if not 0 < found[0] <= found[1]:
        raise click.BadParameter(f"{text!r} is no range of sizes", ctx, parameter)
    return found


@command(
    "mrcnet collective --on sim --topo 4p-2t0-4t1 --size 64KiB..4MiB",
    "mrcnet collective 4p-2t0-4t1 --collective all-to-all --ranks h0,h2,h4,h6 --size 1MiB",
    "mrcnet collective --on sim --topo 4p-2t0-4t1 --algorithm tree --transport rocev2x16 --loss 0.1% --json",
    cls=UsesLab,
)
@place_parameters
@click.option("--collective", "kind", type=click.Choice(list(KINDS)), default="all-reduce", show_default=True)
@click.option(
    "--algorithm", default="", help="ring or tree for all-reduce and broadcast.  [default: ring, or direct]"
)
@click.option(
    "--size", "sizes", default="1MiB", callback=_sizes, show_default=True, help="Bytes, or a range A..B."
)
@click.option(
    "--factor", default=4, type=click.IntRange(2), show_default=True, help="Between a range's sizes."
)
@click.option("--ranks", metavar="h0,h5", help="A host for each rank, in order.  [default: all, one each]")
@click.option("-n", "--iterations", default=5, type=click.IntRange(1), show_default=True)
@click.option("-w", "--warmup", default=1, type=click.IntRange(0), show_default=True, help="Not counted.")
@click.option(
    "-d", "--type", "dtype", type=click.Choice(TYPES), default="int32", show_default=True, help="Of elements."
)
@click.option(
    "--message",
    default="256KiB",
    show_default=True,
    callback=quantity(parse_size),
    help="Bytes of the longest message; longer chunks are cut.",
)
@click.option("--transport", type=click.Choice(TRANSPORTS), default=MRC, show_default=True)
@click.option("--congestion", type=click.Choice(choices()), default=FIXED, show_default=True)
@click.option(
    "--loss",
    callback=quantity(parse_share),
    help="With --on sim: share of the packets that hosts send, in all planes, that is lost.",
)
@click.option("--seed", default=1, show_default=True, help="Decides values, paths and losses.")
def collective_(
    on: str,
    topo: str | None,
    lab_name: str,
    kind: str,
    algorithm: str,
    sizes: tuple[int, int],
    factor: int,
    ranks: str | None,
    iterations: int,
    warmup: int,
    dtype: str,
    message: int,
    transport: str,
    congestion: str,
    loss: float | None,
    seed: int,
) -> Answer:
    """Run a collective as nccl-tests does: time, algbw, busbw, #wrong for each size.

    Ranks have real buffers and send RDMA Writes; what they hold at the end is compared with what NumPy
    computes. Times are fabric time, bandwidths GB/s, defined as in nccl-tests. Exits with 1 if an element is
    wrong, or a QP failed.
    """
    if on != "sim":
        refuse_typed("`mrcnet fault` makes a lab's links lose packets", "loss")
    place = place_of(on, topo, lab_name, loss=loss or 0.0)
    plan = place.plan
    hosts = tuple(hosts_of(plan, hosts_in(ranks), "--ranks"))
    ask = Collective(kind, algorithm, hosts, dtype, iterations, warmup, message, seed)
    wire = plan.topology.transport
    settings = controlled(Settings(payload=wire.payload, udp_port=wire.udp_port), plan, congestion)
    rows = []
    for size in _steps(*sizes, factor):
        progress(f"{kind}, {format_size(size)}")
        job = over(_job(place.name, plan, ask, size, settings), transport)
        rows.append(row_of(ask, size, place.run_job(job)))
    progress("")
    data = _data(plan, ask, transport, congestion, loss or 0.0, rows)
    good = all(row.verified for row in rows)
    return Answer(data, _lines(data, rows), ExitCode.OK if good else ExitCode.FAILED)


def _steps(first: int, last: int, factor: int) -> Iterator[int]:
    while first <= last:
        yield first
        first *= factor


def _job(name: str, plan: Plan, ask: Collective, size: int, settings: Settings) -> Job:
    program = program_of(ask, size)
    job = Job(name, plan, program.flows, settings, ask.seed, bin_ns(plan))
    return replace(job, programs=(program,))


def _data(
    plan: Plan, ask: Collective, transport: str, congestion: str, loss: float, rows: Sequence[Row]
) -> dict[str, Any]:
    return {
        "lab": plan.topology.name,
        "collective": ask.kind,
        "algorithm": program_of(ask, rows[0].size).graph.calls[0].algorithm,
        "ranks": list(ask.hosts),
        "iterations": ask.iterations,
        "warmup": ask.warm_up,
        "transport": transport,
        "congestion": congestion,
        "loss": loss,
        "seed": ask.seed,
        "dilation": plan.topology.dilation,
        "rows": [asdict(row) for row in rows],
        "verified": all(row.verified for row in rows),
    }


def _lines(data: dict[str, Any], rows: Sequence[Row]) -> Iterator[str]:
    yield (
        f"# {data['collective']} ({data['algorithm']}), {len(data['ranks'])} ranks, {data['transport']},"
        f" mean of {data['iterations']} iterations after {data['warmup']}"
    )
    head = ["size (B)", "count", "type", "redop", "time (us)", "algbw (GB/s)", "busbw (GB/s)", "#wrong"]
    yield from table(head, [_cells(row) for row in rows])
    for row in rows:
        yield from (f"problem      {format_size(row.size)}: {problem}" for problem in row.problems)
    yield "every element right" if data["verified"] else "NOT VERIFIED"


def _cells(row: Row) -> list[object]:
    figures = ["-" if value is None else f"{value:.2f}" for value in (row.time_us, row.algbw, row.busbw)]
    return [row.size, row.count, row.type, row.redop, *figures, row.wrong]
