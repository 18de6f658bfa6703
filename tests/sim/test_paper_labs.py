"""RoCEv2's side of the paper's figures: the drills of labs/paper-* that the catalogue does not run."""

from __future__ import annotations

import pytest

from mrcnet.api.drillfiles import read_drill
from mrcnet.api.topologies import plan_of
from mrcnet.drill.job import plan_job
from mrcnet.drill.runner import run_drill
from mrcnet.drill.verdict import PASSED, spell
from mrcnet.drill.virtual import SimFabric
from tests.unit.plan.fabrics import ROOT

FIGURES = ("fig16", "fig17", "fig18", "figA2")


@pytest.mark.parametrize("figure", FIGURES)
def test_rocev2_suffers_as_in_the_paper(figure: str) -> None:
    """Every expectation of RoCEv2's drill is met: that it waits for its timer, loses or shares."""
    drill, source = read_drill(ROOT / "labs" / f"paper-{figure}" / "rocev2.yaml")
    result = run_drill(drill, plan_job(drill, plan_of(source), drill.name), SimFabric())
    assert [] == [spell(judgement) for judgement in result.judgements if not judgement.met]
    assert PASSED == result.verdict, result.reasons


@pytest.mark.parametrize("figure", FIGURES)
def test_both_sides_are_the_same_load(figure: str) -> None:
    """MRC and RoCEv2 have the same flows and the same rate of all ports of each host."""
    found = []
    for name in ("drill", "rocev2"):
        drill, source = read_drill(ROOT / "labs" / f"paper-{figure}" / f"{name}.yaml")
        job = plan_job(drill, plan_of(source), drill.name)
        rates = {sum(port.rate_bps for port in job.plan.nodes[host].ports) for host in job.hosts}
        flows = sorted((flow.src, flow.dst, flow.rate_bps or 0, flow.size or 0) for flow in job.flows)
        found.append((flows, rates))
    assert found[0] == found[1]
