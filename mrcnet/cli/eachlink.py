"""`mrcnet drill --each-link`: N-1 of a whole topology."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace

from mrcnet.cli.dilation import settled
from mrcnet.cli.output import Answer, progress, table
from mrcnet.cli.topologies import find, plan_of
from mrcnet.cli.up import refuse_errors
from mrcnet.drill.fabric import Fabric
from mrcnet.drill.job import plan_job
from mrcnet.drill.kernel import KernelFabric
from mrcnet.drill.result import DrillResult
from mrcnet.drill.runner import run_drill
from mrcnet.drill.sweep import Element, Outcome, Sweep, drill_of, sweep
from mrcnet.drill.verdict import PASSED
from mrcnet.drill.virtual import SimFabric
from mrcnet.errors import ExitCode, InputError
from mrcnet.kernel import lab

SHOWN = 20
NAME = "each-link"  # of the lab, on the kernel's fabric


def each_link(topology: str, on: str, *, allow_unfaithful: bool) -> Answer:
    """Everything of a topology fails in turn, on one lab or in the simulator."""
    source = find(topology)
    plan = plan_of(source)
    refuse_errors(plan, source)
    fabric: Fabric = SimFabric()
    with ExitStack() as stack:
        if on == "kernel":
            if NAME in lab.labs():
                raise InputError(f"lab {NAME!r} exists", remedy=f"`mrcnet down {NAME}`")
            plan = settled(plan, NAME, source.text)
            stack.callback(lab.down, NAME)
            lab.up(plan, NAME, source.file, source.text)
            fabric = KernelFabric(source.file, source.text, up=False)
        else:  # there ports have queues, whether the topology speaks of them or not
            plan = replace(plan, topology=replace(plan.topology, has_ports=True))

        def run(element: Element) -> DrillResult:
            drill = drill_of(plan, element, 1, shaped=plan.topology.shaped)
            return run_drill(drill, plan_job(drill, plan, NAME), fabric, allow_unfaithful=allow_unfaithful)

        found = sweep(plan, on, run, progress)
    code = ExitCode.OK if found.verdict == PASSED else ExitCode.FAILED
    return Answer(asdict(found), _lines(found), code)


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
