"""N-1 in the simulator: everything fails once, and what a fabric cannot bear comes first."""

from __future__ import annotations

from mrcnet.drill.job import plan_job
from mrcnet.drill.result import DrillResult
from mrcnet.drill.runner import run_drill
from mrcnet.drill.sweep import Element, Sweep, drill_of, elements, gather, in_turn
from mrcnet.drill.virtual import SimFabric
from mrcnet.plan.build import build_plan
from mrcnet.plan.model import Plan
from mrcnet.topology.load import load_text


def shape(planes: int) -> Plan:
    return build_plan(
        load_text(f"fabric: {{planes: {planes}, t0: 1, t1: 1, hosts_per_t0: 2}}\nports: {{}}\n", "shape.yaml")
    )


def swept(plan: Plan) -> Sweep:
    def run(element: Element) -> DrillResult:
        drill = drill_of(plan, element, 1, shaped=True)
        return run_drill(drill, plan_job(drill, plan, "x"), SimFabric())

    return gather(plan, "sim", in_turn(plan, run, lambda _: None))


def test_everything_fails_once() -> None:
    """Every link and every switch is an element, hosts are none."""
    plan = shape(2)
    found = list(elements(plan))
    assert len(plan.topology.links) == sum(one.kind == "link" for one in found)
    assert ["p0-t0-0", "p0-t1-0", "p1-t0-0", "p1-t1-0"] == sorted(
        one.name for one in found if one.kind != "link"
    )


def test_two_planes_bear_any_failure() -> None:
    """With a second plane no single failure ends a QP; what carries traffic hurts more than what does not."""
    found = swept(shape(2))
    assert ("passed", 10) == (found.verdict, len(found.outcomes))
    assert found.outcomes[0].packets_lost > 0 == found.outcomes[-1].packets_lost


def test_one_plane_does_not() -> None:
    """With one plane the hosts' links and their T0 end the traffic: failed, and first in the table."""
    found = swept(shape(1))
    assert "failed" == found.verdict
    assert {"p0-t0-0", "h0:p0-t0-0", "h1:p0-t0-0"} == {
        one.name for one in found.outcomes if one.verdict == "failed"
    }
    assert "failed" == found.outcomes[0].verdict
