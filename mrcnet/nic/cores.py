"""How busy each core is, whoever keeps it so: what the kernel forwards belongs to no process."""

from __future__ import annotations

import os
import time
from pathlib import Path

_IDLE = (3, 4)  # columns of /proc/stat: idle, waiting for a disk
_COUNTED = 8  # the columns after these are counted in others


class Cores:
    """Watches the cores that this process may use, from its making on."""

    def __init__(self) -> None:
        self._cores = sorted(os.sched_getaffinity(0))
        self._before = self._read()
        self._since = time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall time since then."""
        return time.monotonic() - self._since

    def shares(self) -> tuple[float, ...]:
        """The share of the time since then in which each core was busy, in order of cores."""
        now = self._read()
        return tuple(
            (busy - was_busy) / max(1, whole - was)
            for (busy, whole), (was_busy, was) in zip(now, self._before, strict=True)
        )

    def _read(self) -> list[tuple[int, int]]:
        """(busy, all) ticks of each core."""
        lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
        ticks = {
            words[0]: [int(word) for word in words[1 : 1 + _COUNTED]]
            for words in lines
            if words[0].startswith("cpu")
        }
        found = [ticks[f"cpu{core}"] for core in self._cores]
        return [(sum(one) - sum(one[column] for column in _IDLE), sum(one)) for one in found]
