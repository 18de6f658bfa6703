"""What a run came to: the hosts' reports added up. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.events import EvChanged
from mrcnet.workload.books import Books
from mrcnet.workload.fidelity import Fidelity
from mrcnet.workload.framewindow import Captured
from mrcnet.workload.job import Job
from mrcnet.workload.portsamples import PortSamples
from mrcnet.workload.report import RunReport, SinkReport, SourceReport, Told


@dataclass(frozen=True, slots=True)
class Packets:
    """Books of a run: `sent` transmissions, `delivered` new ones, `lost` those that never came."""

    sent: int
    delivered: int
    retransmitted: int
    duplicates: int
    lost: int


@dataclass(frozen=True, slots=True)
class PlaneShare:
    """What one plane carried: payload bytes delivered and fabric bit/s."""

    plane: int
    bytes: int
    goodput_bps: float


@dataclass(frozen=True, slots=True)
class FlowResult:
    """One flow: bytes verified at the far end, its packets' fate, why it failed if it did."""

    src: str
    dst: str
    bytes: int
    goodput_bps: float
    packets: Packets
    message_ms_median: float | None
    message_ms_max: float | None
    base_rtt_us: float
    failure: str | None


@dataclass(frozen=True, slots=True)
class TrafficResult:
    """A whole run. Times and rates are fabric time unless the name says wall.

    `verified`: every byte that was posted arrived, and was the right one.
    """

    lab: str
    seed: int
    goodput_bps: float
    bytes: int
    verified: bool
    packets: Packets
    planes: tuple[PlaneShare, ...]
    seconds: float
    wall_seconds: float
    dilation: int
    bin_ms: float  # fabric time: how finely deliveries were counted
    flows: tuple[FlowResult, ...]
    evs_lost: int
    evs_regained: int
    dropped: dict[str, int]
    ring_drops: int
    refused: int
    longest_turn_ms: float
    problems: tuple[str, ...]
    fabric: Books | None
    ports: str  # counted, or not counted: then books are those of the end points alone
    fidelity: Fidelity | None  # of a run that a machine carried in real time
    transport: str = "mrc"
    unsound: tuple[str, ...] = ()  # those problems after which no figure can be believed


@dataclass(frozen=True, slots=True)
class Found:
    """What agents beside the run found, in words, and the fabric instant at which they knew."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Recording:
    """What measures are made from: reports, events in order of time, bytes (planes, bins) from `start_at`.

    `fidelity` is None in virtual time. `ports`: what ports around the faults carried; `captured`: frames.
    """

    job: Job
    start_at: int
    sources: dict[int, SourceReport]
    sinks: dict[int, SinkReport]
    events: tuple[tuple[str, Told], ...]
    delivered: npt.NDArray[np.int64]
    reports: tuple[RunReport, ...]
    fidelity: Fidelity | None = None
    found: tuple[Found, ...] = ()
    ports: PortSamples | None = None
    captured: tuple[Captured, ...] = ()


def record(
    job: Job, start_at: int, reports: Sequence[RunReport], fidelity: Fidelity | None = None
) -> Recording:
    """Put the hosts' reports together."""
    width = max(report.delivered.shape[1] for report in reports)
    delivered = np.zeros((job.plan.topology.planes, width), np.int64)
    for report in reports:
        delivered[:, : report.delivered.shape[1]] += report.delivered
    events = sorted((event for report in reports for event in report.events), key=lambda pair: pair[1].at)
    return Recording(
        job=job,
        start_at=start_at,
        sources={source.flow: source for report in reports for source in report.sources},
        sinks={sink.flow: sink for report in reports for sink in report.sinks},
        events=tuple(events),
        delivered=delivered,
        reports=tuple(reports),
        fidelity=fidelity,
    )


def summarise(recording: Recording) -> TrafficResult:
    """Add up a recording, and say what is wrong with it."""
    job = recording.job
    flows = tuple(_flow(recording, number) for number in recording.sources)
    started = [s.started_at for s in recording.sources.values() if s.started_at is not None]
    ended = [s.ended_at for s in recording.sources.values() if s.ended_at is not None]
    span = max(ended) - min(started) if started and ended else 0
    seconds = span / 1e9
    planes = recording.delivered.sum(axis=1).tolist()
    verified = sum(flow.bytes for flow in flows)
    changes = [event for _, event in recording.events if isinstance(event, EvChanged)]
    dropped: dict[str, int] = {}
    for report in recording.reports:
        for cause, count in report.drops.items():
            dropped[cause] = dropped.get(cause, 0) + count
    found = list(_problems(recording))
    problems = tuple(text for text, _ in found)
    return TrafficResult(
        lab=job.lab,
        seed=job.seed,
        goodput_bps=_rate(verified, seconds),
        bytes=verified,
        verified=not problems,
        packets=_add([flow.packets for flow in flows]),
        planes=tuple(PlaneShare(plane, count, _rate(count, seconds)) for plane, count in enumerate(planes)),
        seconds=seconds,
        wall_seconds=seconds * job.plan.topology.dilation,
        dilation=job.plan.topology.dilation,
        bin_ms=job.bin_ns / 1e6,
        flows=flows,
        evs_lost=sum(change.new == "ASSUMED_BAD" for change in changes),
        evs_regained=sum(change.old == "ASSUMED_BAD" and change.new == "GOOD" for change in changes),
        dropped=dropped,
        ring_drops=sum(report.ring_drops for report in recording.reports),
        refused=sum(report.refused for report in recording.reports),
        longest_turn_ms=max(report.longest_turn for report in recording.reports) / 1e6,
        problems=problems,
        fabric=next((report.fabric for report in recording.reports if report.fabric), None),
        ports="counted" if any(report.fabric for report in recording.reports) else "not counted",
        fidelity=recording.fidelity,
        transport=job.transport,
        unsound=tuple(text for text, fate in found if not fate),
    )


def _problems(recording: Recording) -> Iterator[tuple[str, bool]]:
    """Each in words; True if it is the fabric's and the transport's doing, not a defect of what measures."""
    for number, source in recording.sources.items():
        flow = next(flow for flow in recording.job.flows if flow.number == number)
        sink = recording.sinks[number]
        name = f"{flow.src} -> {flow.dst}"
        if sink.wrong:
            many = f"{len(sink.wrong)} messages arrived with wrong bytes"
            yield f"{name}: {many}, first number {sink.wrong[0]}", False
        if source.failure is not None:
            yield f"{name}: the QP went to ERROR: {source.failure}", True
        elif not source.done:
            yield f"{name}: messages were still under way at the end", True
        elif sink.verified_bytes != source.completed_bytes and not sink.wrong:
            yield f"{name}: {source.completed_bytes} bytes completed, {sink.verified_bytes} verified", False
        elif sink.delivered != source.sent - source.retransmitted:  # each packet is new once at either end
            yield (
                f"{name}: the books do not balance: {source.sent} packets sent,"
                f" {source.retransmitted} of them again, {sink.delivered} delivered",
                False,
            )
    for rank in (rank for report in recording.reports for rank in report.ranks):
        name = f"rank {rank.rank} at {rank.host}"
        if rank.ends.count(None):
            yield f"{name}: {rank.ends.count(None)} of {len(rank.ends)} collectives never ended", True
        elif sum(rank.wrong):
            yield f"{name}: {sum(rank.wrong)} elements are not what NumPy computes", False
    for report in recording.reports:
        books = report.fabric
        if books is not None and not books.balanced:
            yield (
                f"the fabric's books do not balance: {books.sent} frames sent, {books.duplicated} duplicated,"
                f" {books.delivered} delivered, {books.dropped} dropped, {books.in_flight} in flight"
                + _odd_ways(books),
                False,
            )


def _odd_ways(books: Books) -> str:
    odd = [way for way in books.ways if not way.balanced]
    if not odd:
        return ""
    return (
        f"; {len(odd)} EVs, first {odd[0].ev:#010x} from {odd[0].src} to {odd[0].dst}: {odd[0].lost} missing"
    )


def _flow(recording: Recording, number: int) -> FlowResult:
    flow = next(flow for flow in recording.job.flows if flow.number == number)
    source, sink = recording.sources[number], recording.sinks[number]
    span = 0.0
    if source.started_at is not None and source.ended_at is not None:
        span = (source.ended_at - source.started_at) / 1e9
    durations = np.array(source.durations) / 1e6
    return FlowResult(
        src=flow.src,
        dst=flow.dst,
        bytes=sink.verified_bytes,
        goodput_bps=_rate(sink.verified_bytes, span),
        packets=Packets(
            sent=source.sent,
            delivered=sink.delivered,
            retransmitted=source.retransmitted,
            duplicates=sink.duplicates,
            lost=source.sent - sink.arrived,
        ),
        message_ms_median=float(np.median(durations)) if len(durations) else None,
        message_ms_max=float(durations.max()) if len(durations) else None,
        base_rtt_us=source.base_rtt / 1e3,
        failure=source.failure,
    )


def _add(parts: Sequence[Packets]) -> Packets:
    return Packets(
        sent=sum(part.sent for part in parts),
        delivered=sum(part.delivered for part in parts),
        retransmitted=sum(part.retransmitted for part in parts),
        duplicates=sum(part.duplicates for part in parts),
        lost=sum(part.lost for part in parts),
    )


def _rate(size: float, seconds: float) -> float:
    return size * 8 / seconds if seconds else 0.0
