"""From a run's recording to what can be drawn of it. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from mrcnet.drill.result import DrillResult
from mrcnet.mrc.events import EvChanged, PacketsLost, PlaneChanged
from mrcnet.plan.model import Path, Plan
from mrcnet.plan.paths import paths
from mrcnet.plan.walk import walk
from mrcnet.report.model import (
    OVER,
    WITHDRAWN,
    Completions,
    Ev,
    Fault,
    Link,
    Node,
    Picture,
    PortLine,
    PortTimeline,
    Span,
    Timeline,
)
from mrcnet.workload.flow import Flow
from mrcnet.workload.summary import Recording

MS = 1e6
COARSE = 300  # bins of the whole run, at most ...
BEFORE, AFTER = 60, 180  # ... and of the surroundings of a fault, as fine as can be
PACKETS = 8  # in a bin on average, at least
FINE_MOST = 4  # faults whose surroundings are kept
QUANTILES = 200
_TOLD = frozenset(
    {"ev", "plane", "lost", "qp"}
)  # lines of a story that the transport tells; others are faults

Counts = npt.NDArray[np.int64]


def bare(plan: Plan) -> Picture:
    """The fabric alone."""
    return Picture(
        planes=plan.topology.planes,
        nodes=tuple(Node(node.name, str(node.role), node.plane) for node in plan.topology.nodes),
        links=tuple(Link(str(link.a), str(link.b), link.plane) for link in plan.topology.links),
    )


def picture(plan: Plan, result: DrillResult, recording: Recording | None) -> Picture:
    """All that can be drawn of a drill; `recording` None if it did not come to its end."""
    fabric = bare(plan)
    faults = tuple(_faults(result))
    if recording is None:
        return Picture(fabric.planes, fabric.nodes, fabric.links, faults=faults)
    lost = _lost(recording)
    return Picture(
        planes=fabric.planes,
        nodes=fabric.nodes,
        links=fabric.links,
        length_ms=_length_ms(recording),
        faults=faults,
        evs=tuple(_evs(recording)),
        timelines=tuple(_timelines(recording, lost, faults)),
        completions=_completions(recording),
        ports=tuple(_ports(result)),
    )


def _faults(result: DrillResult) -> Iterator[Fault]:
    """What a drill's story says was done, and undone; error bars are known of the first ones."""
    errors = {around.at_ms: around.error_ms for around in result.series}
    for line in dict.fromkeys(result.events):  # what takes several operations is one fault
        if line.kind not in _TOLD:
            target, _, rest = line.text.partition(" ")
            action = f"{line.kind} {OVER}" if rest.endswith(OVER) else line.kind
            yield Fault(line.at_ms, errors.get(line.at_ms), action, target, "(silent)" in rest)


def _length_ms(recording: Recording) -> float:
    ended = [source.ended_at for source in recording.sources.values() if source.ended_at is not None]
    bins = recording.delivered.shape[1] * recording.job.bin_ns
    return (max(ended) - recording.start_at if ended else bins) / MS


def _evs(recording: Recording) -> Iterator[Ev]:
    plan = recording.job.plan
    told: dict[int, list[EvChanged | PlaneChanged]] = {}
    for _, event in recording.events:
        if isinstance(event, EvChanged | PlaneChanged):
            told.setdefault(event.qpn, []).append(event)
    for flow in recording.job.flows:
        ways = {path.ev: path for path in paths(plan, flow.src, flow.dst)}
        for row in recording.sources[flow.number].evs:
            ours = [
                event
                for event in told.get(flow.src_qpn, [])
                if (event.ev == row.ev if isinstance(event, EvChanged) else event.plane == row.plane)
            ]
            yield Ev(
                src=flow.src,
                dst=flow.dst,
                ev=row.ev,
                plane=row.plane,
                walk=_nodes(plan, flow, ways.get(row.ev)),
                sent=row.sent,
                lost=row.lost,
                spans=tuple(_spans(ours, row.state, recording.start_at)),
            )


def _nodes(plan: Plan, flow: Flow, way: Path | None) -> tuple[str, ...]:
    return tuple(hop.node for hop in walk(plan, flow.src, flow.dst, way).hops) if way else ()


def _spans(events: Sequence[EvChanged | PlaneChanged], final: str, start: int) -> Iterator[Span]:
    """States in order of time. While its plane is withdrawn an EV carries nothing, whatever its state."""
    state = next((event.old for event in events if isinstance(event, EvChanged)), final)
    away = next((event.up for event in events if isinstance(event, PlaneChanged)), False)
    yield (last := Span(0.0, WITHDRAWN if away else state, ""))
    for event in events:
        if isinstance(event, EvChanged):
            state = event.new
        else:
            away = not event.up
        shown = WITHDRAWN if away else state
        if shown != last.state:
            yield (last := Span((event.at - start) / MS, shown, event.cause))


def _lost(recording: Recording) -> Counts:
    """Packets found lost (planes, bins), in the bin in which they were sent."""
    lost = np.zeros_like(recording.delivered)
    if not lost.shape[1]:
        return lost
    sources = {
        flow.src_qpn: np.array([row.plane for row in recording.sources[flow.number].evs])
        for flow in recording.job.flows
    }
    for _, event in recording.events:
        if isinstance(event, PacketsLost) and event.qpn in sources:
            bins = (event.sent_at.astype(np.int64) - recording.start_at) // recording.job.bin_ns
            np.add.at(lost, (sources[event.qpn][event.ev], bins.clip(0, lost.shape[1] - 1)), 1)
    return lost


def _timelines(recording: Recording, lost: Counts, faults: Sequence[Fault]) -> Iterator[Timeline]:
    width = recording.job.bin_ns
    bins = min(recording.delivered.shape[1], math.ceil(_length_ms(recording) * MS / width))
    if not bins:
        return
    fine = _readable(recording, bins)
    coarse = max(fine, -(-bins // COARSE))
    yield _stretch(recording.delivered, lost, 0, bins, coarse, width)
    if fine == coarse:
        return
    shown = -1
    for fault in [fault for fault in faults if fault.struck][:FINE_MOST]:
        at = int(fault.at_ms * MS / width)
        if shown < at < bins:  # else it lies in the surroundings of the one before
            shown = at + AFTER * fine
            yield _stretch(
                recording.delivered, lost, max(0, at - BEFORE * fine), min(bins, shown), fine, width
            )


def _readable(recording: Recording, bins: int) -> int:
    """How many bins together hold packets enough to tell a rate, where a single one may have none."""
    mean = recording.delivered[:, :bins].sum() / bins / recording.job.settings.payload
    return min(bins, math.ceil(PACKETS / mean)) if mean else bins


def _stretch(delivered: Counts, lost: Counts, first: int, last: int, step: int, width: int) -> Timeline:
    return Timeline(
        start_ms=first * width / MS,
        bin_ms=step * width / MS,
        delivered=_summed(delivered[:, first:last], step),
        lost=_summed(lost[:, first:last], step),
    )


def _summed(counts: Counts, step: int) -> tuple[tuple[int, ...], ...]:
    """Each `step` bins as one; a last one that is not full is left out, as it would look lean."""
    whole = counts.shape[1] // step
    parts = counts[:, : whole * step].reshape(len(counts), whole, step).sum(axis=2)
    return tuple(tuple(row) for row in parts.tolist())


def _ports(result: DrillResult) -> Iterator[PortTimeline]:
    """What the ports around the first faults carried; a fault within the surroundings of another is there."""
    until, count = -1.0, 0
    for around in result.series:
        lines = around.ports
        if lines is None or around.at_ms < until or count == FINE_MOST:
            continue
        count += 1
        until = lines.begin_ms + lines.bin_ms * len(lines.ports[0].sent)
        ports = tuple(PortLine(one.port, one.sent, one.received) for one in lines.ports)
        yield PortTimeline(lines.begin_ms, lines.bin_ms, ports)


def _completions(recording: Recording) -> Completions | None:
    durations = np.array([ns for source in recording.sources.values() for ns in source.durations]) / MS
    if not len(durations):
        return None
    even = np.quantile(durations, np.linspace(0, 1, min(QUANTILES, len(durations))))
    p50, p99, p999 = np.quantile(durations, (0.5, 0.99, 0.999)).tolist()
    return Completions(
        count=len(durations),
        quantiles_ms=tuple(even.round(6).tolist()),
        p50_ms=p50,
        p99_ms=p99,
        p999_ms=p999,
        max_ms=float(durations.max()),
    )
