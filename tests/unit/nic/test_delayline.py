"""Delay lines: every frame comes out once, whole, and not before its time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.wire.frames import RxBatch
from mrcnet.nic.delayline import NEVER, DelayLine


def batch(names: list[int]) -> RxBatch:
    """Frames whose bytes, length and port say who they are."""
    rows = np.repeat(np.array(names, np.uint8)[:, None], 4, axis=1)
    return RxBatch(rows, 2, np.array(names, np.int64), np.array(names, np.int64))


def come(line: DelayLine, wall: int) -> list[int]:
    """Who comes out at an instant, in order."""
    found = line.take(wall)
    if found is None:
        return []
    assert found.buffer[:, 0].tolist() == found.length.tolist() == found.port.tolist()
    assert 2 == found.at
    return found.length.tolist()


def test_frames_come_when_they_are_due() -> None:
    """Each frame comes out at its own instant, also out of the order in which it came in."""
    line = DelayLine()
    line.put(batch([1, 2, 3]), np.array([30, 10, 20]))
    assert 10 == line.next_due()
    assert [] == come(line, 9)
    assert [2] == come(line, 10)
    assert [3, 1] == come(line, 30)
    assert (NEVER, 0) == (line.next_due(), line.frames)


def test_no_frame_overtakes_another_of_its_path() -> None:
    """Batches whose paths differ in length overlap in time: what comes out at once is in order of time still,
    and of two that are due together the one that came first is first.
    """
    line = DelayLine()
    line.put(batch([1, 2]), np.array([10, 50]))
    line.put(batch([3, 4]), np.array([40, 60]))
    line.put(batch([5, 6]), np.array([5, 60]))
    assert [5, 1, 3, 2, 4, 6] == come(line, 60)


def test_what_is_held_is_a_copy() -> None:
    """The ring's memory may be written again while frames of it are under way."""
    line = DelayLine()
    came = batch([7])
    line.put(came, np.array([5]))
    came.buffer[:] = 0
    assert [7] == come(line, 5)


@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=5), max_size=8))
def test_nothing_is_lost_or_early(dues: list[list[int]]) -> None:
    """Whatever the delays, every frame comes out exactly once, in the first look after it is due."""
    line = DelayLine()
    due_of = {}
    for due in dues:
        names = list(range(len(due_of), len(due_of) + len(due)))
        due_of |= dict(zip(names, due, strict=True))
        line.put(batch(names), np.array(due))
    seen: dict[int, int] = {}
    for wall in range(51):
        for name in come(line, wall):
            assert name not in seen
            seen[name] = wall
    assert due_of == seen
