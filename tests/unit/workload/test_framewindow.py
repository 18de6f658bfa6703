"""The frames around marked instants: so many before and after, each once, in bounded memory."""

from __future__ import annotations

import numpy as np
import pytest

from mrcnet.workload import framewindow
from mrcnet.workload.framewindow import AFTER, BEFORE, SNAP, FrameWindow, together

STEP = 10  # ns from frame to frame


def fed(window: FrameWindow, first: int, count: int, *, at_once: int = 100) -> None:
    """Frames `first`, `first` + 1, ...: each at its number times STEP, and its number in its bytes."""
    for begin in range(first, first + count, at_once):
        numbers = np.arange(begin, min(begin + at_once, first + count))
        rows = np.zeros((len(numbers), SNAP), np.uint8)
        rows[:, :4] = numbers.astype(">u4").view(np.uint8).reshape(-1, 4)
        window.add(numbers * STEP, np.full(len(numbers), 100), numbers % 2 == 0, rows)


def kept(window: FrameWindow) -> list[int]:
    """The numbers of the frames that were kept, by their bytes; columns must agree."""
    found = window.captured("h0:eth1")
    numbers = [int.from_bytes(data[:4], "big") for data in found.data]
    assert [number * STEP for number in numbers] == found.at.tolist()
    assert [number % 2 == 0 for number in numbers] == found.sent.tolist()
    assert {100} >= {len(data) for data in found.data}
    return numbers


@pytest.mark.parametrize("at_once", [1, 7, 3_000])
def test_what_surrounds_a_mark(at_once: int) -> None:
    """So many frames before the mark and so many from it on are kept, however they come, and no others."""
    window = FrameWindow()
    fed(window, 0, 6_000, at_once=at_once)
    window.mark(5_900 * STEP)
    fed(window, 6_000, 9_000, at_once=at_once)
    assert list(range(5_900 - BEFORE, 5_900 + AFTER)) == kept(window)


def test_without_a_mark() -> None:
    """Nothing is kept if nothing was struck."""
    window = FrameWindow()
    fed(window, 0, 10_000)
    assert [] == kept(window)


def test_marks_that_are_close() -> None:
    """A frame that surrounds several marks is kept once."""
    window = FrameWindow()
    fed(window, 0, 1_000)
    for at in (900, 1_000, 1_100):
        window.mark(at * STEP)
        fed(window, at + 100, 100)
    fed(window, 1_300, 6_000)
    assert list(range(900 - BEFORE, 1_100 + AFTER)) == kept(window)


def test_a_mark_that_comes_late() -> None:
    """A mark of long ago keeps what came first of that which is still remembered."""
    window = FrameWindow()
    fed(window, 0, 20_000)
    window.mark(0)
    found = kept(window)
    assert list(range(found[0], found[0] + AFTER)) == found
    assert 10_000 < found[0]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound frames are counted and not kept."""
    monkeypatch.setattr(framewindow, "MOST", 1_000)
    window = FrameWindow()
    fed(window, 0, 5_000)
    window.mark(4_000 * STEP)
    found = window.captured("h0:eth1")
    assert len(found.data) <= 1_000
    assert BEFORE + 1_000 == len(found.data) + found.missed


def test_two_directions_as_one() -> None:
    """What was captured apart is put in order of time."""
    one, other = FrameWindow(), FrameWindow()
    fed(one, 0, 10)
    fed(other, 5, 10)
    for window in (one, other):
        window.mark(0)
    found = together(one.captured("p"), other.captured("p"))
    assert sorted(found.at.tolist()) == found.at.tolist()
    assert 20 == len(found.data)
