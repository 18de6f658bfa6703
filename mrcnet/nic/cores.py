"""How busy each core is, whoever keeps it so: what the kernel forwards belongs to no process."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

_IDLE = (3, 4)  # columns of /proc/stat: idle, waiting for a disk
_SOFTIRQ = 6  # what the kernel does for frames, in whose time ever
_COUNTED = 8  # the columns after these are counted in others


class _Ticks(NamedTuple):
    """Of one core since boot."""

    busy: int
    soft: int
    all: int


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
        return tuple(
            (now.busy - was.busy) / max(1, now.all - was.all)
            for now, was in zip(self._read(), self._before, strict=True)
        )

    def forwarding(self) -> float:
        """Seconds that all cores together have spent in the kernel's soft interrupts."""
        ticks = sum(now.soft - was.soft for now, was in zip(self._read(), self._before, strict=True))
        return ticks / os.sysconf("SC_CLK_TCK")

    def _read(self) -> list[_Ticks]:
        lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
        ticks = {
            words[0]: [int(word) for word in words[1 : 1 + _COUNTED]]
            for words in lines
            if words[0].startswith("cpu")
        }
        found = [ticks[f"cpu{core}"] for core in self._cores]
        return [
            _Ticks(sum(one) - sum(one[column] for column in _IDLE), one[_SOFTIRQ], sum(one)) for one in found
        ]
