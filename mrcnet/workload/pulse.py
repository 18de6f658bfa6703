"""What a run is doing now, added up over its hosts: for who watches, as often as once a second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mrcnet.mrc.endpoint import Endpoint
from mrcnet.mrc.events import EvChanged, PacketsLost, PlaneChanged
from mrcnet.mrc.evs import State
from mrcnet.workload.report import Told
from mrcnet.workload.station import Bins, Station

LATEST = 32  # events that a pulse holds
_NAMES = (*(state.name for state in State), "OUT")


@dataclass(frozen=True, slots=True)
class EvHealth:
    """An EV by its value: how many QPs have it in each state; `out`: its plane is withdrawn there."""

    ev: int
    plane: int
    good: int
    skip: int
    assumed_bad: int
    denied: int
    out: int

    @property
    def by_state(self) -> tuple[tuple[str, int], ...]:
        """(state, QPs): the states of spec 4.2, then OUT."""
        counts = self.good, self.skip, self.assumed_bad, self.denied, self.out
        return tuple(zip(_NAMES, counts, strict=True))


@dataclass(frozen=True, slots=True)
class Happening:
    """An event in a line. `at`: fabric ns since traffic began."""

    at: int
    host: str
    text: str


@dataclass(frozen=True, slots=True)
class Pulse:
    """A run at the instant `at` (fabric ns since traffic began): payload bytes delivered so far by plane,
    sending QPs that are not done, EVs, the latest events, and how many of each kind there were.
    """

    at: int
    delivered: tuple[int, ...]
    qps: int
    evs: tuple[EvHealth, ...]
    events: tuple[Happening, ...]
    counts: tuple[tuple[str, int], ...]


def pulse_of(stations: Sequence[Station], bins: Bins, now: int) -> Pulse:
    """The pulse of the stations of one process."""
    seen: Counter[tuple[int, int, str]] = Counter()
    for station in stations:
        for qpn in station.sources:
            seen.update(_states(station, qpn))
    told = [
        Happening(event.at - bins.start, host, in_words(event))
        for station in stations
        for host, event in station.events[-LATEST:]
    ]
    return Pulse(
        at=now - bins.start,
        delivered=tuple(bins.data.sum(axis=1).tolist()),
        qps=sum(not source.done for station in stations for source in station.sources.values()),
        evs=_healths(seen),
        events=_latest(told),
        counts=tuple(sorted(sum((station.told for station in stations), Counter()).items())),
    )


def _states(station: Station, qpn: int) -> list[tuple[int, int, str]]:
    """(EV, plane, state) of a QP. MRC's columns are read as they are: a run has better things to do."""
    if not isinstance(station.endpoint, Endpoint):
        return [(ev.ev, ev.plane, "OUT" if ev.out else ev.state.name) for ev in station.endpoint.evs(qpn)]
    evs = station.endpoint.qps[qpn].evs
    number = np.where(evs.out, len(State), evs.state).tolist()
    return list(zip(evs.value.tolist(), evs.plane.tolist(), map(_NAMES.__getitem__, number), strict=True))


def _healths(seen: Counter[tuple[int, int, str]]) -> tuple[EvHealth, ...]:
    evs = sorted({(ev, plane) for ev, plane, _ in seen})
    return tuple(EvHealth(ev, plane, *(seen[ev, plane, name] for name in _NAMES)) for ev, plane in evs)


def _latest(told: Iterable[Happening]) -> tuple[Happening, ...]:
    return tuple(sorted(told, key=lambda one: one.at)[-LATEST:])


def joined(pulses: Sequence[Pulse]) -> Pulse:
    """Pulses of several processes of a run as one."""
    seen: Counter[tuple[int, int, str]] = Counter()
    counts: Counter[str] = Counter()
    for pulse in pulses:
        for one in pulse.evs:
            for name, count in one.by_state:
                seen[one.ev, one.plane, name] += count
        counts.update(dict(pulse.counts))
    return Pulse(
        at=max((pulse.at for pulse in pulses), default=0),
        delivered=tuple(map(sum, zip(*(pulse.delivered for pulse in pulses), strict=True))),
        qps=sum(pulse.qps for pulse in pulses),
        evs=_healths(seen),
        events=_latest(one for pulse in pulses for one in pulse.events),
        counts=tuple(sorted(counts.items())),
    )


def in_words(told: Told) -> str:
    """An event in a line, without its host and instant."""
    match told:
        case EvChanged():
            return f"EV {told.ev:#010x} {told.old} > {told.new}: {told.cause}"
        case PlaneChanged():
            return f"plane {told.plane} {'returned' if told.up else 'withdrawn'}: {told.cause}"
        case PacketsLost():
            return f"{len(told.psn)} packets lost: {told.cause}"
    return f"QP {told.qpn:#x} failed: {told.reason}"
