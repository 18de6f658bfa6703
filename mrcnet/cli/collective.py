"""`mrcnet collective`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import click

from mrcnet.api.collective import Collective
from mrcnet.cli.command import UsesLab, command
from mrcnet.cli.on import refuse_typed
from mrcnet.cli.output import Answer, progress, table
from mrcnet.cli.place import hosts_in, place_of, place_parameters
from mrcnet.cli.quantities import quantity
from mrcnet.errors import ExitCode
from mrcnet.units import format_size, parse_share, parse_size
from mrcnet.workload.collective import CollectiveResult, Row
from mrcnet.workload.collectives import KINDS
from mrcnet.workload.congestion import FIXED, choices
from mrcnet.workload.program import TYPES
from mrcnet.workload.transport import CHOICES as TRANSPORTS
from mrcnet.workload.transport import MRC


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
@click.option("--size", default="1MiB", show_default=True, help="Bytes, or a range A..B.")
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
@click.option(
    "--outstanding",
    type=click.IntRange(1),
    help="Messages to one peer that may wait for their acknowledgement.  [default: no limit]",
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
    size: str,
    factor: int,
    ranks: str | None,
    iterations: int,
    warmup: int,
    dtype: str,
    message: int,
    outstanding: int | None,
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
    ask = Collective(
        kind=kind,
        size=size,
        factor=factor,
        algorithm=algorithm,
        ranks=hosts_in(ranks),
        iterations=iterations,
        warmup=warmup,
        type=dtype,
        message=message,
        outstanding=outstanding,
        transport=transport,
        congestion=congestion,
        seed=seed,
    )
    found = place.collective(ask, progress=progress)
    return Answer(asdict(found), _lines(found), ExitCode.OK if found.verified else ExitCode.FAILED)


def _lines(found: CollectiveResult) -> Iterator[str]:
    yield (
        f"# {found.collective} ({found.algorithm}), {len(found.ranks)} ranks, {found.transport},"
        f" mean of {found.iterations} iterations after {found.warmup}"
    )
    head = ["size (B)", "count", "type", "redop", "time (us)", "algbw (GB/s)", "busbw (GB/s)", "#wrong"]
    yield from table(head, [_cells(row) for row in found.rows])
    for row in found.rows:
        yield from (f"problem      {format_size(row.size)}: {problem}" for problem in row.problems)
    yield "every element right" if found.verified else "NOT VERIFIED"


def _cells(row: Row) -> list[object]:
    figures = ["-" if value is None else f"{value:.2f}" for value in (row.time_us, row.algbw, row.busbw)]
    return [row.size, row.count, row.type, row.redop, *figures, row.wrong]
