"""The fabric clock."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from mrcnet.nic.clock import FabricClock

instants = st.integers(0, 1 << 62)


@given(instants, st.integers(1, 10_000))
def test_fabric_time_is_wall_time_over_dilation(wall: int, dilation: int) -> None:
    """A wall instant becomes the fabric nanosecond that it lies in, without any float in between."""
    clock = FabricClock(dilation)
    fabric = clock.fabric(wall)
    assert clock.wall(fabric) <= wall < clock.wall(fabric + 1)


def test_now_is_the_monotonic_clock() -> None:
    """All processes of a run read the same clock, so their instants can be compared."""
    clock = FabricClock(1_000)
    before = time.monotonic_ns() // 1_000
    now = clock.now()
    assert before <= now <= time.monotonic_ns() // 1_000
