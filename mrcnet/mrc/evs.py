"""The EVs of one QP: their states, the active and the backup set (spec 4.1-4.3).

The state machine is a table. One function changes a state, keeps the active set whole with a backup of
the same plane, and emits the event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.events import EvChanged, PlaneChanged
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
    REPLACED = "controller replaced"


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


_BY_CONTROLLER = (Cause.DENY, Cause.ALLOW)


@dataclass(frozen=True, slots=True)
class EvPath:
    """One EV as the plan gives it: value, plane, index of the local port, 16-byte carrier."""

    ev: int
    plane: int
    port: int
    carrier: bytes


@dataclass(frozen=True, slots=True)
class EvStatus:
    """One EV as a controller sees it; `rtt` in ns, None if not measured; `out`: its plane is withdrawn."""

    ev: int
    plane: int
    port: int
    state: State
    active: bool
    out: bool
    sent: int
    lost: int
    rtt: int | None
    cause: str


class EvSet:
    """All EVs of one QP as columns; `active` ones carry data, the others stand by (spec 4.2)."""

    def __init__(
        self,
        qpn: int,
        paths: Sequence[EvPath],
        settings: Settings,
        rng: np.random.Generator,
        emit: Callable[[EvChanged | PlaneChanged], None],
        denied: Sequence[int] = (),
    ) -> None:
        self.qpn = qpn
        self.paths = tuple(paths)
        self._emit = emit
        self._oblivious = not settings.path_health
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
        self.out = np.zeros(count, np.bool_)  # spec 4.2: EVs whose plane is withdrawn
        self._down: dict[int, set[str]] = {plane: set() for plane in self.planes}  # by whose word
        self._target: dict[int, int] = {}
        for plane, members in self.of_plane.items():
            # spec 4.2: a random subset inside each plane; at least one EV is active
            wanted = max(1, len(members) - int(len(members) * settings.backup_share))
            self._target[plane] = wanted
            chosen = rng.permutation(members)
            if denied:  # spec 4.1: paths excluded before traffic starts
                self.state[members[np.isin(self.value[members], denied)]] = State.DENIED
                chosen = chosen[self.state[chosen] != State.DENIED]
            self.active[chosen[:wanted]] = True

    def number(self, ev: int) -> int:
        """Where a value stands. ValueError if it is not in the set."""
        if ev not in self.index:
            raise ValueError(f"EV {ev:#x} is not in the set")
        return self.index[ev]

    def query(self) -> tuple[EvStatus, ...]:
        """Every EV as it stands, in order."""
        return tuple(
            EvStatus(
                path.ev,
                path.plane,
                path.port,
                State(int(self.state[number])),
                bool(self.active[number]),
                bool(self.out[number]),
                int(self.sent[number]),
                int(self.lost[number]),
                self.rtt[number],
                self.cause[number],
            )
            for number, path in enumerate(self.paths)
        )

    def usable(self, plane: int) -> npt.NDArray[np.int64]:
        """Indices of the plane's active EVs that may carry data: GOOD, or SKIP waiting for its turn."""
        members = self.of_plane[plane]
        return members[self.active[members] & (self.state[members] <= State.SKIP) & ~self.out[members]]

    def set_plane(self, plane: int, up: bool, cause: str, now: int) -> None:
        """Withdraw a plane or take it back; it is back when no cause is left.

        The states inside are frozen meanwhile (spec 4.3, last row); a plane that no EV uses is no matter.
        """
        if plane not in self._down:
            return
        causes = self._down[plane]
        was = bool(causes)
        causes.discard(cause) if up else causes.add(cause)
        if was != bool(causes):
            self.out[self.of_plane[plane]] = not was
            self.version += 1
            self._emit(PlaneChanged(now, self.qpn, plane, was, cause))

    @property
    def allowed(self) -> npt.NDArray[np.int64]:
        """Indices of the EVs that may carry anything, a probe or control: not DENIED, not withdrawn."""
        return np.flatnonzero(~self.out & (self.state != State.DENIED))

    @property
    def stranded(self) -> bool:
        """No EV is left that may carry anything."""
        return not len(self.allowed)

    def move(self, number: int, cause: Cause, now: int) -> bool:
        """Apply a cause to the EV `number`; True if its state changed."""
        if (self.out[number] or self._oblivious) and cause not in _BY_CONTROLLER:
            return False
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

    def replace(self, number: int, path: EvPath, now: int) -> None:
        """spec 4.1: another path takes the place of the EV `number`, and is GOOD.

        ValueError if it is of another plane (the planes stay equal), or stands in the set already.
        """
        if path.plane != self.plane[number]:
            raise ValueError(f"EV {path.ev:#x} is of plane {path.plane}, not {int(self.plane[number])}")
        if self.index.get(path.ev, number) != number:
            raise ValueError(f"EV {path.ev:#x} stands in the set already")
        del self.index[int(self.value[number])]
        self.index[path.ev] = number
        self.paths = (*self.paths[:number], path, *self.paths[number + 1 :])
        self.value[number], self.port[number] = path.ev, path.port
        self.rtt[number] = None
        old = State(int(self.state[number]))
        self.state[number], self.cause[number] = State.GOOD, Cause.REPLACED
        self.version += 1
        self._rebalance(path.plane, number)
        self._emit(EvChanged(now, self.qpn, path.ev, path.plane, old.name, State.GOOD.name, Cause.REPLACED))

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
        allowed = self.allowed
        if not len(allowed):
            return None
        return int(allowed[np.argmin(self.failed_at[allowed])])
