"""PSNs: 24 bits on the wire, unwrapped integers inside (spec 1.1)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.wire.numbers import PSN_MASK

_HALF = 1 << 23


def unwrap(wire: int, near: int) -> int:
    """The unwrapped PSN nearest to `near` whose low 24 bits are `wire`."""
    return near + ((wire - near + _HALF) & PSN_MASK) - _HALF


def unwrap_all(wire: npt.NDArray[Any], near: int) -> npt.NDArray[np.int64]:
    """`unwrap` over a column."""
    distance = (wire.astype(np.int64) - near + _HALF) & PSN_MASK
    return np.asarray(near - _HALF + distance, np.int64)


_BITS = np.arange(64, dtype=np.uint64)


def bits_of(bitmap: int) -> npt.NDArray[np.bool_]:
    """A SACK bitmap -> 64 flags, bit 0 first (section 9 no. 10)."""
    return np.asarray((np.uint64(bitmap) >> _BITS) & np.uint64(1), np.bool_)


def bitmap_of(flags: npt.NDArray[np.bool_]) -> int:
    """Up to 64 flags, the first in bit 0 -> a SACK bitmap."""
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")
