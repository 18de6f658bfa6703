"""Registered memory: what peers may write to, packet by packet (spec 2.6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrcnet.compiled import compiled

Table = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Region:
    """Registered memory: `data` (size) uint8, known to the peer by `rkey` and its first virtual address.

    ValueError if it does not lie in 64 bits of addresses.
    """

    data: npt.NDArray[np.uint8]
    address: int
    rkey: int

    def __post_init__(self) -> None:
        if not 0 <= self.address <= (1 << 64) - len(self.data):
            raise ValueError(f"{len(self.data)} bytes from {self.address:#x} on do not end at 2^64")


def table_of(regions: Iterable[Region]) -> Table:
    """(3, n): rkeys, first addresses, sizes. Addresses from 2^63 on are negative."""
    known = tuple(regions)
    address = np.array([region.address for region in known], np.uint64).view(np.int64)
    return np.array([[region.rkey for region in known], address, [len(region.data) for region in known]])


@compiled
def find(table: Table, rkey: int, address: int, size: int) -> tuple[int, int]:
    """spec 2.6: (number of the region that holds all bytes [address, address + size), offset), or (-1, 0).

    The difference of two addresses is negative, or beyond any size, where the first lies below the region.
    """
    for region in range(table.shape[1]):
        if table[0, region] == rkey:
            offset = address - table[1, region]
            return (region, offset) if 0 <= offset <= table[2, region] - size else (-1, 0)
    return -1, 0
