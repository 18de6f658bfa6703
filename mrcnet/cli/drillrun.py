"""One run of a drill as a command line asks for it: its job, its result, the JSON object of that."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mrcnet.cli.dilation import settled
from mrcnet.cli.drillfiles import drill_file
from mrcnet.cli.events import traced, write_events
from mrcnet.cli.labs import running_plan
from mrcnet.cli.output import note
from mrcnet.cli.results import Files, command_line
from mrcnet.cli.topologies import Source, plan_of
from mrcnet.cli.up import refuse_errors
from mrcnet.drill.fabric import Fabric
from mrcnet.drill.interrupt import interruptible
from mrcnet.drill.job import plan_job
from mrcnet.drill.kernel import KernelFabric
from mrcnet.drill.model import Drill
from mrcnet.drill.result import DrillResult, interrupted
from mrcnet.drill.runner import run_drill
from mrcnet.drill.virtual import SimFabric
from mrcnet.kernel import lab
from mrcnet.report.model import Origin, Picture
from mrcnet.report.picture import picture
from mrcnet.report.resultfile import as_data, origin
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording


@dataclass(frozen=True, slots=True)
class DrillRun:
    """What the command line says about every run; `command` gives it again, but for its seed."""

    file: Path
    on: str
    lab_name: str | None
    keep: bool
    events: Path | None
    allow_unfaithful: bool
    command: str = field(default_factory=command_line)

    def job(self, drill: Drill, source: Source, *, dry: bool = False) -> Job:
        """What is to run; InputError if it cannot. A `dry` one does not settle its dilation."""
        plan = running_plan(self.lab_name) if self.lab_name else plan_of(source)
        refuse_errors(plan, source)
        job = plan_job(drill, plan, self.lab_name or drill.name)
        if self.on == "kernel" and not self.lab_name and not dry:
            plan = settled(plan, drill.name, source.text, flows=job.flows)
            job = plan_job(drill, plan, drill.name)
        return job

    def run(self, drill: Drill, source: Source, files: Files) -> tuple[DrillResult, dict[str, Any]]:
        """One run: its result, and the JSON object of it. What it captured is written."""
        if files.output is None:
            drill = replace(drill, capture=())
        origin = self._origin(drill, source)
        recordings: list[Recording] = []
        try:
            with interruptible():
                result, seen = self._run(drill, source, recordings)
        except KeyboardInterrupt:  # before the run, or when its result was drawn
            job = self.job(drill, source, dry=True)
            result = interrupted(drill, self.on, job.lab)
            seen = picture(job.plan, result, None)
        data = as_data(result, origin, seen)
        data["captures"] = files.captures(recordings[-1], origin.command) if recordings else []
        data["degraded"] = lab.degraded(self.lab_name) if self.lab_name else ()
        return result, data

    def _run(self, drill: Drill, source: Source, recordings: list[Recording]) -> tuple[DrillResult, Picture]:
        fabric: Fabric = SimFabric()
        if self.on == "kernel":
            fabric = KernelFabric(source.file, source.text, self.lab_name is None, self.keep, note)
        job = traced(self.job(drill, source), self.events)

        def recorded(recording: Recording) -> None:
            recordings.append(recording)
            write_events(recording, self.events)

        result = run_drill(drill, job, fabric, note, recorded, allow_unfaithful=self.allow_unfaithful)
        return result, picture(job.plan, result, recordings[-1] if recordings else None)

    def _origin(self, drill: Drill, source: Source) -> Origin:
        """The files that were run; of a running lab, the topology that it was made of."""
        if self.lab_name:
            stored = lab.load(self.lab_name)
            source = Source(stored.text, stored.file)
        text = drill_file(self.file).read_text(encoding="utf-8")
        return origin(self._again(drill), str(self.file), text, source.file, source.text, drill.story)

    def _again(self, drill: Drill) -> str:
        """The command that gives this one run again: its choice of the matrix is set as variables."""
        chosen = [f"{name}={shlex.quote(value)}" for name, value in drill.choice]
        once = ["--repeat 1"] if drill.repeat > 1 else []
        return " ".join([*chosen, self.command, *once, f"--seed {drill.seed}"])
