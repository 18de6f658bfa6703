"""PSNs wrap at 24 bits on the wire and never inside (spec 1.1)."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.psn import bitmap_of, bits_of, unwrap, unwrap_all

HALF = 1 << 23
near = st.integers(-1, 1 << 40)
distances = st.integers(-HALF, HALF - 1)


@given(near, distances)
def test_unwraps_to_the_nearest(base: int, distance: int) -> None:
    """A PSN less than half the range away comes back whole from its low 24 bits."""
    assert base + distance == unwrap((base + distance) & 0xFFFFFF, base)


@given(near, st.lists(distances))
def test_a_column_unwraps_as_its_rows_do(base: int, apart: list[int]) -> None:
    """The batch form gives what the single form gives."""
    wire = np.array([(base + distance) & 0xFFFFFF for distance in apart], np.uint32)
    assert [unwrap(psn, base) for psn in wire.tolist()] == unwrap_all(wire, base).tolist()


@given(st.integers(0, (1 << 64) - 1))
def test_bit_zero_is_the_base(bitmap: int) -> None:
    """Bit i of the 64-bit number stands for base + i, and the way back loses nothing."""
    flags = bits_of(bitmap)
    assert [bool(bitmap >> i & 1) for i in range(64)] == flags.tolist()
    assert bitmap == bitmap_of(flags)
