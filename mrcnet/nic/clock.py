"""The fabric clock: wall time divided by the lab's dilation, in integer nanoseconds."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FabricClock:
    """`dilation` wall nanoseconds are one fabric nanosecond. CLOCK_MONOTONIC, so processes agree."""

    dilation: int = 1

    def now(self) -> int:
        """Fabric nanoseconds."""
        return time.monotonic_ns() // self.dilation

    def fabric(self, wall_ns: int) -> int:
        """An instant or a duration of CLOCK_MONOTONIC in fabric nanoseconds."""
        return wall_ns // self.dilation

    def wall(self, fabric_ns: int) -> int:
        """A fabric instant or duration in wall nanoseconds."""
        return fabric_ns * self.dilation
