"""The receiver's window says what a set of PSNs would (spec 3.1, 3.4)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.arrived import SPAN, Arrived

WINDOW = 128
starts = st.sampled_from([0, 100, (1 << 24) - 70, (1 << 40) - 1])


def column(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def arrive(window: Arrived, *psn: int) -> list[bool]:
    """Packets of 100 bytes come and are recorded; which were fresh."""
    zero = np.zeros(len(psn), np.int64)
    size = np.full(len(psn), 100)
    batch = window.record(column(*psn) & 0xFFFFFF, size, zero, zero, zero, 1)
    assert list(psn) == batch.psn.tolist()
    window.advance()
    return batch.fresh.tolist()


@given(starts, st.lists(st.lists(st.integers(0, WINDOW - 1), min_size=1, max_size=20), max_size=20))
def test_against_a_set(start: int, batches: list[list[int]]) -> None:
    """Fresh is what the set does not hold; cack ends its first run; the bitmap is what lies above."""
    window, known = Arrived(start, WINDOW, WINDOW), set()
    for batch in batches:
        psn = [start + apart for apart in batch]
        expected = []
        for one in psn:
            expected.append(one not in known)
            known.add(one)
        assert expected == arrive(window, *psn)
        cack = start - 1
        while cack + 1 in known:
            cack += 1
        above = {one for one in known if one > cack}
        assert (cack, len(above)) == (window.cack, window.held)
        for base in (cack + 1, cack + 1 + SPAN, start):
            wanted = sum(1 << one - base for one in above if 0 <= one - base < SPAN)
            assert wanted == window.bitmap(base)


@pytest.mark.parametrize(("apart", "taken"), [(WINDOW - 1, True), (WINDOW, False)])
def test_the_window_has_an_edge(apart: int, taken: bool) -> None:
    """The last PSN of the window is taken, the one after it is not."""
    assert [taken] == arrive(Arrived(7, WINDOW, WINDOW), 7 + apart)
