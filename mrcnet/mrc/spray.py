"""Which EV the next packets ride: planes in strict rotation, shuffled EVs inside each (spec 4.2)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mrcnet.compiled import compiled
from mrcnet.mrc.evs import Cause, EvSet, State
from mrcnet.mrc.settings import Settings

Column = npt.NDArray[np.int64]

_DEALT = 128  # a shuffle deals at least so many EVs, to be worth its cost


@compiled
def _deal(
    drawn: Column,
    count: int,
    turn: int,
    order: Column,
    room: Column,
    passes: Column,
    ends: Column,
    at: Column,
) -> tuple[int, int, int]:
    """Deal on from `turn`, one EV a turn: -> (EVs drawn, next turn, the place whose pass is used up or -1).

    `order` is the order of planes, `room` what each still takes, in that order: one without misses its turns.
    `passes` (planes, n) are shuffled EVs up to `ends` (planes), dealt up to `at` (planes).
    """
    while turn < len(drawn):
        place = turn % len(order)
        plane = order[place]
        if room[place] > 0:
            if at[plane] == ends[plane]:
                return count, turn, plane
            drawn[count] = passes[plane, at[plane]]
            at[plane] += 1
            room[place] -= 1
            count += 1
        turn += 1
    return count, turn, -1


class Spray:
    """Draws EVs for batches of packets from the active set of one QP."""

    def __init__(self, evs: EvSet, settings: Settings, rng: np.random.Generator) -> None:
        self._evs = evs
        self._rng = rng
        self._turns = settings.shuffle_turns
        self._version = -1
        planes = len(evs.planes)
        self._passes = np.zeros((planes, 0), np.int64)
        self._ends = np.zeros(planes, np.int64)
        self._at = np.zeros(planes, np.int64)
        self._next = 0  # the place in `planes` whose turn it is
        self._port = [int(evs.port[evs.of_plane[plane][0]]) for plane in evs.planes]
        self._usable: list[Column] = []

    def draw(self, count: int, room: Column, now: int) -> Column:
        """Up to `count` EV indices in send order; `room` (ports) frames each port still takes.

        The choice is made at send time, given the ports with room (spec 4.2); packets that find no room
        are not drawn.
        """
        evs = self._evs
        if self._version != evs.version:
            self._refresh()
        takes = room.tolist()
        order = [
            place for place, port in enumerate(self._port) if takes[port] > 0 and len(self._usable[place])
        ]
        if not order:
            return self._without_good(count, room)
        first = next((turn for turn, place in enumerate(order) if place >= self._next), 0)
        order = order[first:] + order[:first]
        places = np.array(order)
        left = np.array([takes[self._port[place]] for place in order])
        drawn = np.empty(count, np.int64)
        dealt, turn, empty = 0, 0, 0
        while empty >= 0:
            dealt, turn, empty = _deal(drawn, dealt, turn, places, left, self._passes, self._ends, self._at)
            if empty >= 0:
                self._shuffle(empty, now)
        if count:
            self._next = order[(count - 1) % len(order)] + 1
        return drawn[:dealt]

    def _refresh(self) -> None:
        """The sets changed: every pass begins anew."""
        evs = self._evs
        self._ends[:] = self._at[:] = 0
        self._usable = [evs.usable(plane) for plane in evs.planes]
        self._version = evs.version

    def _shuffle(self, place: int, now: int) -> None:
        """The next pass of a plane."""
        evs = self._evs
        usable = self._usable[place]
        skipped = usable[evs.state[usable] == State.SKIP]
        passes = self._rng.permuted(np.tile(usable, (max(self._turns, _DEALT // len(usable)), 1)), axis=1)
        first = passes[0]
        for number in skipped.tolist():  # section 9 no. 15: a SKIP misses one turn
            evs.move(number, Cause.TURN_MISSED, now)
        self._version = evs.version
        if len(skipped) and len(skipped) < len(usable):
            first = first[~np.isin(first, skipped)]
        dealt = np.concatenate((first, passes[1:].ravel()))
        if len(dealt) > self._passes.shape[1]:
            wider = np.zeros((len(self._ends), len(dealt)), np.int64)
            wider[:, : self._passes.shape[1]] = self._passes
            self._passes = wider
        self._passes[place, : len(dealt)] = dealt
        self._ends[place], self._at[place] = len(dealt), 0

    def _without_good(self, count: int, room: Column) -> Column:
        """spec 4.2, section "Nothing GOOD left": one EV that failed longest ago carries on."""
        evs = self._evs
        standby = np.flatnonzero((evs.state <= State.SKIP) & ~evs.out & (room[evs.port] > 0))
        number = int(standby[0]) if len(standby) else evs.last_resort()
        if number is None:
            return np.empty(0, np.int64)
        # control packets may have overdrawn a port: its room is then negative
        return np.full(max(0, min(count, int(room[evs.port[number]]))), number, np.int64)
