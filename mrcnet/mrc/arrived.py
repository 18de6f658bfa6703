"""Which packets of a QP have arrived: the receiver's window as a bitmap (spec 3.1, 3.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrcnet.compiled import compiled
from mrcnet.mrc.wire.numbers import NOMINAL_OVERHEAD, PSN_BITS, PSN_MASK

Column = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SPAN = 64  # a SACK's bitmap
_HALF = 1 << PSN_BITS - 1
_FRESH, _REPEATED, _BEYOND = range(3)
_SUMS = 7
_NEW, _AGAIN, _OUTSIDE, _NOMINAL, _WEIGHT, _URGENT, _MARKED = range(_SUMS)


# places in the window's state
_CACK, _MAX_RCV, _EDGE, _HELD = range(4)


@compiled
def _record(
    psn24: Column,
    udp_length: Column,
    urgent: Column,
    marked: Column,
    last: Column,
    window: tuple[Flags, Flags, Column],
    least_weight: int,
) -> tuple[Column, Flags, Flags, Column]:
    """spec 3.1 steps 3 to 5 in order of arrival: (PSNs, which are fresh, which repeated, sums)."""
    got, ends, state = window
    mask, cack = len(got) - 1, state[_CACK]
    count = len(psn24)
    psn = np.empty(count, np.int64)
    fresh, repeated = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    sums = np.zeros(_SUMS, np.int64)
    for number in range(count):
        full = cack - _HALF + ((psn24[number] - cack + _HALF) & PSN_MASK)
        psn[number] = full
        if full > state[_EDGE]:
            sums[_OUTSIDE] += 1
            continue
        sums[_URGENT] += urgent[number]
        sums[_MARKED] += marked[number]
        if full <= cack or got[full & mask]:  # spec 3.1 step 4: told again, not placed, not counted
            repeated[number] = True
            sums[_AGAIN] += 1
            continue
        fresh[number] = True
        got[full & mask] = True
        ends[full & mask] = last[number] != 0
        state[_HELD] += 1
        state[_MAX_RCV] = max(state[_MAX_RCV], full)
        sums[_NEW] += 1
        sums[_NOMINAL] += udp_length[number] + NOMINAL_OVERHEAD  # spec 3.1 step 5: nominal sizes
        sums[_WEIGHT] += max(udp_length[number], least_weight)  # spec 3.3
    return psn, fresh, repeated, sums


@compiled
def _advance(got: Flags, ends: Flags, state: Column) -> int:
    mask, ended = len(got) - 1, 0
    while state[_CACK] < state[_MAX_RCV] and got[state[_CACK] + 1 & mask]:
        state[_CACK] += 1
        at = state[_CACK] & mask
        got[at] = False
        state[_HELD] -= 1
        ended += ends[at]
    return ended


@compiled
def _bitmap(got: Flags, state: Column, base: int) -> tuple[int, int]:
    """The two halves of a bitmap, low and high."""
    mask = len(got) - 1
    low = high = 0
    for bit in range(SPAN):
        psn = base + bit
        if state[_CACK] < psn <= state[_MAX_RCV] and got[psn & mask]:
            if bit < SPAN // 2:
                low |= 1 << bit
            else:
                high |= 1 << bit - SPAN // 2
    return low, high


@dataclass(frozen=True, slots=True)
class Recorded:
    """A batch in the books. `fresh` and `repeated` (n) are neither where a packet lies beyond the window.

    `nominal` bytes are new (spec 5.2), `weight` goes to the SACK trigger (spec 3.3).
    """

    psn: Column
    fresh: Flags
    repeated: Flags
    new: int
    again: int
    beyond: int
    nominal: int
    weight: int
    urgent: int
    marked: int


class Arrived:
    """`cack`: all up to it is there; `max_rcv`: the highest that is; `held`: how many lie between."""

    def __init__(self, start_psn: int, window: int, most: int) -> None:
        """For a peer that may send `window` PSNs now and `most` at any time."""
        size = 1 << (most - 1).bit_length()
        self._got = np.zeros(size, np.bool_)
        self._ends = np.zeros(size, np.bool_)
        # spec 3.1: the agreed start PSN - 1
        self._state = np.array([start_psn - 1, start_psn - 1, start_psn - 1 + window, 0], np.int64)
        self.cack = self.max_rcv = start_psn - 1
        self._window = window

    @property
    def held(self) -> int:
        """Packets above `cack`."""
        return int(self._state[_HELD])

    def widen(self, window: int) -> None:
        """The peer may send so far beyond cack; what it was allowed before is taken still (spec 3.7)."""
        self._window = window
        self._state[_EDGE] = max(int(self._state[_EDGE]), self.cack + window)

    def record(
        self,
        psn: Column,
        udp_length: Column,
        urgent: Column,
        marked: Column,
        last: Column,
        least_weight: int,
    ) -> Recorded:
        """Packets by their 24-bit PSNs, in order of arrival, UDP lengths in bytes."""
        window = (self._got, self._ends, self._state)
        full, fresh, repeated, sums = _record(psn, udp_length, urgent, marked, last, window, least_weight)
        self.max_rcv = int(self._state[_MAX_RCV])
        new, again, outside, nominal, weight, pressing, marks = sums.tolist()
        return Recorded(full, fresh, repeated, new, again, outside, nominal, weight, pressing, marks)

    def advance(self) -> int:
        """spec 3.1 step 5: move cack over the contiguous run; returns how many messages became whole."""
        ended = _advance(self._got, self._ends, self._state)
        self.cack = int(self._state[_CACK])
        self._state[_EDGE] = max(int(self._state[_EDGE]), self.cack + self._window)
        return int(ended)

    def ends_message(self, psn: Column) -> Flags:
        """Which of these packets, passed by cack not long ago, were the last of their messages."""
        return np.asarray(self._ends[psn & len(self._ends) - 1])

    def bitmap(self, base: int) -> int:
        """spec 3.4: what is there of the 64 PSNs from `base` on, the first in bit 0."""
        low, high = _bitmap(self._got, self._state, base)
        return int(high) << SPAN // 2 | int(low)
