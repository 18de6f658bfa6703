"""Two looks at a lab as what somebody wants to know: rates in between, who marks, trims and drops. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mrcnet.watch.model import LabSeen, PortSeen, Queue
from mrcnet.workload.pulse import EvHealth, Happening, Pulse

_LATEST = 32


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter: `total`, and how much of it is `new` since the look before."""

    total: int
    new: int


@dataclass(frozen=True, slots=True)
class PortRow:
    """A port: fabric bit/s that it sent; frames marked, trimmed, dropped; bytes held. None: not counted."""

    port: str
    peer: str
    plane: int
    sent_bps: float
    holds: int | None
    marked: Counted | None
    trimmed: Counted | None
    dropped: Counted | None
    drops: tuple[tuple[str, int], ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlaneRow:
    """A plane: payload that arrives in fabric bit/s, what its ports did, and its EVs over all QPs."""

    plane: int
    goodput_bps: float
    marked: int
    trimmed: int
    dropped: int
    evs: tuple[EvHealth, ...]


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run: its process, QPs that still send, fabric ns since traffic began, payload that arrives."""

    pid: int
    qps: int
    at_ns: int
    goodput_bps: float


@dataclass(frozen=True, slots=True)
class Summary:
    """A lab between two looks. Ports in order of what ails them; the latest events last."""

    lab: str
    dilation: int
    hosts: int
    seconds: float
    runs: tuple[RunRow, ...]
    planes: tuple[PlaneRow, ...]
    ports: tuple[PortRow, ...]
    events: tuple[Happening, ...]


def summary(before: LabSeen, now: LabSeen) -> Summary:
    """What happened from one look to the next."""
    fabric_s = max(now.at - before.at, 1) / 1e9 / now.dilation
    was = {port.end: port for port in before.ports}
    ports = [_port(was.get(port.end, port), port, fabric_s) for port in now.ports]
    earlier = dict(before.runs)
    goodput = {pid: _goodput(earlier.get(pid), pulse) for pid, pulse in now.runs}
    events = sorted((one for _, pulse in now.runs for one in pulse.events), key=lambda one: one.at)
    return Summary(
        lab=now.lab,
        dilation=now.dilation,
        hosts=now.hosts,
        seconds=(now.at - before.at) / 1e9,
        runs=tuple(RunRow(pid, pulse.qps, pulse.at, sum(goodput[pid])) for pid, pulse in now.runs),
        planes=tuple(_plane(plane, now, ports, goodput.values()) for plane in range(now.planes)),
        ports=tuple(sorted(ports, key=_ailing)),
        events=tuple(events[-_LATEST:]),
    )


def _goodput(before: Pulse | None, now: Pulse) -> tuple[float, ...]:
    """Fabric bit/s by plane; of a run that was not there before, since its traffic began."""
    begin, had = (0, (0,) * len(now.delivered)) if before is None else (before.at, before.delivered)
    seconds = (now.at - begin) / 1e9
    if seconds <= 0:
        return (0.0,) * len(now.delivered)
    return tuple((have - had) * 8 / seconds for have, had in zip(now.delivered, had, strict=True))


def _port(before: PortSeen, now: PortSeen, fabric_s: float) -> PortRow:
    sent = max(now.traffic.sent_bytes - before.traffic.sent_bytes, 0)

    def counted(name: str) -> Counted | None:
        return None if now.queue is None else _counted(before.queue, now.queue, name)

    return PortRow(
        port=str(now.end),
        peer=now.peer,
        plane=now.plane,
        sent_bps=sent * 8 / fabric_s,
        holds=None if now.queue is None else now.queue.backlog,
        marked=counted("marked"),
        trimmed=counted("trimmed"),
        dropped=counted("dropped"),
        drops=() if now.queue is None else tuple((why, count) for why, count in now.queue.drops if count),
        faults=() if now.queue is None else now.queue.faults,
    )


def _counted(before: Queue | None, now: Queue, name: str) -> Counted:
    """What is new; a port that was made anew meanwhile begins at zero."""
    total = int(getattr(now, name))
    had = 0 if before is None else int(getattr(before, name))
    return Counted(total, max(total - had, 0))


def _plane(
    plane: int, now: LabSeen, ports: Iterable[PortRow], goodput: Iterable[tuple[float, ...]]
) -> PlaneRow:
    mine = [port for port in ports if port.plane == plane]
    return PlaneRow(
        plane=plane,
        goodput_bps=sum(of[plane] for of in goodput),
        marked=_together(port.marked for port in mine),
        trimmed=_together(port.trimmed for port in mine),
        dropped=_together(port.dropped for port in mine),
        evs=tuple(ev for _, pulse in now.runs for ev in pulse.evs if ev.plane == plane),
    )


def _together(counters: Iterable[Counted | None]) -> int:
    return sum(one.total for one in counters if one is not None)


def _ailing(port: PortRow) -> tuple[object, ...]:
    """Faults first, then who drops, trims or marks just now, then who ever did, then the busiest."""
    counters = [one or Counted(0, 0) for one in (port.dropped, port.trimmed, port.marked)]
    new, total = ([-getattr(one, name) for one in counters] for name in ("new", "total"))
    return (not port.faults, *new, *total, -port.sent_bps, port.port)
