"""Taps on virtual ports: what a port sends and what it receives, each into a window of bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mrcnet.sim.flight import Flight, Rows
from mrcnet.sim.layout import PortTable
from mrcnet.sim.port import PS
from mrcnet.topology.model import End
from mrcnet.workload.framewindow import SNAP, Captured, FrameWindow, Instants, together


@dataclass(frozen=True, slots=True)
class _Tap:
    """Of one port; a frame that it receives was sent by its peer."""

    end: End
    sent: FrameWindow
    received: FrameWindow


class Taps:
    """Sees every frame that comes out of a port, at the instant at which it left."""

    def __init__(self, table: PortTable, ends: Iterable[End]) -> None:
        self._table = table
        self._taps = {table.number[end]: _Tap(end, FrameWindow(), FrameWindow()) for end in ends}
        self._is = np.zeros(table.count, np.bool_)
        for port in self._taps:
            self._is[[port, table.peer[port]]] = True

    def see(self, flight: Flight, rows: Rows, port: Rows, leaves: Instants) -> None:
        """Frames that leave their ports; `leaves` in ps."""
        if not self._is[port].any():
            return
        for number in np.unique(port[self._is[port]]).tolist():
            mine = port == number
            frames, length = flight.look(rows[mine])
            data = np.zeros((len(frames), SNAP), np.uint8)
            width = min(SNAP, frames.shape[1])
            data[:, :width] = frames[:, :width]
            if (tap := self._taps.get(number)) is not None:
                tap.sent.add(leaves[mine] // PS, length, np.ones(len(length), np.bool_), data)
            if (tap := self._taps.get(self._table.peer[number])) is not None:
                at = (leaves[mine] + self._table.delay[number]) // PS
                tap.received.add(at, length, np.zeros(len(length), np.bool_), data)

    def mark(self, at: int) -> None:
        """Keep what surrounds this instant, fabric ns."""
        for tap in self._taps.values():
            tap.sent.mark(at)
            tap.received.mark(at)

    def captured(self) -> tuple[Captured, ...]:
        """What was kept, by port."""
        return tuple(
            together(tap.sent.captured(str(tap.end)), tap.received.captured(str(tap.end)))
            for tap in self._taps.values()
        )
