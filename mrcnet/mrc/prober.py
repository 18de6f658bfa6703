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


@dataclass(slots=True)
class _Trial:
    """An ASSUMED_BAD EV being tested: when the next probe is due, answers in a row, the id in flight."""

    due: int
    backoff: int = 1
    streak: int = 0
    probe: int | None = None  # spec 4.7: at most one outstanding per EV


class Prober:
    """Decides when a QP probes, and what an answer means."""

    def __init__(self, evs: EvSet, requestor: Requestor, settings: Settings) -> None:
        self._evs = evs
        self._requestor = requestor
        self._settings = settings
        self._trials: dict[int, _Trial] = {}  # by EV
        self._flying: dict[int, Probe] = {}  # by id
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
        bad = np.flatnonzero((self._evs.state == State.ASSUMED_BAD) & ~self._evs.out).tolist()
        self._trials = {ev: self._trials.get(ev) or _Trial(now + self._interval()) for ev in bad}

    def due(self, now: int, most: int) -> list[Probe]:
        """Up to `most` probes to send now; they count as sent."""
        if self._requestor.failed:
            return []
        self._refresh(now)
        ready = [ev for ev, trial in self._trials.items() if trial.due <= now]
        probes = [self._test(ev, now) for ev in ready[:most]]
        if len(probes) < most and self._silent_since() <= now:
            self._silence_at = now
            if (ev := self._any_good()) is not None:
                probes.append(self._launch(ev, now, test=False))
        return probes

    def _test(self, ev: int, now: int) -> Probe:
        trial = self._trials[ev]
        if trial.probe is not None:  # the last one went unanswered
            trial.streak = 0
            trial.backoff = min(trial.backoff * 2, self._settings.probe_backoff_limit)
        probe = self._launch(ev, now, test=True)
        trial.probe = probe.number
        trial.due = now + self._interval() * trial.backoff
        return probe

    def _launch(self, ev: int, now: int, *, test: bool) -> Probe:
        probe = Probe(self._next_id, ev, now, test)
        self._next_id = (self._next_id + 1) & 0xFFFF
        self._flying[probe.number] = probe
        if len(self._flying) > _HISTORY:
            del self._flying[next(iter(self._flying))]
        return probe

    def _any_good(self) -> int | None:
        """The good EV that has carried least, so that silence probes wander over the paths."""
        good = np.flatnonzero(self._evs.active & (self._evs.state == State.GOOD) & ~self._evs.out)
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
        tests = min((trial.due for trial in self._trials.values()), default=NEVER)
        return min(tests, self._silent_since())

    def on_answer(self, probe_id: int, mark: int, now: int) -> int | None:
        """A SACK with pr = 1 came; returns when the probe had left, None for an id that is unknown."""
        probe = self._flying.pop(probe_id, None)
        if probe is None:
            return None
        self._requestor.base_rtt = min(self._requestor.base_rtt, max(1, now - probe.sent_at))
        trial = self._trials.get(probe.ev)
        if trial is not None and trial.probe == probe_id:
            trial.probe = None
            trial.streak += 1
            trial.backoff = 1
            trial.due = now + self._interval()
            if trial.streak >= self._settings.probes_to_good:  # section 9 no. 16
                skip = mark == Mark.SKIP_ONCE
                self._evs.move(probe.ev, Cause.PROBED_SKIP if skip else Cause.PROBED, now)
                del self._trials[probe.ev]  # should it fail again at once, it is a fresh case
        return probe.sent_at
