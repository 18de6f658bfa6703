"""The drills of labs/headline beside the one that the catalogue runs."""

from __future__ import annotations

import pytest

from mrcnet.api.drillfiles import read_drill
from mrcnet.api.topologies import plan_of
from mrcnet.drill.job import plan_job
from mrcnet.drill.runner import run_drill
from mrcnet.drill.verdict import PASSED, spell
from mrcnet.drill.virtual import SimFabric
from tests.unit.plan.fabrics import ROOT

FOLDER = ROOT / "labs" / "headline"


def test_a_silent_t1_costs_mrc_nothing_that_lasts() -> None:
    """MRC meets what the drill expects, and goodput is back within a few timeouts."""
    drill, source = read_drill(FOLDER / "silent-t1.yaml")
    result = run_drill(drill, plan_job(drill, plan_of(source), drill.name), SimFabric())
    assert [] == [spell(judgement) for judgement in result.judgements if not judgement.met]
    assert PASSED == result.verdict, result.reasons


@pytest.mark.parametrize("other", ["one-port", "silent-t1"])
def test_they_are_the_same_ring(other: str) -> None:
    """What differs from the headline's drill is the fabric, or the fault: not who sends to whom."""
    found = []
    for name in ("drill", other):
        drill, source = read_drill(FOLDER / f"{name}.yaml")
        job = plan_job(drill, plan_of(source), drill.name)
        rates = {sum(port.rate_bps for port in job.plan.nodes[host].ports) for host in job.hosts}
        found.append((sorted((flow.src, flow.dst) for flow in job.flows), rates))
    assert found[0] == found[1]
