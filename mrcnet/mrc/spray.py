"""Which EV the next packets ride: planes in strict rotation, shuffled EVs inside each (spec 4.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.evs import Cause, EvSet, State
from mrcnet.mrc.settings import Settings

_DEALT = 128  # a shuffle deals at least so many EVs, to be worth its cost


class Spray:
    """Draws EVs for batches of packets from the active set of one QP."""

    def __init__(self, evs: EvSet, settings: Settings, rng: np.random.Generator) -> None:
        self._evs = evs
        self._rng = rng
        self._turns = settings.shuffle_turns
        self._version = -1
        self._cycle: dict[int, npt.NDArray[np.int64]] = {}
        self._at: dict[int, int] = {}
        self._next_plane = 0
        self._port = {plane: int(evs.port[members[0]]) for plane, members in evs.of_plane.items()}
        self._usable: dict[int, npt.NDArray[np.int64]] = {}

    def draw(self, count: int, room: npt.NDArray[Any], now: int) -> npt.NDArray[np.int64]:
        """Up to `count` EV indices in send order; `room` (ports) frames each port still takes.

        The choice is made at send time, given the ports with room (spec 4.2); packets that find no room
        are not drawn.
        """
        evs = self._evs
        if self._version != evs.version:
            self._refresh()
        open_planes = [
            plane for plane, usable in self._usable.items() if len(usable) and room[self._port[plane]] > 0
        ]
        if not open_planes:
            return self._without_good(count, room)
        ways = len(open_planes)
        first = next((i for i, plane in enumerate(open_planes) if plane >= self._next_plane), 0)
        order = open_planes[first:] + open_planes[:first]
        share = [(count - turn + ways - 1) // ways for turn in range(ways)]
        limits = [int(room[self._port[plane]]) for plane in order]
        if all(want <= limit for want, limit in zip(share, limits, strict=True)):
            drawn = np.empty(count, np.int64)
            for turn, plane in enumerate(order):
                drawn[turn::ways] = self._deal(plane, share[turn], now)
        else:  # a port is short of room: serve what fits, still in rotation
            parts = [self._deal(p, min(w, r), now) for p, w, r in zip(order, share, limits, strict=True)]
            keys = np.concatenate([np.arange(len(part)) * ways + turn for turn, part in enumerate(parts)])
            drawn = np.concatenate(parts)[np.argsort(keys)]
        self._next_plane = (order[(count - 1) % ways] + 1) if count else self._next_plane
        return drawn

    def _refresh(self) -> None:
        """The sets changed: every pass begins anew."""
        evs = self._evs
        self._cycle = {plane: np.empty(0, np.int64) for plane in evs.planes}
        self._at = dict.fromkeys(evs.planes, 0)
        self._usable = {plane: evs.usable(plane) for plane in evs.planes}
        self._version = evs.version

    def _deal(self, plane: int, count: int, now: int) -> npt.NDArray[np.int64]:
        """The next `count` EVs of one plane, reshuffling when the pass is used up."""
        taken: list[npt.NDArray[np.int64]] = []
        need = count
        while need:
            cycle, at = self._cycle[plane], self._at[plane]
            if at == len(cycle):
                self._cycle[plane] = self._shuffle(plane, now)
                self._at[plane] = 0
                continue
            part = cycle[at : at + need]
            self._at[plane] = at + len(part)
            need -= len(part)
            taken.append(part)
        if len(taken) == 1:
            return taken[0]
        return np.concatenate(taken) if taken else np.empty(0, np.int64)

    def _shuffle(self, plane: int, now: int) -> npt.NDArray[np.int64]:
        evs = self._evs
        usable = self._usable[plane]
        skipped = usable[evs.state[usable] == State.SKIP]
        passes = self._rng.permuted(np.tile(usable, (max(self._turns, _DEALT // len(usable)), 1)), axis=1)
        first = passes[0]
        for number in skipped.tolist():  # section 9 no. 15: a SKIP misses one turn
            evs.move(number, Cause.TURN_MISSED, now)
        self._version = evs.version
        if len(skipped) and len(skipped) < len(usable):
            first = first[~np.isin(first, skipped)]
        return np.concatenate((first, passes[1:].ravel()))

    def _without_good(self, count: int, room: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """spec 4.2, section "Nothing GOOD left": one EV that failed longest ago carries on."""
        evs = self._evs
        standby = np.flatnonzero((evs.state <= State.SKIP) & ~evs.out & (room[evs.port] > 0))
        number = int(standby[0]) if len(standby) else evs.last_resort()
        if number is None:
            return np.empty(0, np.int64)
        # control packets may have overdrawn a port: its room is then negative
        return np.full(max(0, min(count, int(room[evs.port[number]]))), number, np.int64)
