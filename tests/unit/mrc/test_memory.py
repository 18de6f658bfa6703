"""Payload goes where it belongs and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.memory import Region, gather, runs, scatter

TOP = 1 << 64
pieces = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 8)), max_size=20)
addresses = st.integers(0, TOP - 1) | st.integers(TOP - 300, TOP - 1) | st.integers(0, 300)


@given(
    st.integers(0, TOP - 257) | st.sampled_from([0, TOP - 256]),
    st.integers(1, 256),
    st.lists(st.tuples(addresses, st.integers(1, 5_000)), min_size=1),
    st.lists(st.tuples(st.integers(-300, 300), st.integers(1, 300)), min_size=1),
)
def test_holds_is_arithmetic_without_wrap(
    first: int, length: int, far: list[tuple[int, int]], close: list[tuple[int, int]]
) -> None:
    """A region holds exactly the pieces that lie inside it, also at both ends of 64-bit address space."""
    region = Region(np.zeros(length, np.uint8), first, 1)
    asked = far + [((first + apart) % TOP, size) for apart, size in close]
    expected = [first <= at and at + size <= first + length for at, size in asked]
    at, size = np.array([a for a, _ in asked], np.uint64), np.array([s for _, s in asked], np.int64)
    assert expected == region.holds(at, size).tolist()


@pytest.mark.parametrize(
    ("address", "size", "held"),
    [(TOP - 16, 16, True), (TOP - 16, 17, False), (TOP - 1, 2, False), (0, 1, False), (TOP - 17, 1, False)],
)
def test_the_last_bytes_of_the_address_space(address: int, size: int, held: bool) -> None:
    """Beyond 2^64 - 1 there is nothing, not address 0 again."""
    region = Region(np.zeros(16, np.uint8), TOP - 16, 1)
    assert [held] == region.holds(np.array([address], np.uint64), np.array([size])).tolist()


@given(pieces)
def test_runs_cut_rows_into_equal_neighbours(rows: list[tuple[int, int]]) -> None:
    """Runs cover every row once, in order; inside one, pieces are equally long and adjoin."""
    offset, size = np.array([r[0] for r in rows], np.int64), np.array([r[1] for r in rows], np.int64)
    cut = list(runs(offset, size))
    assert list(range(len(rows))) == [row for start, stop in cut for row in range(start, stop)]
    for start, stop in cut:
        for row in range(start + 1, stop):
            assert rows[row] == (rows[row - 1][0] + rows[start][1], rows[start][1])


def test_neighbours_are_moved_in_one_run() -> None:
    """What adjoins is one run: the copy is one, not one a packet."""
    size = np.array([4, 4, 4, 2])
    assert [(0, 3), (3, 4)] == list(runs(np.array([0, 4, 8, 12]), size))


@given(pieces, st.integers(0, 5))
def test_gather_copies_the_pieces(rows: list[tuple[int, int]], at: int) -> None:
    """Each row gets its piece of the source from column `at` on, and no other byte."""
    source = np.arange(1, 65, dtype=np.uint8)
    frames = np.zeros((len(rows), 16), np.uint8)
    expected = frames.copy()
    for row, (offset, size) in enumerate(rows):
        expected[row, at : at + size] = source[offset : offset + size]
    gather(frames, at, source, np.array([r[0] for r in rows], int), np.array([r[1] for r in rows], int))
    assert expected.tolist() == frames.tolist()


@given(pieces, st.integers(0, 5))
def test_scatter_writes_in_order(rows: list[tuple[int, int]], at: int) -> None:
    """Each row's payload goes to its offset, a later row over an earlier one, and no other byte changes."""
    frames = np.arange(1, len(rows) * 16 + 1, dtype=np.uint16).astype(np.uint8).reshape(-1, 16)
    target = np.zeros(64, np.uint8)
    expected = target.copy()
    for row, (offset, size) in enumerate(rows):
        expected[offset : offset + size] = frames[row, at : at + size]
    scatter(target, np.array([r[0] for r in rows], int), frames, at, np.array([r[1] for r in rows], int))
    assert expected.tolist() == target.tolist()
