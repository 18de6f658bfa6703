"""What a port of a lab sends and receives, whole, as it happens, for who watches.

Memory is bounded by the ring: who takes too slowly misses frames, and is told how many.
"""

from __future__ import annotations

import os
import select
import time
from dataclasses import dataclass

from mrcnet.kernel import netns
from mrcnet.nic.ring import Ring, port_numbers
from mrcnet.topology.model import End

_MEMORY = 32 << 20  # bytes of the ring
_LEAST = 256  # slots
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Heard:
    """A frame: when (CLOCK_MONOTONIC, ns), its length on the wire, whether the port sent it, its bytes."""

    at: int
    length: int
    sent: bool
    data: bytes


class Listener:
    """On one port, until it is closed. Keeps `snap` bytes of a frame.

    What the port should send and its own program or filter drops is not heard: it never left. Raises OSError
    if the port is not there.
    """

    def __init__(self, lab: str, end: End, snap: int) -> None:
        self._snap = snap
        self._path = netns.path_of(lab, end.node)
        with netns.inside(self._path):
            self._node = os.stat("/proc/thread-self/ns/net").st_ino
            self._ring = Ring(snap, max(_LEAST, _MEMORY // snap), port_numbers([end.port]), only=end.port)
        self._poll = select.poll()
        self._poll.register(self._ring.fileno(), select.POLLIN)
        self.missed = 0

    def wait(self, seconds: float) -> None:
        """Until there is something to take, `seconds` at most."""
        if any(event & ~select.POLLIN for _, event in self._poll.poll(seconds * 1_000)):
            time.sleep(seconds)  # the port is down, and says so again and again

    def take(self) -> list[Heard]:
        """The next frames, in order; none if there are none yet."""
        batch = self._ring.read(_BATCH)
        if batch is None:
            self.missed += self._ring.drops()
            return []
        mine = (batch.port == 0).tolist()
        rows = batch.buffer[:, batch.at : batch.at + self._snap]
        columns = zip(
            self._ring.arrived().tolist(), batch.length.tolist(), self._ring.outgoing().tolist(), strict=True
        )
        found = [
            Heard(at, length, sent, row[:length].tobytes())
            for is_mine, (at, length, sent), row in zip(mine, columns, rows, strict=True)
            if is_mine
        ]
        self._ring.release()
        return found

    def gone(self) -> bool:
        """Whether the node is no more: its lab went down."""
        try:
            return os.stat(self._path).st_ino != self._node
        except OSError:
            return True

    def close(self) -> None:
        """Hear no more."""
        self.missed += self._ring.drops()
        self._ring.close()
