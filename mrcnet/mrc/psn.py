"""PSNs: 24 bits on the wire, unwrapped integers inside (spec 1.1)."""

from __future__ import annotations

from mrcnet.mrc.wire.numbers import PSN_MASK

_HALF = 1 << 23


def unwrap(wire: int, near: int) -> int:
    """The unwrapped PSN nearest to `near` whose low 24 bits are `wire`."""
    return near + ((wire - near + _HALF) & PSN_MASK) - _HALF
