"""What a drill comes to: its recording measured and judged. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mrcnet.drill.actions import ACTIONS
from mrcnet.drill.goodput import Curve
from mrcnet.drill.measured import EventLine, Measures
from mrcnet.drill.measures import WARM_UP, measure
from mrcnet.drill.model import Done, Drill, Expectation, Judgement, Step
from mrcnet.drill.scene import named_steps
from mrcnet.drill.series import FaultSeries, GoodputLine, around, whole
from mrcnet.drill.story import story
from mrcnet.drill.verdict import ABORTED, FAILED, PASSED, judge
from mrcnet.mrc.events import EvChanged
from mrcnet.workload.summary import Recording, TrafficResult, summarise

_PIECES = 4  # of the time before the first fault, which must not differ much


@dataclass(frozen=True, slots=True)
class Named:
    """The measures that count from the action of this name."""

    name: str
    measures: Measures


@dataclass(frozen=True, slots=True)
class DrillResult:
    """A drill's outcome. `traffic` is None when it was aborted, `measures` also when nothing was done.

    `reasons`: what failed besides expectations; `warnings`: why the figures may tell of the machine instead.
    `choice`: the variables of its matrix; `of`: measures from the actions with names; `goodput` and `series`:
    time lines of the run and around its faults.
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
    choice: tuple[tuple[str, str], ...] = ()
    of: tuple[Named, ...] = ()
    goodput: GoodputLine | None = None
    series: tuple[FaultSeries, ...] = ()


def interrupted(drill: Drill, on: str, lab: str, why: str = "interrupted") -> DrillResult:
    """The result of a run that was stopped in the middle."""
    return DrillResult(
        drill.name, ABORTED, on, lab, drill.seed, (why,), (), (), None, None, (), choice=drill.choice
    )


def conclude(
    drill: Drill,
    on: str,
    recording: Recording,
    done: tuple[Done, ...],
    *,
    allow_unfaithful: bool = False,
) -> DrillResult:
    """The result of a run that came to its end, with what was done in it.

    One in which the machine was the bottleneck tells nothing of the fabric: it fails, or is only warned of.
    """
    traffic = summarise(recording)
    end = _end(drill, recording)
    trimmed = sum(port.trimmed for port in traffic.fabric.ports) if traffic.fabric else 0
    struck = tuple(one for one in done if one.first and ACTIONS[one.step.action].strikes)
    measures: Measures | None = None
    named: tuple[Named, ...] = ()
    if done or not drill.steps:
        first = struck[0] if struck else _nothing(drill, recording, end)
        measures = measure(recording, done, end, first, first, trimmed)
        named = tuple(
            Named(name, measure(recording, done, end, first, one, trimmed)) for name, one in named_steps(done)
        )
    wanted = [one for one in drill.expectations if one.on in (None, on)]
    judgements = tuple(_judged(wanted, measures, named)) if measures else ()
    reasons = traffic.problems + tuple(_reasons(drill, recording, done, struck))
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
        warnings=(*(unfaithful if allow_unfaithful else ()), *_doubts(recording, traffic, struck)),
        judgements=judgements,
        measures=measures,
        traffic=traffic,
        events=tuple(story(recording, done)),
        choice=drill.choice,
        of=named,
        goodput=whole(recording),
        series=tuple(around(recording, done)),
    )


def _end(drill: Drill, recording: Recording) -> int:
    """When posting ended: as the file says, or with the last message of what it had to send."""
    if drill.traffic.duration_ns is not None:
        return recording.start_at + drill.traffic.duration_ns
    ends = [source.ended_at for source in recording.sources.values() if source.ended_at is not None]
    return max(ends, default=recording.start_at)


def _nothing(drill: Drill, recording: Recording, end: int) -> Done:
    """What stands for the first fault where there is none: a quarter of the run is warm-up."""
    step = Step(0, "cut", "", False, drill.traffic.where)
    return Done(step, recording.start_at + int((end - recording.start_at) * WARM_UP), 0)


def _judged(wanted: Sequence[Expectation], measures: Measures, named: Sequence[Named]) -> Iterator[Judgement]:
    """Every expectation against the measures of its action; one that was not taken meets nothing."""
    known = {one.name: one.measures for one in named}
    for one in wanted:
        if one.of is not None and one.of not in known:
            yield Judgement(one, None, False)
        else:
            yield from judge([one], measures if one.of is None else known[one.of])


def _reasons(
    drill: Drill, recording: Recording, done: tuple[Done, ...], struck: tuple[Done, ...]
) -> Iterator[str]:
    """What fails a drill whatever it expects."""
    taken = len({id(one.step) for one in done})
    if missing := len(drill.steps) - taken:
        yield f"{missing} actions were not taken"
    if drill.steady is not None and struck:
        stray = unsteadiness(recording, struck[0].at)
        if stray > drill.steady:
            yield (
                f"goodput was not steady before the first fault: it strayed {stray:.1%} from its mean,"
                f" {drill.steady:.1%} is allowed"
            )


def unsteadiness(recording: Recording, cut: int) -> float:
    """How far the quarters of the time before a fault lie from their mean, at most; 1 if nothing came."""
    steady = recording.start_at + int((cut - recording.start_at) * WARM_UP)
    curve = Curve(recording.delivered, recording.start_at, recording.job.bin_ns)
    edges = np.linspace(curve.first(steady), curve.last(cut), _PIECES + 1).astype(int).tolist()
    rates = np.array([curve.mean(*pair).sum() for pair in pairwise(edges)])
    mean = float(rates.mean())
    return float(np.abs(rates - mean).max()) / mean if mean else 1.0


def _unfaithful(traffic: TrafficResult) -> Iterator[str]:
    fidelity = traffic.fidelity
    if fidelity is not None and fidelity.faithful is False:
        yield f"unfaithful: {'; '.join(fidelity.reasons)} (dilation {fidelity.dilation_needed} would do)"


def _doubts(recording: Recording, traffic: TrafficResult, struck: tuple[Done, ...]) -> Iterator[str]:
    """Signs that the machine, not the fabric, made the figures."""
    early = [
        event
        for _, event in recording.events
        if isinstance(event, EvChanged)
        and event.new == "ASSUMED_BAD"
        and struck
        and event.at < struck[0].at - struck[0].error
    ]
    if early:
        yield (
            f"{len(early)} EVs were lost before the first fault"
            f" (a host was busy for {traffic.longest_turn_ms:.0f} ms once)"
        )
    if traffic.ring_drops:
        yield f"{traffic.ring_drops} frames came faster than the receiving NIC could take them"
