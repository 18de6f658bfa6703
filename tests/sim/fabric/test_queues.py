"""Queues of many ports at once give what one port after another, frame by frame, would give."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.sim.port import CONTROL, TRIMMABLE, UNLIMITED, Fate, Limits, Queues

RATES = (1_000_000_000, 100_000_000_000, 7_000_000_000)  # a byte of the last takes no whole number of ps
FULL = 1_000
TRIM_SIZE = 192
BITS = 8 * 10**12


def queues(*, trim: int = UNLIMITED, drop: int = UNLIMITED, control_drop: int = UNLIMITED) -> Queues:
    def same(value: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.full(len(RATES), value)

    limits = Limits(*map(same, (UNLIMITED, UNLIMITED, trim, drop, control_drop, TRIM_SIZE)))
    return Queues(np.array(RATES), limits, FULL, np.random.default_rng(1))


@dataclass
class Server:
    """One port without a control class, a frame at a time: the plain rule, written once more."""

    rate: int
    trim: int
    drop: int
    free: int = 0
    gone: list[tuple[int | None, int]] = field(default_factory=list)

    def time(self, size: int) -> int:
        return (size * BITS + self.rate // 2) // self.rate

    def take(self, at: int, size: int) -> None:
        ahead = max(self.free - at, 0)
        if ahead + self.time(size) > self.time(self.drop):
            self.gone.append((None, Fate.DROPPED))
            return
        self.free = at + ahead + self.time(size)
        self.gone.append((self.free, Fate.LEAVES))


arrivals = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 40_000_000), st.sampled_from([64, 250, FULL])),
    min_size=1,
    max_size=60,
)


@given(st.lists(arrivals, min_size=1, max_size=4), st.sampled_from([1_500, 4_000, 1 << 30]))
def test_trains_are_served_as_frame_by_frame(windows: list[list[tuple[int, int, int]]], drop: int) -> None:
    """Leaving times and tail drops of data are exactly those of a server that takes one frame at a time."""
    many = queues(drop=drop)
    single = [Server(rate, UNLIMITED, drop) for rate in RATES]
    for number, window in enumerate(windows):
        frames = sorted((port, number * 40_000_001 + at, size) for port, at, size in window)
        port, at, size = (np.array(column) for column in zip(*frames, strict=True))
        leaves, fate = many.serve(port, at, size, np.full(len(frames), TRIMMABLE, np.uint8))
        for server in single:
            server.gone.clear()
        for where, when, length in frames:
            single[where].take(when, length)
        expected = [gone for server in single for gone in server.gone]
        got = [
            (None if verdict == Fate.DROPPED else when, verdict)
            for when, verdict in zip(leaves.tolist(), fate.tolist(), strict=True)
        ]
        assert expected == got


@given(
    arrivals,
    st.lists(st.booleans(), min_size=60, max_size=60),
    st.sampled_from([(UNLIMITED, UNLIMITED), (3_000, 6_000), (UNLIMITED, 3_000)]),
)
def test_a_wide_look_and_a_close_one_agree(
    window: list[tuple[int, int, int]], urgent: list[bool], limits: tuple[int, int]
) -> None:
    """With both classes, a train served at once and the same train served frame by frame go the same way."""
    frames = sorted(
        (port, at, size, is_urgent) for (port, at, size), is_urgent in zip(window, urgent, strict=False)
    )
    port, at, size, is_urgent = (np.array(column) for column in zip(*frames, strict=True))
    kind = np.where(is_urgent, CONTROL, TRIMMABLE).astype(np.uint8)
    trim, drop = limits
    together = queues(trim=trim, drop=drop)
    one_by_one = queues(trim=trim, drop=drop)
    leaves, fate = together.serve(port, at, size, kind)
    for row in range(len(frames)):
        part = slice(row, row + 1)
        left, verdict = one_by_one.serve(port[part], at[part], size[part], kind[part])
        assert verdict[0] == fate[row]
        if fate[row] != Fate.DROPPED:
            assert left[0] == leaves[row]
    assert (one_by_one.free == together.free).all()


@given(arrivals, st.lists(st.booleans(), min_size=60, max_size=60))
def test_control_waits_for_one_frame_and_its_own(
    window: list[tuple[int, int, int]], urgent: list[bool]
) -> None:
    """A control frame waits at most for one full data frame and the control frames before it, which it does
    not overtake; and a port never idles while it holds work, nor works twice.
    """
    frames = sorted((port, at, size, flag) for (port, at, size), flag in zip(window, urgent, strict=False))
    port, at, size, flag = (np.array(column) for column in zip(*frames, strict=True))
    many = queues()
    leaves, _ = many.serve(port, at, size, np.where(flag, CONTROL, TRIMMABLE).astype(np.uint8))
    for where, rate in enumerate(RATES):
        mine = port == where
        free = 0
        before = 0
        for when, length, is_urgent, left in zip(at[mine], size[mine], flag[mine], leaves[mine], strict=True):
            time = (int(length) * BITS + rate // 2) // rate
            free = max(free, int(when)) + time
            if is_urgent:
                assert left <= max(before, when + (FULL * BITS + rate // 2) // rate) + time
                assert left >= max(before, when) + time
                before = int(left)
        if mine.any():
            assert free == many.free[where]


def test_trim_makes_room() -> None:
    """Three frames of 1 000 B stand before the fourth, so it is trimmed, and goes before two of them."""
    many = queues(trim=2_500)
    count = 5
    leaves, fate = many.serve(
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.full(count, FULL),
        np.full(count, TRIMMABLE, np.uint8),
    )
    assert [Fate.LEAVES] * 3 + [Fate.TRIMMED] * 2 == fate.tolist()
    time, small = 8_000_000, TRIM_SIZE * 8_000
    # 24 us of work are before the fourth; of that, one frame's rest: none is on the wire, all begin at once
    assert [time, 2 * time, 3 * time] == leaves[:3].tolist()
    assert leaves[3] <= time + small
    assert leaves[4] == leaves[3] + small
    assert 3 * time + 2 * small == many.free[0]


def test_what_may_not_be_trimmed_is_not() -> None:
    """A frame whose code point forbids it waits, however deep the queue."""
    many = queues(trim=500)
    count = 4
    rows = np.zeros(count, np.int64)
    _, fate = many.serve(rows, rows, np.full(count, FULL), np.zeros(count, np.uint8))
    assert [Fate.LEAVES] * count == fate.tolist()
