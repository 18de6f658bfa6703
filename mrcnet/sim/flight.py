"""Frames under way: a row each, its bytes in one buffer, what the fabric must know of it in columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mrcnet.sim.port import CONTROL, ECT, TRIMMABLE

Rows = npt.NDArray[np.int64]

_CLASS = 14  # the outer traffic class lies in the low half of this byte and the high half of the next
_CE = 0x30


class Flight:
    """Columns by row. `way`: its number; `port`: the port that it waits for next; `came_by`: the last one.

    `by_dscp` maps a code point to the kind bits of its frames.
    """

    def __init__(self, stride: int, by_dscp: npt.NDArray[np.uint8]) -> None:
        self.bytes = np.zeros((0, stride), np.uint8)
        self.length = np.zeros(0, np.int64)
        self.way = np.zeros(0, np.int64)
        self.hop = np.zeros(0, np.int64)
        self.port = np.zeros(0, np.int64)
        self.came_by = np.zeros(0, np.int64)
        self.kind = np.zeros(0, np.uint8)
        self._by_word = _by_word(by_dscp)
        self._free = np.zeros(0, np.int64)

    @property
    def count(self) -> int:
        """Frames under way."""
        return len(self.length) - len(self._free)

    def put(self, frames: npt.NDArray[np.uint8], length: npt.NDArray[np.int64], way: Rows) -> Rows:
        """Take in frames (n, stride), at hop 0 of their ways; returns their rows."""
        rows = self._take(len(frames))
        width = _width(length)
        self.bytes[rows, :width] = frames[:, :width]
        self.length[rows] = length
        self.way[rows] = way
        self.hop[rows] = 0
        words = np.ascontiguousarray(frames[:, _CLASS : _CLASS + 2]).view(">u2")[:, 0]
        self.kind[rows] = self._by_word[words]
        return rows

    def copy(self, rows: Rows) -> Rows:
        """The rows of equal frames at the same place."""
        twins = self._take(len(rows))
        for column in (self.bytes, self.length, self.way, self.hop, self.port, self.came_by, self.kind):
            column[twins] = column[rows]
        return twins

    def look(self, rows: Rows) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """(frames, one row each and wide enough for the longest; their lengths)."""
        length = self.length[rows]
        return self.bytes[rows, : _width(length)], length

    def drop(self, rows: Rows) -> None:
        """They are no longer under way."""
        self._free = np.concatenate((self._free, rows))

    def mark(self, rows: Rows) -> None:
        """CE in the outer header (spec 6.5)."""
        self.bytes[rows, _CLASS + 1] |= _CE

    def trim(self, rows: Rows, size: npt.NDArray[np.int64], dscp: npt.NDArray[np.int64]) -> None:
        """Cut each to `size` bytes, with a new code point in the outer header, and into the control class.

        Lengths in the headers stay as they were (spec 6.6: the frame's length is what counts).
        """
        self.length[rows] = np.minimum(self.length[rows], size)
        self.bytes[rows, _CLASS] = self.bytes[rows, _CLASS] & 0xF0 | (dscp >> 2).astype(np.uint8)
        keep = self.bytes[rows, _CLASS + 1] & 0x3F
        self.bytes[rows, _CLASS + 1] = keep | ((dscp & 3) << 6).astype(np.uint8)
        self.kind[rows] = CONTROL

    def _take(self, count: int) -> Rows:
        while len(self._free) < count:
            self._grow()
        rows = self._free[-count:]
        self._free = self._free[:-count]
        return rows

    def _grow(self) -> None:
        old = len(self.length)
        more = max(512, old)
        self._free = np.concatenate((np.arange(old + more - 1, old - 1, -1), self._free))
        for name in ("bytes", "length", "way", "hop", "port", "came_by", "kind"):
            column = getattr(self, name)
            setattr(self, name, np.concatenate((column, np.zeros((more, *column.shape[1:]), column.dtype))))


def kinds(trimmable: tuple[int, ...], control: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """The kind bits of each of the 64 code points."""
    table = np.zeros(64, np.uint8)
    table[list(trimmable)] |= TRIMMABLE
    table[list(control)] = CONTROL
    return table


def _width(length: npt.NDArray[np.int64]) -> int:
    """Bytes of a row that hold the longest, and the headers that are read of any frame."""
    return max(192, -(-int(np.maximum.reduce(length)) // 64) * 64)


def _by_word(by_dscp: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Kind bits by the two bytes that hold the traffic class: version 4, class 8, flow label."""
    traffic_class = np.arange(1 << 16) >> 4 & 0xFF
    return np.asarray(by_dscp[traffic_class >> 2] | (traffic_class & 3 != 0) * np.uint8(ECT), np.uint8)
