"""Run drills: in a lab of their own, in one that runs, in the simulator."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mrcnet.api.dilation import settled
from mrcnet.api.drillfiles import read_drills
from mrcnet.api.labs import running_plan
from mrcnet.api.telling import Tell, silent
from mrcnet.api.topologies import Source, plan_of, refuse_errors
from mrcnet.drill.fabric import Fabric
from mrcnet.drill.job import plan_job
from mrcnet.drill.kernel import KernelFabric
from mrcnet.drill.model import Drill
from mrcnet.drill.result import DrillResult
from mrcnet.drill.runner import run_drill as run_on_fabric
from mrcnet.drill.virtual import SimFabric
from mrcnet.errors import InputError
from mrcnet.kernel import lab
from mrcnet.plan.build import dilated
from mrcnet.plan.model import Plan
from mrcnet.sim.run import Sim, like_kernel
from mrcnet.workload.dilation import is_auto
from mrcnet.workload.fidelity import Fidelity
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording

_AGAIN = 2  # times that a run is made anew in slower time


@dataclass(slots=True)
class Stage:
    """Where drills run: `on` the kernel's fabric, in the lab `lab_name` or in one of their own that goes down
    again unless `keep`; or on the simulator's (`sim`).

    Over the lab's topology, or `plan`, or what the drill's file names. `allow_unfaithful`: a run is judged
    even if the machine was its bottleneck; else one in a lab of the drill's own with `dilation: auto` is made
    anew in slower time, where later runs begin. `like_kernel`: the simulator has the turns and shapers of the
    kernel's fabric. `note` is told what goes on.
    """

    on: str = "kernel"
    lab_name: str | None = None
    keep: bool = False
    allow_unfaithful: bool = False
    like_kernel: bool = False
    plan: Plan | None = None
    note: Tell = silent
    _slower: float = field(default=1, init=False)  # than the calibration has it: earlier runs had to be

    def job(self, drill: Drill, source: Source, *, dry: bool = False) -> Job:
        """What is to run; InputError if it cannot. A `dry` one does not settle its dilation."""
        plan = self.plan or (running_plan(self.lab_name) if self.lab_name else plan_of(source))
        refuse_errors(plan, source, self.note)
        job = plan_job(drill, plan, self.lab_name or drill.name)
        if self.on == "kernel" and not self.lab_name and not dry:
            slower = self._slower
            plan = settled(plan, drill.name, source.text, flows=job.flows, slower=slower, note=self.note)
            job = plan_job(drill, plan, drill.name)
        return job

    def fabric(self, plan: Plan, source: Source) -> Fabric:
        """The fabric of one run."""
        if self.on == "sim":
            return SimFabric(like_kernel(plan) if self.like_kernel else Sim())
        return KernelFabric(source.file, source.text, self.lab_name is None, self.keep, self.note)

    def run(
        self,
        drill: Drill,
        job: Job,
        source: Source,
        recorded: Callable[[Recording], None] = lambda _: None,
    ) -> DrillResult:
        """Run what `job` decided; `recorded` gets the recording of each run, the last of which is judged.

        MrcnetError for what cannot be started; else a result, also of a run that was stopped.
        """
        lessons: list[str] = []
        while True:
            result = self._once(drill, job, source, recorded)
            result = replace(result, warnings=(*lessons, *result.warnings))
            doubt = self._doubt(result, source)
            if doubt is None or len(lessons) == _AGAIN:
                return result
            dilation, needed = job.plan.topology.dilation, doubt.dilation_needed
            lessons.append(f"made anew in slower time: at dilation {dilation} {'; '.join(doubt.reasons)}")
            self.note(f"{lessons[-1]}; now at {needed}")
            self._slower *= needed / dilation
            if self.keep:
                lab.down(job.lab)
            again = plan_job(drill, dilated(job.plan, needed), job.lab)
            job = replace(again, settings=replace(again.settings, trace=job.settings.trace))

    def _once(
        self, drill: Drill, job: Job, source: Source, recorded: Callable[[Recording], None]
    ) -> DrillResult:
        fabric = self.fabric(job.plan, source)
        return run_on_fabric(drill, job, fabric, self.note, recorded, allow_unfaithful=self.allow_unfaithful)

    def _doubt(self, result: DrillResult, source: Source) -> Fidelity | None:
        """Why a run tells of the machine, if slower time is the remedy and ours to choose."""
        fidelity = result.traffic.fidelity if result.traffic else None
        if fidelity is None or fidelity.faithful is not False:
            return None
        ours = not self.lab_name and not self.allow_unfaithful and is_auto(self.plan or plan_of(source))
        return fidelity if ours else None

    def run_file(self, file: str | Path, seed: int | None, variables: Mapping[str, str]) -> DrillResult:
        """Run the drill of a file once. InputError if its matrix leaves a choice."""
        drills = read_drills(Path(file), {**os.environ, **variables})
        if len(drills) > 1:
            names = ", ".join(name for name, _ in drills[0][0].choice)
            raise InputError(
                f"{file} is a matrix of {len(drills)} drills", remedy=f"say which: give a value to {names}"
            )
        drill, source = drills[0]
        if seed is not None:
            drill = replace(drill, seed=seed)
        return self.run(drill, self.job(drill, source), source)


def run_drill(
    file: str | Path,
    *,
    on: str = "kernel",
    seed: int | None = None,
    keep: bool = False,
    allow_unfaithful: bool = False,
    like_kernel: bool = False,
    note: Tell = silent,
    **variables: str,
) -> DrillResult:
    """Run a drill over the topology that its file names: `on` kernel, in a lab of its own, or sim.

    `file` is a drill file, a folder, or the name of a shipped lab; `seed` comes before its own; `variables`
    are put into its text, and choose from its matrix. The verdict is in the result: passed, failed or
    aborted. Raises MrcnetError for what cannot be started.
    """
    if on not in ("kernel", "sim"):
        raise InputError(f"a drill runs on kernel or on sim, not on {on!r}")
    stage = Stage(on, None, keep, allow_unfaithful, like_kernel, note=note)
    return stage.run_file(file, seed, variables)
