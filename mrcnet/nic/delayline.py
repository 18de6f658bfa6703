"""Propagation in the receiving NIC: a frame is handed on only when its path's delay has passed.

Counts from the instant at which the kernel put the frame into the ring, so that a NIC that looks late adds
nothing of its own to what is on its way long enough.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.wire.frames import RxBatch

NEVER = 1 << 62


@dataclass(slots=True)
class _Held:
    """Frames in order of the instant at which they are due; those before `first` are gone."""

    batch: RxBatch
    due: npt.NDArray[np.int64]
    first: int = 0


class DelayLine:
    """Frames on their way. Instants are wall nanoseconds."""

    def __init__(self) -> None:
        self._held: dict[int, _Held] = {}
        self._order: list[tuple[int, int]] = []  # a heap of (next due, number)
        self._count = 0
        self.frames = 0

    def put(self, batch: RxBatch, due: npt.NDArray[Any]) -> None:
        """Copy a batch in; its memory may be used again."""
        order = np.argsort(due, kind="stable")
        held = RxBatch(batch.buffer[order], batch.at, batch.length[order], batch.port[order])
        self._held[self._count] = _Held(held, np.asarray(due[order], np.int64))
        heapq.heappush(self._order, (int(due[order[0]]), self._count))
        self._count += 1
        self.frames += len(order)

    def take(self, wall: int) -> RxBatch | None:
        """All frames that are due, as one batch, in order; None if there are none."""
        parts: list[RxBatch] = []
        due: list[npt.NDArray[np.int64]] = []
        put: list[npt.NDArray[np.int64]] = []
        while self.next_due() <= wall:
            number = heapq.heappop(self._order)[1]
            held = self._held[number]
            first, stop = held.first, int(np.searchsorted(held.due, wall, "right"))
            if stop < len(held.due):
                held.first = stop
                heapq.heappush(self._order, (int(held.due[stop]), number))
            else:
                del self._held[number]
            self.frames -= stop - first
            rows, batch = slice(first, stop), held.batch
            parts.append(RxBatch(batch.buffer[rows], batch.at, batch.length[rows], batch.port[rows]))
            due.append(held.due[rows])
            put.append(np.full(stop - first, number))
        if len(parts) < 2:
            return parts[0] if parts else None
        # paths differ in length, so batches overlap in time: no frame overtakes another of its path
        order = np.lexsort((np.concatenate(put), np.concatenate(due)))
        return RxBatch(
            np.concatenate([part.buffer for part in parts])[order],
            parts[0].at,
            np.concatenate([part.length for part in parts])[order],
            np.concatenate([part.port for part in parts])[order],
        )

    def next_due(self) -> int:
        """When the next frame is due; NEVER if none is held."""
        return self._order[0][0] if self._order else NEVER
