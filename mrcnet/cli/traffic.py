"""`mrcnet traffic`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from mrcnet.api.load import Load
from mrcnet.cli.command import UsesLab, command
from mrcnet.cli.events import events_parameter, write_events
from mrcnet.cli.output import Answer, progress, table
from mrcnet.cli.place import hosts_in, place_of, place_parameters
from mrcnet.cli.quantities import quantity
from mrcnet.errors import ExitCode
from mrcnet.kernel import lab
from mrcnet.units import format_duration, format_rate, format_size, parse_duration, parse_rate, parse_size
from mrcnet.workload.congestion import FIXED, choices
from mrcnet.workload.fidelity import Fidelity
from mrcnet.workload.patterns import PATTERNS
from mrcnet.workload.summary import FlowResult, TrafficResult, summarise
from mrcnet.workload.transport import EVERY, MRC, STACK

SHOWN = 16


@command(
    "mrcnet traffic 4p-2t0-4t1 --pattern pair --hosts h0,h5 --size 64MiB",
    "mrcnet traffic --pattern ring --duration 5s --rate 200Mbps --json",
    "mrcnet traffic --on sim --topo 4p-2t0-4t1 --pattern permutation",
    cls=UsesLab,
)
@place_parameters
@click.option("--pattern", type=click.Choice(sorted(PATTERNS)), default="pair", show_default=True)
@click.option("--hosts", metavar="h0,h5", help="Hosts that take part, in this order. Default: all.")
@click.option("--size", callback=quantity(parse_size), help="Bytes of each flow.  [default: 64MiB]")
@click.option(
    "--duration", callback=quantity(parse_duration), help="Post messages for so much fabric time instead."
)
@click.option(
    "--message",
    default="1MiB",
    show_default=True,
    callback=quantity(parse_size),
    help="Bytes of one RDMA Write.",
)
@click.option(
    "--rate", callback=quantity(parse_rate), help="Offered load of each flow.  [default: all that fits]"
)
@click.option(
    "--transport",
    type=click.Choice(EVERY),
    default=MRC,
    show_default=True,
    help="MRC; RoCEv2 with 1, 4 or 16 QPs a peer; MRC that sprays without path health; the kernel's TCP.",
)
@click.option(
    "--congestion",
    type=click.Choice(choices()),
    default=FIXED,
    show_default=True,
    help="A window that never changes, or NSCC.",
)
@click.option(
    "--icrc",
    type=click.Choice(("on", "offload")),
    default="on",
    show_default=True,
    help="Made and checked, or left out, as where a NIC's hardware takes it off the processor.",
)
@click.option(
    "--backup-share",
    type=click.FloatRange(0, 0.9),
    help="Share of the EVs that stand by.  [default: 0.5]",
)
@click.option(
    "--deny", "denied", metavar="A:B", multiple=True, help="A link that no EV may use; may be given again."
)
@click.option("--seed", default=1, show_default=True, help="Decides contents, paths and permutations.")
@events_parameter
def traffic_(
    on: str,
    topo: str | None,
    lab_name: str,
    pattern: str,
    hosts: str | None,
    size: int | None,
    duration: int | None,
    message: int,
    rate: int | None,
    transport: str,
    congestion: str,
    icrc: str,
    backup_share: float | None,
    denied: tuple[str, ...],
    seed: int,
    events: Path | None,
) -> Answer:
    """Run RDMA traffic between hosts of a lab; every byte is checked where it arrives.

    Pattern `pair` goes from the first host to the last, `incast` from all to the first. With --on sim there
    is no lab: the same end points meet over virtual links in virtual time. Exits with 1 if a byte is missing
    or wrong, or a QP failed.
    """
    load = Load(
        pattern=pattern,
        hosts=hosts_in(hosts),
        size=size,
        duration=duration,
        message=message,
        rate=rate,
        transport=transport,
        congestion=congestion,
        icrc=icrc == "on",
        backup_share=backup_share,
        denied=denied,
        seed=seed,
    )
    place = place_of(on, topo, lab_name)
    recording = place.record(load, trace=events is not None, progress=_say)
    write_events(recording, events)
    result = summarise(recording)
    lacks = () if on == "sim" else lab.degraded(lab_name)
    lines = (*_lines(result), *(f"the lab goes without {lack}" for lack in lacks))
    return Answer(
        {**asdict(result), "degraded": lacks}, lines, ExitCode.OK if result.verified else ExitCode.FAILED
    )


def _say(done: int) -> None:
    progress(f"{format_size(done)} delivered")


def _lines(result: TrafficResult) -> Iterator[str]:
    head = ["flow", "bytes", "goodput", "sent", "retransmitted", "lost", "median ms"]
    yield from table(head, [_row(flow) for flow in result.flows[:SHOWN]])
    if len(result.flows) > SHOWN:
        yield f"... and {len(result.flows) - SHOWN} more flows (all with --json)"
    shares = ", ".join(f"{plane.plane}: {format_rate(plane.goodput_bps)}" for plane in result.planes)
    yield f"planes       {shares}"
    packets = result.packets
    yield (
        f"packets      {packets.sent} sent, {packets.delivered} delivered, {packets.lost} lost,"
        f" {packets.retransmitted} retransmitted"
    )
    if result.fidelity is not None:
        yield from _fidelity_lines(result.fidelity)
    if result.ring_drops:
        yield f"warning      {result.ring_drops} frames came faster than the receiving NIC could take them"
    if result.fabric is not None:
        books = result.fabric
        trimmed = sum(port.trimmed for port in books.ports)
        yield (
            f"frames       {books.sent} sent, {books.delivered} delivered ({trimmed} trimmed),"
            f" {books.dropped} dropped, {books.in_flight} in flight"
        )
        drops = sorted(result.fabric.drops, key=lambda drop: -drop.frames)
        yield from (f"dropped      {drop.frames} at {drop.place}: {drop.cause}" for drop in drops[:SHOWN])
    yield from (f"problem      {problem}" for problem in result.problems)
    right = "every byte right" if result.verified else "NOT VERIFIED"
    if result.verified and result.transport in STACK:
        right = "content not checked"
    amount = f"{format_size(result.bytes)} in {format_duration(result.seconds * 1e9)}"
    if result.dilation != 1:
        amount += f" ({result.wall_seconds:.1f} s of wall time)"
    yield f"{format_rate(result.goodput_bps)} goodput, {amount}, {right}"


def _fidelity_lines(fidelity: Fidelity) -> Iterator[str]:
    if fidelity.faithful is None:
        return
    cores = ", ".join(f"{share:.0%}" for share in fidelity.cores)
    yield f"fidelity     {fidelity.status}; cores busy {cores}; {fidelity.late_ms:.2f} ms late"
    yield from (f"             {reason}" for reason in fidelity.reasons)
    if not fidelity.faithful:
        yield f"             dilation {fidelity.dilation_needed} would do"


def _row(flow: FlowResult) -> list[object]:
    median = "-" if flow.message_ms_median is None else f"{flow.message_ms_median:.4g}"
    books = flow.packets
    return [
        f"{flow.src} > {flow.dst}",
        format_size(flow.bytes),
        format_rate(flow.goodput_bps),
        books.sent,
        books.retransmitted,
        books.lost,
        median,
    ]
