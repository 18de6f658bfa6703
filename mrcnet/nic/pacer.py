"""Transmit queues of a NIC: how much each port of a host may be given now, and when it has room again.

A port sends at its rate, so what it was given says when it is through. The queue is short: a packet's EV is
chosen as late as can be, and what waits here waits in no switch (spec 4.2, "at send time").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_LEAST = 2  # frames that a port may hold: one on the wire, one behind it
NEVER = 1 << 62
_Column = npt.NDArray[Any]


class Pacer:
    """All ports of a host. Instants and durations are wall nanoseconds."""

    def __init__(self, rates_bps: Sequence[float], frame: int, turn_ns: int) -> None:
        """`rates_bps` in wall time, by port; `frame`: bytes of a full one; `turn_ns`: between two looks."""
        self._ns_per_byte = 8e9 / np.array(rates_bps, float)
        self._frame_ns = frame * self._ns_per_byte
        self._depth = _LEAST * self._frame_ns + turn_ns
        self._free = np.zeros(len(rates_bps))
        self._short = np.zeros(len(rates_bps), bool)  # data waited for room when we last looked
        self.sent_bytes = np.zeros(len(rates_bps))
        self.dry_ns = np.zeros(len(rates_bps))  # time a port had nothing to send though data waited

    def room(self, wall: int) -> npt.NDArray[np.int64]:
        """Full frames that each port takes now."""
        backlog = np.maximum(self._free - wall, 0)
        frames = (self._depth - backlog) // self._frame_ns
        return np.maximum(frames, 0).astype(np.int64)

    def sent(self, port: _Column, length: _Column, wall: int) -> None:
        """Frames of `length` bytes were handed to their ports."""
        size = np.bincount(port, weights=length, minlength=len(self._free))
        self.sent_bytes += size
        idle = np.maximum(wall - self._free, 0)
        self.dry_ns += np.where(self._short & (size > 0), idle, 0)
        self._free = np.maximum(self._free, wall) + size * self._ns_per_byte
        self._short &= size == 0

    def wait(self, room: npt.NDArray[np.int64]) -> None:
        """Data waits for room on the ports that have none left in `room`."""
        self._short = room <= 0

    def rest(self) -> None:
        """Nothing waits: a port that falls silent is not short of anything."""
        self._short[:] = False

    def next_room(self) -> int:
        """When the first of the ports that data waits for has room for a full frame; NEVER if none waits."""
        at = self._free - self._depth + self._frame_ns
        return int(at[self._short].min()) + 1 if self._short.any() else NEVER
