"""A tap on a port of a lab: what the port sends and receives, into a window of bounded memory."""

from __future__ import annotations

from mrcnet.kernel import netns
from mrcnet.nic.ring import Ring, port_numbers
from mrcnet.topology.model import End
from mrcnet.workload.framewindow import SNAP, Captured, FrameWindow

_SLOTS = 8_192  # of the kernel's ring: some 200 ms at the rate of a core
_BATCH = 1_024


class Tap:
    """On one port, until it is closed. Instants are CLOCK_MONOTONIC in ns.

    What the port should send and its own program or filter drops is not seen: it never left.
    """

    def __init__(self, lab: str, end: End) -> None:
        self.end = end
        with netns.inside(netns.path_of(lab, end.node)):
            self._ring = Ring(SNAP, _SLOTS, port_numbers([end.port]), only=end.port)
        self._window = FrameWindow()

    def take(self) -> None:
        """Take in what came and went meanwhile."""
        while (batch := self._ring.read(_BATCH)) is not None:
            mine = batch.port == 0
            begin = batch.at
            self._window.add(
                self._ring.arrived()[mine],
                batch.length[mine],
                self._ring.outgoing()[mine],
                batch.buffer[mine, begin : begin + SNAP],
            )
            self._ring.release()
        self._window.missed += self._ring.drops()

    def mark(self, at: int) -> None:
        """Keep what surrounds this instant."""
        self._window.mark(at)

    def captured(self) -> Captured:
        """What was kept."""
        self.take()
        return self._window.captured(str(self.end))

    def close(self) -> None:
        """Hear no more."""
        self._ring.close()
