"""What is seen of a lab at an instant. Counters only grow while it is up; rates are between two looks."""

from __future__ import annotations

from dataclasses import dataclass

from mrcnet.kernel.portwatch import Traffic
from mrcnet.topology.model import End
from mrcnet.workload.pulse import Pulse


@dataclass(frozen=True, slots=True)
class Queue:
    """What a port's program counted, in frames, and holds: `backlog` bytes. Drops are by cause."""

    marked: int
    trimmed: int
    drops: tuple[tuple[str, int], ...]
    backlog: int
    faults: tuple[str, ...]

    @property
    def dropped(self) -> int:
        """All frames that it dropped."""
        return sum(frames for _, frames in self.drops)


@dataclass(frozen=True, slots=True)
class PortSeen:
    """A port, its far end, and what the kernel counted; `queue` None: it bears no program."""

    end: End
    peer: str
    plane: int
    traffic: Traffic
    queue: Queue | None


@dataclass(frozen=True, slots=True)
class LabSeen:
    """A lab at `at` (CLOCK_MONOTONIC, ns); its runs by process id."""

    lab: str
    at: int
    dilation: int
    planes: int
    hosts: int
    ports: tuple[PortSeen, ...]
    runs: tuple[tuple[int, Pulse], ...]
