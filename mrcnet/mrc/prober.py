"""Reliability probes: is an ASSUMED_BAD EV well again, and is a silent QP's data lost? (spec 4.7)"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mrcnet.mrc.evs import Cause, EvSet, State
from mrcnet.mrc.requestor import NEVER, Requestor
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.numbers import Mark

_HISTORY = 1 << 12  # probe ids live so long, then they count as unanswered


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe on its way: its 16-bit id, the EV it rides, when it left, and whether it tests that EV."""

    number: int
    ev: int
    sent_at: int
    test: bool


class Prober:
    """Decides when a QP probes, and what an answer means."""

    def __init__(self, evs: EvSet, requestor: Requestor, settings: Settings) -> None:
        self._evs = evs
        self._requestor = requestor
        self._settings = settings
        count = len(evs.paths)
        self._due = np.full(count, NEVER, np.int64)
        self._backoff = np.ones(count, np.int64)
        self._streak = np.zeros(count, np.int64)
        self._testing: dict[int, int] = {}  # EV -> id of its outstanding probe: at most one each
        self._flying: dict[int, Probe] = {}
        self._next_id = 0
        self._version = evs.version
        self._silence_at = 0

    def _interval(self) -> int:
        return max(self._settings.probe_rtts * self._requestor.base_rtt, self._settings.probe_floor_ns)

    def _patience(self) -> int:
        return max(self._settings.silence_rtts * self._requestor.base_rtt, self._settings.probe_floor_ns)

    def _refresh(self, now: int) -> None:
        """Start probing EVs that went bad, stop for those that are bad no more."""
        if self._version == self._evs.version:
            return
        self._version = self._evs.version
        bad = self._evs.state == State.ASSUMED_BAD
        fresh = bad & (self._due == NEVER)
        self._due[fresh] = now + self._interval()
        self._backoff[fresh] = 1
        self._streak[fresh] = 0
        self._due[~bad] = NEVER

    def due(self, now: int, most: int) -> list[Probe]:
        """Up to `most` probes to send now; they count as sent."""
        if self._requestor.failed:
            return []
        self._refresh(now)
        probes = [self._test(number, now) for number in np.flatnonzero(self._due <= now)[:most].tolist()]
        if len(probes) < most and self._silent_since() <= now and (number := self._any_good()) is not None:
            self._silence_at = now
            probes.append(self._launch(number, now, test=False))
        return probes

    def _test(self, number: int, now: int) -> Probe:
        if self._testing.pop(number, None) is not None:  # the last one went unanswered
            self._streak[number] = 0
            self._backoff[number] = min(self._backoff[number] * 2, self._settings.probe_backoff_limit)
        probe = self._launch(number, now, test=True)
        self._testing[number] = probe.number
        self._due[number] = now + self._interval() * int(self._backoff[number])
        return probe

    def _launch(self, number: int, now: int, *, test: bool) -> Probe:
        probe = Probe(self._next_id, number, now, test)
        self._next_id = (self._next_id + 1) & 0xFFFF
        self._flying[probe.number] = probe
        if len(self._flying) > _HISTORY:
            del self._flying[next(iter(self._flying))]
        return probe

    def _any_good(self) -> int | None:
        """The good EV that has carried least, so that silence probes wander over the paths."""
        good = np.flatnonzero(self._evs.active & (self._evs.state == State.GOOD))
        return int(good[self._next_id % len(good)]) if len(good) else self._evs.last_resort()

    def _silent_since(self) -> int:
        """spec 4.7: when silence with data in flight becomes worth a probe."""
        if self._requestor.failed or self._requestor.in_flight <= 0:
            return NEVER
        return max(self._requestor.heard_at, self._silence_at) + self._patience()

    def next_timer(self) -> int:
        """When `due` will next have something to send."""
        if self._requestor.failed:
            return NEVER
        if self._version != self._evs.version:
            return 0
        return min(int(self._due.min()), self._silent_since())

    def on_answer(self, probe_id: int, mark: int, now: int) -> int | None:
        """A SACK with pr = 1 came; returns when the probe had left, None for an id that is unknown."""
        probe = self._flying.pop(probe_id, None)
        if probe is None:
            return None
        self._requestor.base_rtt = min(self._requestor.base_rtt, max(1, now - probe.sent_at))
        if self._testing.get(probe.ev) == probe_id:
            del self._testing[probe.ev]
            self._streak[probe.ev] += 1
            self._backoff[probe.ev] = 1
            self._due[probe.ev] = now + self._interval()
            if self._streak[probe.ev] >= self._settings.probes_to_good:  # section 9 no. 16
                skip = mark == Mark.SKIP_ONCE
                self._evs.move(probe.ev, Cause.PROBED_SKIP if skip else Cause.PROBED, now)
        return probe.sent_at
