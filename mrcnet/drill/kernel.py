"""Drills on the kernel's fabric: in a running lab, or in one of the drill's own that goes down again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from mrcnet.drill.fabric import Live
from mrcnet.drill.model import Done, Drill, Step
from mrcnet.errors import InputError
from mrcnet.kernel import faults, lab
from mrcnet.kernel.processes import register_run
from mrcnet.nic.engine import Run
from mrcnet.nic.traffic import run_traffic
from mrcnet.plan.target import find_link
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording


@dataclass(frozen=True, slots=True)
class KernelFabric:
    """A lab that is brought `up` from its source and goes down again unless `keep`; else, one that runs.

    Whatever happens, cuts are healed.
    """

    source_file: str
    source_text: str
    up: bool = True
    keep: bool = False
    progress: Callable[[str], None] = lambda _: None
    name: str = "kernel"

    def run(self, drill: Drill, job: Job, meanwhile: Callable[[Live], None]) -> Recording:
        """See `Fabric`."""
        begun: list[Step] = []
        with ExitStack() as stack:
            if self.up:
                _refuse_existing(job.lab)
                self.progress(f"lab {job.lab} comes up")
                lab.up(job.plan, job.lab, self.source_file, self.source_text)
                if not self.keep:
                    stack.callback(lab.down, job.lab)
            stack.enter_context(register_run(job.lab))
            _prepare(drill, job)
            stack.callback(_heal_all, job, begun)
            try:
                return run_traffic(
                    job, drill.traffic.duration_ns, meanwhile=lambda run: meanwhile(_Live(run, begun))
                )
            except KeyboardInterrupt:
                self.progress("interrupted: putting everything back")
                raise


def _refuse_existing(name: str) -> None:
    """A lab that was there before is not the drill's to take down."""
    if name in lab.labs():
        raise InputError(
            f"lab {name!r} exists", remedy=f"run the drill in it with --lab {name}, or `mrcnet down {name}`"
        )


def _prepare(drill: Drill, job: Job) -> None:
    """Before traffic: the links to be cut are whole, and a silent cut will be one write."""
    cut = {frozenset(fault.target.split(":")) for fault in faults.active_faults(job.lab)}
    for step in drill.steps:
        link = find_link(job.plan, step.target)
        if frozenset((link.a.node, link.b.node)) in cut:  # nor may the roll-back heal it
            raise InputError(
                f"{step.target} is cut already",
                where=step.where,
                remedy=f"mrcnet fault {job.lab} heal {step.target}",
            )
    faults.prepare(job.plan, job.lab, [step.target for step in drill.steps if step.silent])


@dataclass(frozen=True, slots=True)
class _Live:
    """Traffic in a lab, and the steps that were begun: what must be healed."""

    run: Run
    begun: list[Step]

    @property
    def start_at(self) -> int:
        return self.run.start_at

    def watch(self, until: int | None) -> bool:
        return self.run.watch(until)

    def take(self, step: Step) -> Done:
        self.begun.append(step)
        return _take(self.run, step)


def _take(run: Run, step: Step) -> Done:
    job = run.job
    if step.action == "cut":
        record = faults.cut(job.plan, job.lab, step.target, silent=step.silent)
    else:
        record = faults.heal(job.plan, job.lab, step.target)
    return Done(step, run.clock.fabric(record.at_ns), run.clock.fabric(record.error_ns))


def _heal_all(job: Job, begun: list[Step]) -> None:
    """Roll back: heal what the drill cut, also if it was stopped in the middle of a step."""
    for target in dict.fromkeys(step.target for step in begun):
        with suppress(InputError):  # it is whole already
            faults.heal(job.plan, job.lab, target)
