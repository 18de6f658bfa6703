"""What a drill comes to: its recording measured and judged. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mrcnet.drill.measures import measure, story
from mrcnet.drill.model import Done, Drill, EventLine, Judgement, Measures
from mrcnet.drill.verdict import ABORTED, FAILED, PASSED, judge
from mrcnet.mrc.events import EvChanged
from mrcnet.workload.summary import Recording, TrafficResult, summarise


@dataclass(frozen=True, slots=True)
class DrillResult:
    """A drill's outcome. `traffic` is None when it was aborted, `measures` also when nothing was cut.

    `reasons`: what failed besides expectations; `warnings`: why the figures may tell of the machine instead.
    """

    drill: str
    verdict: str
    on: str  # the kernel's fabric or the simulator's: kernel, sim
    lab: str
    seed: int
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    judgements: tuple[Judgement, ...]
    measures: Measures | None
    traffic: TrafficResult | None
    events: tuple[EventLine, ...]


def interrupted(drill: Drill, on: str, lab: str) -> DrillResult:
    """The result of a run that was stopped in the middle."""
    return DrillResult(drill.name, ABORTED, on, lab, drill.seed, ("interrupted",), (), (), None, None, ())


def conclude(
    drill: Drill,
    on: str,
    recording: Recording,
    done: tuple[Done, ...],
    *,
    allow_unfaithful: bool = False,
) -> DrillResult:
    """The result of a run that came to its end, with the steps that were taken.

    One in which the machine was the bottleneck tells nothing of the fabric: it fails, or is only warned of.
    """
    traffic = summarise(recording)
    end = recording.start_at + drill.traffic.duration_ns
    measures = measure(recording, done, end) if done else None
    judgements = judge(drill.expectations, measures) if measures else ()
    missing = len(drill.steps) - len(done)
    reasons = traffic.problems + ((f"{missing} actions were not taken",) if missing else ())
    unfaithful = tuple(_unfaithful(traffic))
    if not allow_unfaithful:
        reasons += unfaithful
    passed = not reasons and all(judgement.met for judgement in judgements)
    return DrillResult(
        drill=drill.name,
        verdict=PASSED if passed else FAILED,
        on=on,
        lab=recording.job.lab,
        seed=drill.seed,
        reasons=reasons,
        warnings=(*(unfaithful if allow_unfaithful else ()), *_doubts(recording, traffic, done)),
        judgements=judgements,
        measures=measures,
        traffic=traffic,
        events=tuple(story(recording, done)),
    )


def _unfaithful(traffic: TrafficResult) -> Iterator[str]:
    fidelity = traffic.fidelity
    if fidelity is not None and fidelity.faithful is False:
        yield f"unfaithful: {'; '.join(fidelity.reasons)} (dilation {fidelity.dilation_needed} would do)"


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
