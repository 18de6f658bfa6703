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
    """Thresholds of every port, in bytes before a frame, and what a trim leaves: columns (ports)."""

    ecn_min: Column
    ecn_max: Column
    trim: Column
    drop: Column
    control_drop: Column
    trim_size: Column


class Queues:
    """The egress queues of numbered ports. `rate` in bit/s, `frame`: bytes of a full data frame."""

    def __init__(self, rate: Column, limits: Limits, frame: int, rng: np.random.Generator) -> None:
        self.rate = rate
        self._byte = None if (_BITS % rate).any() else _BITS // rate  # a byte's time, where it is whole
        self.free = np.zeros(len(rate), np.int64)  # when all that a port holds has left
        self.deepest = np.zeros(len(rate), np.int64)  # most work that a frame found before it
        self._control_free = np.zeros(len(rate), np.int64)
        self.frame = self.times(  # how long a full data frame takes
            np.full(len(rate), frame), np.arange(len(rate))
        )
        self.trim_size = limits.trim_size
        self._rng = rng
        self._ecn_min, ecn_max, self._trim, self._drop, self._control_drop = (
            np.array([_time(*pair) for pair in zip(limit.tolist(), rate.tolist(), strict=True)], np.int64)
            for limit in (limits.ecn_min, limits.ecn_max, limits.trim, limits.drop, limits.control_drop)
        )
        self._ecn_span = np.maximum(ecn_max - self._ecn_min, 1)
        # so much work before a frame may mean that it is trimmed or dropped: then its train goes one by one
        self._near = np.minimum(np.minimum(self._trim, self._drop), self._control_drop) - self.frame
        self._watch = np.minimum(self._near, self._ecn_min)  # below it nothing happens to a frame but time

    def set_rate(self, port: int, rate: int) -> None:
        """Another rate for a port, bit/s; its thresholds stay what they are in bytes."""
        old = int(self.rate[port])
        self.rate = self.rate.copy()
        self.rate[port] = rate
        self._byte = None if (_BITS % self.rate).any() else _BITS // self.rate
        for limit in (
            *(self._ecn_min, self._ecn_span, self._trim, self._drop, self._control_drop),
            *(self.frame,),
        ):
            if limit[port] < UNLIMITED:
                limit[port] = max(1, int(limit[port]) * old // rate)
        self._near = np.minimum(np.minimum(self._trim, self._drop), self._control_drop) - self.frame
        self._watch = np.minimum(self._near, self._ecn_min)

    def times(self, size: Column, port: Column) -> Column:
        """How long `size` bytes take on each port."""
        if self._byte is not None:
            return np.asarray(size * self._byte[port])
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
        begin, last = _trains(port)
        where = port[begin]
        time = self.times(size, port)
        free, control_free = self.free[where], self._control_free[where]
        work = _lindley(at, time, begin, free)
        ahead = work - time - at
        fate = np.zeros(len(port), np.uint8)
        leaves = work
        self.free[where] = work[last]
        urgent = (kind & CONTROL).nonzero()[0]
        if len(urgent):
            leaves = self._overtake(urgent, port, at, time, ahead, work)
        top = np.maximum.reduceat(ahead, begin)
        if np.count_nonzero(top > self._watch[where]):
            for train in np.flatnonzero(top > self._near[where]).tolist():
                here = int(where[train])
                self.free[here], self._control_free[here] = free[train], control_free[train]
                rows = slice(int(begin[train]), int(last[train]) + 1)
                self._one_by_one(here, rows, at, size, kind, ahead, leaves, fate)
                top[train] = ahead[rows].max()
            self._mark(port, kind, ahead, fate)
        self.deepest[where] = np.maximum(self.deepest[where], top)
        return leaves, fate

    def _overtake(
        self, rows: Column, port: Column, at: Column, time: Column, ahead: Column, work: Column
    ) -> Column:
        """Control frames (`rows`) wait for the frame on the wire and for each other; corrects `ahead` for
        them, and returns when all frames leave.
        """
        where = port[rows]
        rest = ahead[rows]
        if not np.count_nonzero(
            rest > self.frame[where]
        ):  # they wait for one frame at most: nothing to overtake
            self._control_free[where] = work[rows]  # the last of each port stays
            return work
        begin, _ = _trains(where)
        rest = np.where(rest > self.frame[where], rest % self.frame[where], rest)
        done = _lindley(at[rows] + rest, time[rows], begin, self._control_free[where[begin]])
        leaves = work.copy()
        leaves[rows] = done = np.minimum(done, work[rows])
        self._control_free[where] = done
        ahead[rows] = done - time[rows] - at[rows]
        return leaves

    def _mark(
        self, port: Column, kind: npt.NDArray[np.uint8], ahead: Column, fate: npt.NDArray[np.uint8]
    ) -> None:
        """spec 5.9: the ramp."""
        deep = (ahead > self._ecn_min[port]) & ((kind & ECT) != 0) & (fate == Fate.LEAVES)
        rows = np.flatnonzero(deep)
        depth = (ahead[rows] - self._ecn_min[port[rows]]) / self._ecn_span[port[rows]]
        fate[rows[self._rng.random(len(rows)) < depth]] = Fate.MARKED

    def _one_by_one(
        self,
        where: int,
        rows: slice,
        at: Column,
        size: Column,
        kind: npt.NDArray[np.uint8],
        ahead: Column,
        leaves: Column,
        fate: npt.NDArray[np.uint8],
    ) -> None:
        """The same for one port near a limit: a frame that is trimmed or dropped leaves room for the next."""
        rate, frame = int(self.rate[where]), int(self.frame[where])
        drop, trim = int(self._drop[where]), int(self._trim[where])
        control_drop, trim_size = int(self._control_drop[where]), int(self.trim_size[where])
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
            if not urgent and bits & TRIMMABLE and work > trim and length > trim_size:
                urgent, length = True, trim_size
                fate[row] = Fate.TRIMMED
            time = _time(length, rate)
            if urgent:
                rest = work % frame if work > frame else work
                wait = min(max(came + rest, control_free) - came, work)
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


def _trains(port: Column) -> tuple[Column, Column]:
    """Sorted port numbers -> the rows of each port's first and last frame."""
    edges = (port[1:] != port[:-1]).nonzero()[0]
    begin, last = np.empty(len(edges) + 1, np.int64), np.empty(len(edges) + 1, np.int64)
    begin[0], last[-1] = 0, len(port) - 1
    begin[1:], last[:-1] = edges + 1, edges
    return begin, last


def _lindley(at: Column, time: Column, begin: Column, free: Column) -> Column:
    """When each frame has left its server: trains begin at `begin`, their servers were `free` before.

    With t the running sum of times, leaves[i] - t[i] is the running maximum of at[j] - t[j-1] in a train.
    """
    total = time.cumsum()
    lead = at - total
    lead += time
    lead[begin] += np.maximum(free - at[begin], 0)
    if len(begin) > 1:  # lift each train above all earlier ones, so that maxima stay inside
        span = np.maximum.reduce(lead) - np.minimum.reduce(lead) + 1
        lift = np.zeros(len(at), np.int64)
        lift[begin[1:]] = span
        lift = lift.cumsum()
        lead += lift
        total -= lift
    return np.asarray(np.maximum.accumulate(lead) + total)
