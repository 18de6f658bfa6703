"""PSNs wrap at 24 bits on the wire and never inside (spec 1.1)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.psn import unwrap

HALF = 1 << 23
near = st.integers(-1, 1 << 40)
distances = st.integers(-HALF, HALF - 1)


@given(near, distances)
def test_unwraps_to_the_nearest(base: int, distance: int) -> None:
    """A PSN less than half the range away comes back whole from its low 24 bits."""
    assert base + distance == unwrap((base + distance) & 0xFFFFFF, base)
