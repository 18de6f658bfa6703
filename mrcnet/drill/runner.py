"""Runs a drill on the kernel fabric: lab up, traffic, faults on time, measures, and everything put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from mrcnet.drill.job import plan_job
from mrcnet.drill.measures import measure, story
from mrcnet.drill.model import Done, Drill, EventLine, Judgement, Measures, Step
from mrcnet.drill.verdict import ABORTED, FAILED, PASSED, judge
from mrcnet.errors import InputError
from mrcnet.kernel import faults, lab
from mrcnet.kernel.processes import register_run
from mrcnet.mrc.events import EvChanged
from mrcnet.nic.engine import Run
from mrcnet.nic.traffic import run_traffic
from mrcnet.plan.model import Plan
from mrcnet.plan.target import find_link
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording, TrafficResult, summarise


@dataclass(frozen=True, slots=True)
class DrillResult:
    """A drill's outcome. `traffic` is None when it was aborted, `measures` also when nothing was cut.

    `reasons`: what failed besides expectations; `warnings`: why the figures may tell of the machine instead.
    """

    drill: str
    verdict: str
    lab: str
    seed: int
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    judgements: tuple[Judgement, ...]
    measures: Measures | None
    traffic: TrafficResult | None
    events: tuple[EventLine, ...]


def run_drill(
    drill: Drill,
    plan: Plan,
    source_file: str,
    source_text: str,
    *,
    lab_name: str | None = None,
    keep: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> DrillResult:
    """Run `drill` in a lab of its own (or in the running lab `lab_name`) and judge it.

    Whatever happens, cuts are healed; a lab that the drill brought up goes down again unless `keep`.
    Raises MrcnetError for what cannot be started; Ctrl-C gives a result that says `aborted`.
    """
    job = plan_job(drill, plan, lab_name or drill.name)
    begun: list[Step] = []
    done: list[Done] = []
    recording: Recording | None = None
    with ExitStack() as stack:
        if lab_name is None:
            progress(f"lab {job.lab} comes up")
            lab.up(plan, job.lab, source_file, source_text)
            if not keep:
                stack.callback(lab.down, job.lab)
        stack.enter_context(register_run(job.lab))
        _prepare(drill, job)
        stack.callback(_heal_all, job, begun)
        try:
            recording = run_traffic(
                job,
                drill.traffic.duration_ns,
                meanwhile=lambda run: _take_steps(run, drill, begun, done, progress),
            )
        except KeyboardInterrupt:
            progress("interrupted: putting everything back")
    if recording is None:
        return DrillResult(drill.name, ABORTED, job.lab, drill.seed, ("interrupted",), (), (), None, None, ())
    return _judge(drill, recording, tuple(done))


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


def _take_steps(
    run: Run, drill: Drill, begun: list[Step], done: list[Done], progress: Callable[[str], None]
) -> None:
    """Each step at its time; traffic is watched while waiting. Without traffic there is nothing to break."""
    for step in drill.steps:
        if run.watch(run.start_at + step.at_ns):
            progress("every flow has failed")
            return
        begun.append(step)
        done.append(_take(run, step))
        progress(
            f"{step.at_ns / 1e9:.3f} s: {step.action} {step.target}" + (" silently" if step.silent else "")
        )


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


def _judge(drill: Drill, recording: Recording, done: tuple[Done, ...]) -> DrillResult:
    traffic = summarise(recording)
    end = recording.start_at + drill.traffic.duration_ns
    measures = measure(recording, done, end) if done else None
    judgements = judge(drill.expectations, measures) if measures else ()
    missing = len(drill.steps) - len(done)
    reasons = traffic.problems + ((f"{missing} actions were not taken",) if missing else ())
    passed = not reasons and all(judgement.met for judgement in judgements)
    return DrillResult(
        drill=drill.name,
        verdict=PASSED if passed else FAILED,
        lab=recording.job.lab,
        seed=drill.seed,
        reasons=reasons,
        warnings=tuple(_doubts(recording, traffic, done)),
        judgements=judgements,
        measures=measures,
        traffic=traffic,
        events=tuple(story(recording, done)),
    )


def _doubts(recording: Recording, traffic: TrafficResult, done: tuple[Done, ...]) -> Iterator[str]:
    """Signs that the machine, not the fabric, made the figures."""
    early = [
        event
        for _, event in recording.events
        if isinstance(event, EvChanged)
        and event.new == "ASSUMED_BAD"
        and done
        and event.at < done[0].at - done[0].error
    ]
    if early:
        yield (
            f"{len(early)} EVs were lost before the first fault"
            f" (a host was busy for {traffic.longest_turn_ms:.0f} ms once)"
        )
    if traffic.ring_drops:
        yield f"{traffic.ring_drops} frames came faster than the receiving NIC could take them"
