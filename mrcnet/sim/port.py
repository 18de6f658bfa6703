"""Egress queues of many ports at once: when each frame leaves, and which are marked, trimmed or dropped.

A frame leaves when all that was before it has left: leaves[i] = max(arrives[i], leaves[i-1]) + time[i].
Over a train of frames that is a running maximum, so all ports' trains go through in a few array operations;
only a port whose queue comes near a limit goes frame by frame. Both ways give the same numbers.

The control class goes first: a control frame waits for control frames before it and for the rest of the data
frame on the wire. What is approximate: that rest is reckoned with full data frames, and data that was already
queued when control overtakes it leaves as it would have without (too early by the time of the control frames
that overtook it); data that comes later waits for both, so no byte is carried twice or for nothing.

Instants and times are picoseconds here, for at 100 Gb/s a byte takes 80.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
PS = 1_000  # to the nanosecond
UNLIMITED = 1 << 60
_BITS = 8 * 10**12

CONTROL, ECT, TRIMMABLE = 1, 2, 4  # kinds of frames, as bits


class Fate(IntEnum):
    """What became of a frame at a queue."""

    LEAVES = 0
    MARKED = 1
    TRIMMED = 2
    DROPPED = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds of every port, in bytes before a frame: columns (ports)."""

    ecn_min: Column
    ecn_max: Column
    trim: Column
    drop: Column
    control_drop: Column


class Queues:
    """The egress queues of numbered ports. `rate` in bit/s, `frame`: bytes of a full data frame."""

    def __init__(
        self, rate: Column, limits: Limits, frame: int, trim_size: int, rng: np.random.Generator
    ) -> None:
        self.rate = rate
        self.free = np.zeros(len(rate), np.int64)  # when all that a port holds has left
        self.deepest = np.zeros(len(rate), np.int64)  # most work that a frame found before it
        self._control_free = np.zeros(len(rate), np.int64)
        self.frame = self.times(  # how long a full data frame takes
            np.full(len(rate), frame), np.arange(len(rate))
        )
        self._trim_size = trim_size
        self._rng = rng
        self._ecn_min, ecn_max, self._trim, self._drop, self._control_drop = (
            np.array([_time(*pair) for pair in zip(limit.tolist(), rate.tolist(), strict=True)], np.int64)
            for limit in (limits.ecn_min, limits.ecn_max, limits.trim, limits.drop, limits.control_drop)
        )
        self._ecn_span = np.maximum(ecn_max - self._ecn_min, 1)
        self._data_limit = np.minimum(self._trim, self._drop)

    def times(self, size: Column, port: Column) -> Column:
        """How long `size` bytes take on each port."""
        rate = self.rate[port]
        return np.asarray((size * _BITS + rate // 2) // rate)

    def backlog(self, port: Column, now: int) -> Column:
        """Work that ports hold at an instant in ns."""
        return np.maximum(self.free[port] - now * PS, 0)

    def serve(
        self, port: Column, at: Column, size: Column, kind: npt.NDArray[np.uint8]
    ) -> tuple[Column, npt.NDArray[np.uint8]]:
        """Frames that join their ports' queues, in order of (port, at) -> (when each leaves, its `Fate`).

        No frame may come to a port earlier than one of an earlier call.
        """
        first = np.empty(len(port), np.bool_)
        first[0] = True
        np.not_equal(port[1:], port[:-1], out=first[1:])
        last = np.empty(len(port), np.bool_)
        last[-1] = True
        last[:-1] = first[1:]
        time = self.times(size, port)
        work = _lindley(at, time, first, self.free[port])
        ahead = work - time - at
        leaves = work
        over = ahead + time > self._drop[port]
        over |= ahead > self._data_limit[port]
        is_control = (kind & CONTROL) != 0
        before = self.free[port[first]], self._control_free[port[first]]
        if is_control.any():
            leaves = work.copy()
            self._overtake(np.flatnonzero(is_control), port, at, time, ahead, leaves, over)
        self.free[port[last]] = work[last]
        fate = np.zeros(len(port), np.uint8)
        if over.any():
            starts, stops = np.flatnonzero(first), np.flatnonzero(last) + 1
            train = np.cumsum(first) - 1
            for number in np.unique(train[over]).tolist():
                self.free[port[starts[number]]] = before[0][number]
                self._control_free[port[starts[number]]] = before[1][number]
                self._one_by_one(
                    slice(int(starts[number]), int(stops[number])), port, at, size, kind, ahead, leaves, fate
                )
        np.maximum.at(self.deepest, port, ahead)
        deep = ahead > self._ecn_min[port]
        if deep.any():
            self._mark(np.flatnonzero(deep & ((kind & ECT) != 0) & (fate == Fate.LEAVES)), port, ahead, fate)
        return leaves, fate

    def _overtake(
        self, rows: Column, port: Column, at: Column, time: Column, ahead: Column, leaves: Column, over: Flags
    ) -> None:
        """Control frames wait for the data frame on the wire and for each other only."""
        where = port[rows]
        first = np.empty(len(rows), np.bool_)
        first[0] = True
        np.not_equal(where[1:], where[:-1], out=first[1:])
        ready = at[rows] + ahead[rows] % self.frame[where]
        done = np.minimum(_lindley(ready, time[rows], first, self._control_free[where]), leaves[rows])
        self._control_free[where] = done  # the last of each port stays
        leaves[rows] = done
        ahead[rows] = done - time[rows] - at[rows]
        over[rows] = ahead[rows] + time[rows] > self._control_drop[where]

    def _mark(self, rows: Column, port: Column, ahead: Column, fate: npt.NDArray[np.uint8]) -> None:
        """spec 5.9: the ramp."""
        if len(rows):
            depth = (ahead[rows] - self._ecn_min[port[rows]]) / self._ecn_span[port[rows]]
            fate[rows[self._rng.random(len(rows)) < depth]] = Fate.MARKED

    def _one_by_one(
        self,
        rows: slice,
        port: Column,
        at: Column,
        size: Column,
        kind: npt.NDArray[np.uint8],
        ahead: Column,
        leaves: Column,
        fate: npt.NDArray[np.uint8],
    ) -> None:
        """The same for one port near a limit: a frame that is trimmed or dropped leaves room for the next."""
        where = int(port[rows.start])
        rate, frame = int(self.rate[where]), int(self.frame[where])
        drop, trim = int(self._drop[where]), int(self._trim[where])
        control_drop = int(self._control_drop[where])
        free, control_free = int(self.free[where]), int(self._control_free[where])
        columns = zip(
            range(rows.start, rows.stop),
            at[rows].tolist(),
            size[rows].tolist(),
            kind[rows].tolist(),
            strict=True,
        )
        for row, came, length, bits in columns:
            work = max(free - came, 0)
            urgent = bool(bits & CONTROL)
            if not urgent and bits & TRIMMABLE and work > trim and length > self._trim_size:
                urgent, length = True, self._trim_size
                fate[row] = Fate.TRIMMED
            time = _time(length, rate)
            if urgent:
                wait = min(max(came + work % frame, control_free) - came, work)
                ahead[row] = wait
                if wait + time > control_drop:
                    fate[row] = Fate.DROPPED
                    continue
                leaves[row] = control_free = came + wait + time
            else:
                ahead[row] = work
                if work + time > drop:
                    fate[row] = Fate.DROPPED
                    continue
                leaves[row] = came + work + time
            free = came + work + time
        self.free[where], self._control_free[where] = free, control_free


def _time(size: int, rate: int) -> int:
    """How long `size` bytes take at `rate`."""
    return min((size * _BITS + rate // 2) // rate, UNLIMITED)


def _lindley(at: Column, time: Column, first: Flags, free: Column) -> Column:
    """When each frame has left its server. `first` begins a server's train, `free`: when it was free before.

    With t the running sum of times, leaves[i] - t[i] is the running maximum of at[j] - t[j-1] in a train.
    """
    total = np.cumsum(time)
    lead = np.where(first, np.maximum(at, free), at) - total + time
    low = lead.min()
    span = lead.max() - low + 1
    lift = (
        np.cumsum(first) - 1
    ) * span - low  # each train above all earlier ones, so that maxima stay inside
    return np.asarray(np.maximum.accumulate(lead + lift) - lift + total)
