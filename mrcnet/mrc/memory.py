"""Registered memory, and the moving of payload between frames and regions a run at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Region:
    """Registered memory: `data` (size) uint8, known to the peer by `rkey` and its first virtual address."""

    data: npt.NDArray[np.uint8]
    address: int
    rkey: int

    def holds(self, address: npt.NDArray[Any], size: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """spec 2.6: which pieces [address, address + size) lie inside, per packet.

        Addresses are unsigned 64-bit; the comparison is made so that none of it can wrap.
        """
        first = np.uint64(self.address)
        inside = address >= first
        offset = np.where(inside, address - first, np.uint64(len(self.data)))
        room = np.uint64(len(self.data)) - np.minimum(offset, np.uint64(len(self.data)))
        return np.asarray(inside & (size.astype(np.uint64) <= room))


Pick = slice | npt.NDArray[np.int64]


def pick(rows: npt.NDArray[np.int64]) -> Pick:
    """Ascending rows without a gap as a slice: a view costs nothing, picking copies record by record."""
    first, last = int(rows[0]), int(rows[-1])
    if last - first + 1 == len(rows) and (len(rows) < 3 or bool((rows[1:] > rows[:-1]).all())):
        return slice(first, last + 1)
    return rows


def runs(offset: npt.NDArray[Any], size: npt.NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Cut rows into runs [start, stop) that are equally long and adjoin in memory."""
    count = len(offset)
    if count == 1:
        yield 0, 1
        return
    breaks = np.flatnonzero((np.diff(offset) != size[:-1]) | (size[1:] != size[:-1])) + 1
    start = 0
    for stop in breaks.tolist():
        yield start, stop
        start = stop
    if start < count:
        yield start, count


def gather(
    rows: npt.NDArray[np.uint8],
    at: int,
    source: npt.NDArray[np.uint8],
    offset: npt.NDArray[Any],
    size: npt.NDArray[Any],
) -> None:
    """Copy pieces of `source` into the frames `rows` (n, stride), from column `at` on."""
    for start, stop in runs(offset, size):
        piece, first = int(size[start]), int(offset[start])
        block = source[first : first + piece * (stop - start)].reshape(stop - start, piece)
        rows[start:stop, at : at + piece] = block


def scatter(
    target: npt.NDArray[np.uint8],
    offset: npt.NDArray[Any],
    rows: npt.NDArray[np.uint8],
    at: int,
    size: npt.NDArray[Any],
) -> None:
    """Copy the payload of the frames `rows` (n, stride), from column `at` on, to `target`."""
    for start, stop in runs(offset, size):
        piece, first = int(size[start]), int(offset[start])
        block = target[first : first + piece * (stop - start)].reshape(stop - start, piece)
        block[:] = rows[start:stop, at : at + piece]
