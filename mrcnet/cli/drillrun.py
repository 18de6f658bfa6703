"""One run of a drill as a command line asks for it: its job, its result, the JSON object of that."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mrcnet.api.drillfiles import drill_file
from mrcnet.api.drills import Stage
from mrcnet.api.topologies import Source
from mrcnet.cli.events import traced, write_events
from mrcnet.cli.results import Files, command_line
from mrcnet.drill.interrupt import interruptible
from mrcnet.drill.model import Drill
from mrcnet.drill.result import DrillResult, interrupted
from mrcnet.kernel import lab
from mrcnet.report.model import Origin, Picture
from mrcnet.report.picture import picture
from mrcnet.report.resultfile import as_data, origin
from mrcnet.workload.framewindow import Captured
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording


@dataclass(frozen=True, slots=True)
class Made:
    """A run: its result, what can be drawn of it, frames that it captured, when traffic began, and the parts
    of ports that its lab went without.
    """

    result: DrillResult
    seen: Picture
    captured: tuple[Captured, ...]
    start_at: int
    degraded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DrillRun:
    """What the command line says about every run; `command` gives it again, but for its seed."""

    file: Path
    stage: Stage
    events: Path | None = None
    command: str = field(default_factory=command_line)

    def run(self, drill: Drill, source: Source, files: Files) -> tuple[DrillResult, dict[str, Any]]:
        """One run: its result, and the JSON object of it. What it captured is written."""
        return self.told(drill, source, files, self.made(drill, source, files))

    def made(self, drill: Drill, source: Source, files: Files) -> Made:
        """The run itself, which in the simulator needs no file but those of `events`."""
        if files.output is None:
            drill = replace(drill, capture=())
        recordings: list[Recording] = []
        try:
            with interruptible():
                result, job = self._run(drill, source, recordings)
                last = recordings[-1] if result.traffic else None
                seen = picture(job.plan, result, last)
        except KeyboardInterrupt:  # before the run, or when its result was drawn
            return self.unmade(drill, source)
        degraded = self._degraded(job)
        return Made(result, seen, last.captured if last else (), last.start_at if last else 0, degraded)

    def unmade(self, drill: Drill, source: Source) -> Made:
        """What stands for a run that was interrupted."""
        job = self.stage.job(drill, source, dry=True)
        result = interrupted(drill, self.stage.on, job.lab)
        return Made(result, picture(job.plan, result, None), (), 0, self._degraded(job))

    def told(
        self, drill: Drill, source: Source, files: Files, made: Made
    ) -> tuple[DrillResult, dict[str, Any]]:
        """What a run comes to; what it captured is written."""
        origin = self._origin(drill, source)
        data = as_data(made.result, origin, made.seen)
        data["captures"] = files.captures(made.captured, made.start_at, origin.command)
        data["degraded"] = made.degraded
        return made.result, data

    def _degraded(self, job: Job) -> tuple[str, ...]:
        """The parts of ports that the lab went without; one of the drill's own is gone by now."""
        if self.stage.lab_name:
            return lab.degraded(self.stage.lab_name)
        return () if self.stage.on == "sim" else lab.lacks(job.plan, allowed=True)

    def _run(self, drill: Drill, source: Source, recordings: list[Recording]) -> tuple[DrillResult, Job]:
        job = traced(self.stage.job(drill, source), self.events)

        def recorded(recording: Recording) -> None:
            recordings.append(recording)
            write_events(recording, self.events)

        result = self.stage.run(drill, job, source, recorded)
        return result, recordings[-1].job if recordings else job  # which may have run anew in slower time

    def _origin(self, drill: Drill, source: Source) -> Origin:
        """The files that were run; of a running lab, the topology that it was made of."""
        if self.stage.lab_name:
            stored = lab.load(self.stage.lab_name)
            source = Source(stored.text, stored.file)
        text = drill_file(self.file).read_text(encoding="utf-8")
        return origin(self._again(drill), str(self.file), text, source.file, source.text, drill.story)

    def _again(self, drill: Drill) -> str:
        """The command that gives this one run again: its choice of the matrix is set as variables."""
        chosen = [f"{name}={shlex.quote(value)}" for name, value in drill.choice]
        once = ["--repeat 1"] if drill.repeat > 1 else []
        return " ".join([*chosen, self.command, *once, f"--seed {drill.seed}"])


@dataclass(frozen=True, slots=True)
class Simulated:
    """A run in the simulator as a task: all that it needs, wherever it is made."""

    how: DrillRun
    drill: Drill
    source: Source
    files: Files

    def __call__(self) -> Made:
        return self.how.made(self.drill, self.source, self.files)
