"""Runs a drill on a fabric: traffic, faults on time, a result."""

from __future__ import annotations

from collections.abc import Callable

from mrcnet.drill.fabric import Fabric, Live
from mrcnet.drill.model import Done, Drill
from mrcnet.drill.result import DrillResult, conclude, interrupted
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording

__all__ = ["DrillResult", "run_drill"]


def run_drill(
    drill: Drill,
    job: Job,
    fabric: Fabric,
    progress: Callable[[str], None] = lambda _: None,
    recorded: Callable[[Recording], None] = lambda _: None,
    *,
    allow_unfaithful: bool = False,
) -> DrillResult:
    """Run `drill` as `job` (from `plan_job`) on a fabric, and judge it.

    `recorded` gets the recording that it is judged by.
    Raises MrcnetError for what cannot be started; Ctrl-C gives a result that says `aborted`.
    """
    done: list[Done] = []
    try:
        recording = fabric.run(drill, job, lambda live: _take_steps(live, drill, done, progress))
    except KeyboardInterrupt:
        return interrupted(drill, fabric.name, job.lab)
    recorded(recording)
    return conclude(drill, fabric.name, recording, tuple(done), allow_unfaithful=allow_unfaithful)


def _take_steps(live: Live, drill: Drill, done: list[Done], progress: Callable[[str], None]) -> None:
    """Each step at its time; traffic is watched while waiting. Without traffic there is nothing to break."""
    for step in drill.steps:
        if live.watch(live.start_at + step.at_ns):
            progress("every flow has failed")
            return
        done.append(live.take(step))
        progress(
            f"{step.at_ns / 1e9:.3f} s: {step.action} {step.target}" + (" silently" if step.silent else "")
        )
