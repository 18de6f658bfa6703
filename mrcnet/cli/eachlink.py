"""`mrcnet drill --each-link`: N-1 of a whole topology."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import lru_cache

from mrcnet.api.dilation import settled
from mrcnet.api.topologies import Source, refuse_errors
from mrcnet.cli.crews import each_made
from mrcnet.cli.output import Answer, note, progress, table
from mrcnet.cli.topologies import find, plan_of
from mrcnet.drill.crew import Crew
from mrcnet.drill.fabric import Fabric
from mrcnet.drill.job import plan_job
from mrcnet.drill.kernel import KernelFabric
from mrcnet.drill.result import DrillResult, interrupted
from mrcnet.drill.runner import run_drill
from mrcnet.drill.sweep import Element, Outcome, Sweep, drill_of, elements, gather, in_turn, outcome
from mrcnet.drill.verdict import PASSED
from mrcnet.drill.virtual import SimFabric
from mrcnet.errors import ExitCode, InputError
from mrcnet.kernel import lab
from mrcnet.plan.model import Plan

SHOWN = 20
NAME = "each-link"  # of the lab, on the kernel's fabric


def each_link(topology: str, on: str, crew: Crew | None, *, allow_unfaithful: bool) -> Answer:
    """Everything of a topology fails in turn, on one lab or in the simulator."""
    source = find(topology)
    plan = plan_of(source)
    refuse_errors(plan, source, note)
    if on == "sim":
        found = _simulated(plan, source, crew, allow_unfaithful)
    else:
        found = _on_kernel(plan, source, allow_unfaithful)
    code = ExitCode.OK if found.verdict == PASSED else ExitCode.FAILED
    return Answer(asdict(found), _lines(found), code)


def _on_kernel(plan: Plan, source: Source, allow_unfaithful: bool) -> Sweep:
    if NAME in lab.labs():
        raise InputError(f"lab {NAME!r} exists", remedy=f"`mrcnet down {NAME}`")
    plan = settled(plan, NAME, source.text, note=note)
    with ExitStack() as stack:
        stack.callback(lab.down, NAME)
        lab.up(plan, NAME, source.file, source.text)
        fabric = KernelFabric(source.file, source.text, up=False)

        def run(element: Element) -> DrillResult:
            return _run(plan, element, fabric, allow_unfaithful)

        return gather(plan, "kernel", in_turn(plan, run, progress))


def _simulated(plan: Plan, source: Source, crew: Crew | None, allow_unfaithful: bool) -> Sweep:
    if crew is None:
        turns = in_turn(plan, lambda element: Failing(source, element, allow_unfaithful)(), progress)
        return gather(plan, "sim", turns)
    failing = [Failing(source, element, allow_unfaithful) for element in elements(plan)]
    found: dict[int, Outcome] = {}

    def keep(number: int, result: DrillResult) -> None:
        found[number] = outcome(failing[number].element, result)

    number = each_made(crew, failing, keep, [f"{one.element.kind} {one.element.name}" for one in failing])
    if number is not None:
        drill = drill_of(plan, failing[number].element, 1, shaped=True)
        keep(number, interrupted(drill, "sim", NAME))
    return gather(plan, "sim", (one for _, one in sorted(found.items())))


@dataclass(frozen=True, slots=True)
class Failing:
    """An element that fails in the simulator, as a task."""

    source: Source
    element: Element
    allow_unfaithful: bool

    def __call__(self) -> DrillResult:
        return _run(_shaped(self.source), self.element, SimFabric(), self.allow_unfaithful)


@lru_cache(maxsize=1)
def _shaped(source: Source) -> Plan:
    """There ports have queues, whether the topology speaks of them or not."""
    plan = plan_of(source)
    return replace(plan, topology=replace(plan.topology, has_ports=True))


def _run(plan: Plan, element: Element, fabric: Fabric, allow_unfaithful: bool) -> DrillResult:
    drill = drill_of(plan, element, 1, shaped=plan.topology.shaped)
    return run_drill(drill, plan_job(drill, plan, NAME), fabric, allow_unfaithful=allow_unfaithful)


def _lines(found: Sweep) -> Iterator[str]:
    bad = sum(one.verdict != PASSED for one in found.outcomes)
    yield f"{found.topology}: {found.verdict}, {len(found.outcomes)} failures in turn, {bad} not survived"
    yield from table(
        ["what", "name", "verdict", "dip", "lost", "EVs hit", "detection", "longest gap", "after"],
        [_row(one) for one in found.outcomes[:SHOWN]],
    )
    if len(found.outcomes) > SHOWN:
        yield f"... and {len(found.outcomes) - SHOWN} that hurt less; --json has them all"
    yield from (f"  {one.name}: {why}" for one in found.outcomes for why in one.reasons)


def _row(one: Outcome) -> list[object]:
    found = "never" if one.detection_ms is None else f"{one.detection_ms:.4g} ms"
    return [
        one.kind,
        one.name,
        one.verdict,
        f"{one.hurt:.1%}",
        one.packets_lost,
        one.evs_hit,
        found,
        f"{one.longest_gap_ms:.4g} ms",
        f"{one.goodput_after_share:.3f}",
    ]
