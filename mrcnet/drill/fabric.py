"""What a drill runs on: the kernel's fabric or the simulator's, behind the same two protocols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mrcnet.drill.model import Done, Drill, Step
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording


class Live(Protocol):
    """Traffic under way on a fabric. Instants are fabric nanoseconds."""

    @property
    def start_at(self) -> int:
        """When traffic began."""

    def watch(self, until: int | None) -> bool:
        """Wait until the instant `until`, or until all sources are done: then True."""

    def take(self, step: Step) -> Done:
        """Do what a step says, now."""


class Fabric(Protocol):
    """Where a drill takes place. It puts back whatever it changed, also when it is interrupted."""

    @property
    def name(self) -> str:
        """kernel or sim."""

    def run(self, drill: Drill, job: Job, meanwhile: Callable[[Live], None]) -> Recording:
        """The drill's traffic from beginning to end; `meanwhile` is called once it has begun."""
