"""Payload goes where it belongs and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.memory import Region, find, table_of

TOP = 1 << 64
addresses = st.integers(0, TOP - 1) | st.integers(TOP - 300, TOP - 1) | st.integers(0, 300)


def held(region: Region, address: int, size: int) -> bool:
    """Whether a packet of `size` bytes for `address` is placed, at its offset."""
    signed = int(np.array([address], np.uint64).view(np.int64)[0])
    number, offset = find(table_of([region]), region.rkey, signed, size)
    assert number < 0 or address == region.address + offset
    return number == 0


@given(
    st.integers(0, TOP - 257) | st.sampled_from([0, TOP - 256]),
    st.integers(1, 256),
    st.lists(st.tuples(addresses, st.integers(1, 5_000)), min_size=1),
    st.lists(st.tuples(st.integers(-300, 300), st.integers(1, 300)), min_size=1),
)
def test_bounds_are_arithmetic_without_wrap(
    first: int, length: int, far: list[tuple[int, int]], close: list[tuple[int, int]]
) -> None:
    """A region holds exactly the pieces that lie inside it, also at both ends of 64-bit address space."""
    region = Region(np.zeros(length, np.uint8), first, 1)
    asked = far + [((first + apart) % TOP, size) for apart, size in close]
    expected = [first <= at and at + size <= first + length for at, size in asked]
    assert expected == [held(region, at, size) for at, size in asked]


@pytest.mark.parametrize(
    ("address", "size", "inside"),
    [(TOP - 16, 16, True), (TOP - 16, 17, False), (TOP - 1, 2, False), (0, 1, False), (TOP - 17, 1, False)],
)
def test_the_last_bytes_of_the_address_space(address: int, size: int, inside: bool) -> None:
    """Beyond 2^64 - 1 there is nothing, not address 0 again."""
    region = Region(np.zeros(16, np.uint8), TOP - 16, 1)
    assert inside is held(region, address, size)


def test_a_region_ends_in_the_address_space() -> None:
    """One that would go on at address 0 is refused."""
    Region(np.zeros(16, np.uint8), TOP - 16, 1)
    with pytest.raises(ValueError, match="do not end"):
        Region(np.zeros(17, np.uint8), TOP - 16, 1)


def test_each_rkey_names_its_region() -> None:
    """Regions may have the same addresses: the key decides; an unknown one has no bytes."""
    regions = [Region(np.zeros(8 * key, np.uint8), 0, key) for key in (7, 5, 1 << 31)]
    table = table_of(regions)
    found = [tuple(map(int, find(table, region.rkey, 4, 4))) for region in regions]
    assert [(0, 4), (1, 4), (2, 4)] == found
    assert (-1, 0) == find(table, 6, 4, 4)
