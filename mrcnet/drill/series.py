"""Time series of a drill: goodput by plane over the run and around faults, and what became of EVs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mrcnet.drill.model import Done
from mrcnet.mrc.events import EvChanged, PacketsLost
from mrcnet.workload.summary import Recording

_MOST = 2_000  # points of a line over the whole run
_BEFORE, _AFTER = 50, 250  # bins around a fault
_FAULTS = 32  # of which a drill keeps the surroundings


@dataclass(frozen=True, slots=True)
class GoodputLine:
    """Payload bytes delivered, by plane and bin: from `begin_ms` after the start on, a bin each `bin_ms`."""

    begin_ms: float
    bin_ms: float
    planes: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class EvLine:
    """An EV that changed or lost packets: (ms, its new state), and (ms, packets found lost)."""

    src: str
    dst: str
    qpn: int
    ev: int
    plane: int
    states: tuple[tuple[float, str], ...]
    losses: tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class PortLine:
    """Frames that a port sent and received, by bin."""

    port: str
    sent: tuple[int, ...]
    received: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PortLines:
    """Ports around a fault, those of what it struck first: from `begin_ms` on, a bin each `bin_ms`.

    Bins are as fine as the ports were looked at.
    """

    begin_ms: float
    bin_ms: float
    ports: tuple[PortLine, ...]


@dataclass(frozen=True, slots=True)
class FaultSeries:
    """What surrounds a fault that struck `at_ms` after the start, give or take `error_ms`."""

    action: str
    target: str
    name: str | None
    at_ms: float
    error_ms: float
    goodput: GoodputLine
    evs: tuple[EvLine, ...]
    ports: PortLines | None = None


def whole(recording: Recording) -> GoodputLine:
    """The whole run, in so many bins that there are at most 2 000."""
    bins = recording.delivered
    used = np.flatnonzero(bins.any(axis=0))
    bins = bins[:, : int(used[-1]) + 1] if len(used) else bins[:, :0]
    fold = max(1, -(-bins.shape[1] // _MOST))
    bins = np.pad(bins, ((0, 0), (0, -bins.shape[1] % fold)))
    folded = bins.reshape(len(bins), -1, fold).sum(axis=2)
    return GoodputLine(0.0, recording.job.bin_ns * fold / 1e6, _rows(folded))


def around(recording: Recording, done: Sequence[Done]) -> Iterator[FaultSeries]:
    """The surroundings of the first so many things that were done."""
    start, width = recording.start_at, recording.job.bin_ns
    for one in [one for one in done if one.did][:_FAULTS]:
        middle = (one.at - start) // width
        first, last = max(0, middle - _BEFORE), max(0, middle + _AFTER)
        yield FaultSeries(
            action=one.step.action,
            target=one.step.title,
            name=one.step.name,
            at_ms=(one.at - start) / 1e6,
            error_ms=one.error / 1e6,
            goodput=GoodputLine(first * width / 1e6, width / 1e6, _rows(recording.delivered[:, first:last])),
            evs=tuple(_ev_lines(recording, start + first * width, start + last * width)),
            ports=_port_lines(recording, start + first * width, start + last * width),
        )


def _rows(bins: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in bins.tolist())


def _port_lines(recording: Recording, since: int, until: int) -> PortLines | None:
    """What ports carried between two instants, as far as it was looked at; None if it was not."""
    samples = recording.ports
    if samples is None:
        return None
    width = max(recording.job.bin_ns, int(np.median(np.diff(samples.at))))
    edges = np.arange(since, min(until, int(samples.at[-1])) + 1, width)
    if len(edges) < 2:
        return None
    columns = zip(samples.ports, *(counts.tolist() for counts in samples.between(edges)), strict=True)
    lines = tuple(PortLine(port, tuple(sent), tuple(received)) for port, sent, received in columns)
    return PortLines((since - recording.start_at) / 1e6, width / 1e6, lines)


def _ev_lines(recording: Recording, since: int, until: int) -> Iterator[EvLine]:
    """EVs with something to tell between two instants, by QP and value."""
    flows = {flow.src_qpn: flow for flow in recording.job.flows}
    states: dict[tuple[int, int], list[tuple[float, str]]] = {}
    losses: dict[tuple[int, int], list[tuple[float, int]]] = {}
    for _, event in recording.events:
        if not since <= event.at < until or event.qpn not in flows:
            continue
        at = (event.at - recording.start_at) / 1e6
        if isinstance(event, EvChanged):
            states.setdefault((event.qpn, event.ev), []).append((at, event.new))
        elif isinstance(event, PacketsLost):
            rows = recording.sources[flows[event.qpn].number].evs
            for number, count in zip(*np.unique(event.ev, return_counts=True), strict=True):
                losses.setdefault((event.qpn, rows[int(number)].ev), []).append((at, int(count)))
    for qpn, ev in sorted(states.keys() | losses.keys()):
        flow, key = flows[qpn], (qpn, ev)
        yield EvLine(
            flow.src,
            flow.dst,
            qpn,
            ev,
            ev >> 16 & 0xFF,
            tuple(states.get(key, ())),
            tuple(losses.get(key, ())),
        )
