"""A host of the simulator: its station, and the frames in and out at its turns."""

from __future__ import annotations

import numpy as np

from mrcnet.mrc.wire.frames import RxBatch
from mrcnet.sim.clock import NEVER
from mrcnet.sim.fabric import Fabric
from mrcnet.sim.port import PS
from mrcnet.workload.station import Station

_TURNS_OF_ROOM = 2  # a port may hold what it sends in so many turns: it never runs dry between two
_ROOM_LEAST = 4  # frames


class Host:
    """Takes a turn when frames have come, a timer is due, or a port may have room again."""

    def __init__(self, station: Station, fabric: Fabric, turn_ns: int) -> None:
        self.station = station
        self._fabric = fabric
        self._turn = turn_ns
        self._ports = fabric.table.of_host[station.name]
        self._frame = fabric.queues.frame[self._ports]
        self._depth = np.maximum(_ROOM_LEAST * self._frame, _TURNS_OF_ROOM * turn_ns * PS)

    def take(self, batch: RxBatch, now: int) -> None:
        """Frames that have come since the last turn."""
        self.station.endpoint.receive(batch, now)
        self.station.account(now)

    def act(self, now: int) -> int:
        """Post and send what is due; returns when the next turn is, NEVER if only frames can bring it."""
        station, endpoint = self.station, self.station.endpoint
        station.act(now)
        room = (self._depth - self._fabric.queues.backlog(self._ports, now)) // self._frame
        while True:
            out = endpoint.frames_to_send(now, np.maximum(room, 0))
            if out.count:
                self._fabric.send(station.name, out, now)
                room -= np.bincount(out.port[: out.count], minlength=len(room))
            waits = endpoint.waiting(now)
            if not out.count or (out.room and not (waits and room.max() > 0)):
                break
        if waits:
            return now + self._turn
        due = station.next_timer()
        if due >= NEVER:  # what the end point did last may be its end: nothing else would bring that to light
            station.act(now)
            due = station.next_timer()
        return NEVER if due >= NEVER else max(due, now + 1)
