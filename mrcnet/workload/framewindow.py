"""The last frames of a port, in bounded memory, and those around the instants that were marked. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

SNAP = 256  # bytes that are kept of each frame: all headers, and some payload
BEFORE, AFTER = 500, 1_500  # frames that are kept around a mark
MOST = 50_000  # frames that are kept at all
_RING = 4_096

Instants = npt.NDArray[np.int64]
Octets = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Captured:
    """Frames of a port around faults, in order of time: instants `at` (n), in fabric ns; lengths on the wire
    (n); which of them the port `sent`, the others it received (n); and the first bytes of each.

    `missed`: frames that could not be kept.
    """

    port: str
    at: Instants
    length: Instants
    sent: Flags
    data: tuple[bytes, ...]
    missed: int = 0


class FrameWindow:
    """What one port carries, in order of time. It remembers so many frames; those around marks it keeps."""

    def __init__(self) -> None:
        self._at = np.zeros(_RING, np.int64)
        self._length = np.zeros(_RING, np.int64)
        self._sent = np.zeros(_RING, np.bool_)
        self._rows = np.zeros((_RING, SNAP), np.uint8)
        self._count = 0  # frames so far; each has its number
        self._judged = 0  # the number up to which frames were kept, or never will be
        self._wanted = 0  # the number up to which they are to be kept
        self._kept: list[tuple[Instants, Instants, Flags, Octets]] = []
        self._room = MOST
        self.missed = 0

    def add(self, at: Instants, length: Instants, sent: Flags, rows: Octets) -> None:
        """Frames that came and went at `at` (n), with the first bytes of each (n, SNAP)."""
        for begin in range(0, len(at), _RING // 2):
            part = slice(begin, begin + _RING // 2)
            place = (self._count + np.arange(len(at[part]))) % _RING
            self._at[place], self._length[place], self._sent[place] = at[part], length[part], sent[part]
            self._rows[place] = rows[part]
            self._count += len(place)
            self._keep()

    def mark(self, at: int) -> None:
        """Keep what surrounds this instant, as far as it is remembered."""
        oldest = max(0, self._count - _RING)
        known = np.arange(oldest, self._count)
        first = oldest + int(np.searchsorted(self._at[known % _RING], at))
        self._judged = max(self._judged, oldest, first - BEFORE)
        self._wanted = max(self._wanted, first + AFTER)
        self._keep()

    def _keep(self) -> None:
        stop = min(self._wanted, self._count)
        place = np.arange(self._judged, stop) % _RING
        if not len(place):
            return
        self._judged = stop
        if len(place) > self._room:
            self.missed += len(place)
            return
        self._room -= len(place)
        self._kept.append((self._at[place], self._length[place], self._sent[place], self._rows[place]))

    def captured(self, port: str) -> Captured:
        """What was kept."""
        if not self._kept:
            none = np.empty(0, np.int64)
            return Captured(port, none, none, np.empty(0, np.bool_), (), self.missed)
        at, length, sent, rows = (np.concatenate(column) for column in zip(*self._kept, strict=True))
        data = tuple(
            row[:size].tobytes() for row, size in zip(rows, np.minimum(length, SNAP).tolist(), strict=True)
        )
        return Captured(port, at, length, sent, data, self.missed)


def together(one: Captured, other: Captured) -> Captured:
    """Two captures of a port as one, in order of time."""
    at = np.concatenate((one.at, other.at))
    order = np.argsort(at, kind="stable")
    data = one.data + other.data
    return Captured(
        one.port,
        at[order],
        np.concatenate((one.length, other.length))[order],
        np.concatenate((one.sent, other.sent))[order],
        tuple(data[number] for number in order.tolist()),
        one.missed + other.missed,
    )


def since_start(captured: Captured, start: int) -> Captured:
    """The same from the beginning of traffic on, and counted from it."""
    first = int(np.searchsorted(captured.at, start))
    return replace(
        captured,
        at=captured.at[first:] - start,
        length=captured.length[first:],
        sent=captured.sent[first:],
        data=captured.data[first:],
    )
