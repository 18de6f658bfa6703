"""Packets through tables that were read back from rendered files."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings

from mrcnet.foreign.judge import judge
from mrcnet.plan.build import build_plan
from mrcnet.render.model import Nos, Wish
from mrcnet.topology.load import load_text
from mrcnet.topology.model import Topology
from tests.support.readback import disagreements, read_back
from tests.support.schemas import ROOT
from tests.unit.plan.fabrics import shipped, topologies

ANY_NAMES = ROOT / "tests/golden/input/explicit.yaml"  # other names of nodes and ports, parallel links


@pytest.mark.parametrize("nos", list(Nos))
def test_hops_are_the_plans(nos: Nos) -> None:
    """Every EV has the same address at every node by the plan and by the tables of the rendered files."""
    plan = shipped("4p-2t0-4t1")
    tried, wrong = disagreements(plan, read_back(plan, Wish(nos)))
    assert (8 * 7 * 16, []) == (tried, wrong)


def test_hops_with_other_names() -> None:
    """So they have where nodes and ports have names of another house, and links are parallel."""
    plan = build_plan(load_text(ANY_NAMES.read_text(encoding="utf-8"), ANY_NAMES.name))
    fabric = read_back(plan, Wish(Nos.FRR))
    assert (2, []) == disagreements(plan, fabric)
    assert () == judge(fabric, plan).remarks


@given(topologies())
@settings(max_examples=30, deadline=None)
def test_no_false_alarm_on_any_shape(topology: Topology) -> None:
    """What is rendered has no remark, whatever links, hosts' ports and switches a working fabric lacks."""
    plan = build_plan(topology)
    assume(not any(finding.severity == "error" for finding in plan.lint))
    for wish in (Wish(Nos.FRR), Wish(Nos.SONIC)):
        fabric = read_back(plan, wish)
        assert () == judge(fabric, plan).remarks
        assert [] == disagreements(plan, fabric)[1]
