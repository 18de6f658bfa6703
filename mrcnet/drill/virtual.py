"""Drills on the simulator: virtual links, virtual time, one seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mrcnet.drill.fabric import Live
from mrcnet.drill.model import Done, Drill, Step
from mrcnet.sim.fit import fit
from mrcnet.sim.run import Sim, SimRun, run_traffic
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording


@dataclass(frozen=True, slots=True)
class SimFabric:
    """A fabric that is made for the run. Faults strike at their very instants: no error bar."""

    sim: Sim = field(default_factory=Sim)
    name: str = "sim"

    def run(self, drill: Drill, job: Job, meanwhile: Callable[[Live], None]) -> Recording:
        """See `Fabric`."""
        return run_traffic(
            fit(job, self.sim.turn_ns),
            drill.traffic.duration_ns,
            meanwhile=lambda run: meanwhile(_Live(run)),
            sim=self.sim,
        )


@dataclass(frozen=True, slots=True)
class _Live:
    run: SimRun

    @property
    def start_at(self) -> int:
        return self.run.start_at

    def watch(self, until: int | None) -> bool:
        return self.run.watch(until)

    def take(self, step: Step) -> Done:
        if step.action == "cut":
            return Done(step, self.run.cut(step.target, silent=step.silent), 0)
        return Done(step, self.run.heal(step.target), 0)
