"""The EVs of one QP: their states, the active and the backup set (spec 4.1-4.3).

The state machine is a table. One function changes a state, keeps the active set whole with a backup of
the same plane, and emits the event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np

from mrcnet.mrc.events import EvChanged
from mrcnet.mrc.settings import Settings


class State(IntEnum):
    """spec 4.3."""

    GOOD = 0
    SKIP = 1
    ASSUMED_BAD = 2
    DENIED = 3


class Cause(StrEnum):
    """What moves an EV."""

    LOSS = "loss inferred"
    TIMEOUT = "local ACK timeout"
    SKIP_ONCE = "SACK SKIP_ONCE"
    TRIMMED = "NACK TRIMMED"
    ALWAYS_SKIP = "SACK ALWAYS_SKIP"
    TURN_MISSED = "turn missed"
    PROBED = "probes answered"
    PROBED_SKIP = "probe answered SKIP_ONCE"
    DENY = "controller denied"
    ALLOW = "controller allowed"


TRANSITIONS: dict[tuple[State, Cause], State] = {
    (State.GOOD, Cause.SKIP_ONCE): State.SKIP,
    (State.GOOD, Cause.TRIMMED): State.SKIP,
    (State.SKIP, Cause.TURN_MISSED): State.GOOD,
    (State.GOOD, Cause.ALWAYS_SKIP): State.ASSUMED_BAD,
    (State.SKIP, Cause.ALWAYS_SKIP): State.ASSUMED_BAD,
    (State.GOOD, Cause.TIMEOUT): State.ASSUMED_BAD,
    (State.SKIP, Cause.TIMEOUT): State.ASSUMED_BAD,
    (State.GOOD, Cause.LOSS): State.ASSUMED_BAD,  # one real, untrimmed loss is enough
    (State.SKIP, Cause.LOSS): State.ASSUMED_BAD,
    (State.ASSUMED_BAD, Cause.PROBED): State.GOOD,
    (State.ASSUMED_BAD, Cause.PROBED_SKIP): State.SKIP,  # section 9 no. 17
    (State.DENIED, Cause.ALLOW): State.GOOD,
    **{(state, Cause.DENY): State.DENIED for state in State if state is not State.DENIED},
}

_SMOOTH = 8  # samples that an EV's RTT remembers, more or less


@dataclass(frozen=True, slots=True)
class EvPath:
    """One EV as the plan gives it: value, plane, index of the local port, 16-byte carrier."""

    ev: int
    plane: int
    port: int
    carrier: bytes


class EvSet:
    """All EVs of one QP as columns; `active` ones carry data, the others stand by (spec 4.2)."""

    def __init__(
        self,
        qpn: int,
        paths: Sequence[EvPath],
        settings: Settings,
        rng: np.random.Generator,
        emit: Callable[[EvChanged], None],
    ) -> None:
        self.qpn = qpn
        self.paths = tuple(paths)
        self._emit = emit
        count = len(paths)
        self.value = np.array([path.ev for path in paths], np.uint32)
        self.plane = np.array([path.plane for path in paths], np.int64)
        self.port = np.array([path.port for path in paths], np.int64)
        self.state = np.full(count, State.GOOD, np.uint8)
        self.active = np.zeros(count, np.bool_)
        self.failed_at = np.zeros(count, np.int64)
        self.sent = np.zeros(count, np.int64)
        self.lost = np.zeros(count, np.int64)
        self.rtt: list[int | None] = [None] * count  # smoothed, ns; None: not measured yet
        self.cause = [""] * count
        self.index = {path.ev: number for number, path in enumerate(paths)}
        self.planes = tuple(sorted({path.plane for path in paths}))
        self.of_plane = {plane: np.flatnonzero(self.plane == plane) for plane in self.planes}
        self.floor = max(1, int(count * settings.ev_min_active_share))  # spec 4.1: ev_min_active
        self.version = 0  # grows with every change of the sets: who caches a draw looks at it
        self._target: dict[int, int] = {}
        for plane, members in self.of_plane.items():
            # spec 4.2: a random subset inside each plane; at least one EV is active
            wanted = max(1, len(members) - int(len(members) * settings.backup_share))
            self._target[plane] = wanted
            self.active[rng.permutation(members)[:wanted]] = True

    def usable(self, plane: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Indices of the plane's active EVs that may carry data: GOOD, or SKIP waiting for its turn."""
        members = self.of_plane[plane]
        return members[self.active[members] & (self.state[members] <= State.SKIP)]

    def move(self, number: int, cause: Cause, now: int) -> bool:
        """Apply a cause to the EV `number`; True if its state changed."""
        old = State(int(self.state[number]))
        new = TRANSITIONS.get((old, cause))
        if new is None:
            return False
        if new is State.ASSUMED_BAD:
            if int((self.state <= State.SKIP).sum()) <= self.floor:
                return False  # spec 4.1: the floor holds
            self.failed_at[number] = now
        self.state[number] = new
        self.cause[number] = cause
        self.version += 1
        self._rebalance(int(self.plane[number]), number)
        self._emit(
            EvChanged(
                now, self.qpn, int(self.value[number]), int(self.plane[number]), old.name, new.name, cause
            )
        )
        return True

    def measured(self, number: int, rtt: int) -> None:
        """One sample of the EV's RTT (spec 5.4), in ns; it counts for an eighth."""
        before = self.rtt[number]
        self.rtt[number] = rtt if before is None else before + (rtt - before) // _SMOOTH

    def _rebalance(self, plane: int, number: int) -> None:
        """spec 4.2: a removed EV's place goes to a backup of the same plane, never another."""
        members = self.of_plane[plane]
        if self.state[number] >= State.ASSUMED_BAD:
            self.active[number] = False
        lacking = self._target[plane] - int(self.active[members].sum())
        if lacking > 0:
            spare = members[~self.active[members] & (self.state[members] <= State.SKIP)]
            self.active[spare[:lacking]] = True

    def last_resort(self) -> int | None:
        """spec 4.2, nothing GOOD left: the least recently failed EV, never a DENIED one."""
        allowed = np.flatnonzero(self.state != State.DENIED)
        if not len(allowed):
            return None
        return int(allowed[np.argmin(self.failed_at[allowed])])
