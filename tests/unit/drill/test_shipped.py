"""The shipped drills, as far as a plan can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from mrcnet.api.drillfiles import read_drill
from mrcnet.api.topologies import plan_of
from mrcnet.drill.job import plan_job
from mrcnet.plan.crossings import Crossings
from mrcnet.plan.target import find_link
from mrcnet.workload.ends import make_content
from mrcnet.workload.station import Bins, Station
from tests.unit.plan.fabrics import ROOT

LABS = sorted(path.parent for path in (ROOT / "labs").glob("*/drill.yaml"))
CUTS = [folder for folder in LABS if folder.name in ("loud-cut", "silent-cut")]


@pytest.mark.parametrize("folder", CUTS, ids=lambda path: path.name)
def test_the_cut_link_carries_traffic(folder: Path) -> None:
    """An active EV of the flow crosses the link that the drill cuts, whatever the seed."""
    drill, source = read_drill(folder)
    plan = plan_of(source)
    job = plan_job(drill, plan, "lab")
    (flow,) = job.flows
    bins = Bins(plan.topology.planes, 0, job.bin_ns)
    station = Station(job, flow.src, make_content(job.message, job.seed), bins)
    evs = station.endpoint.qps[flow.src_qpn].evs
    active = {int(value) for value in evs.value[evs.active]}
    crossing = Crossings(plan).evs(flow.src, flow.dst, [find_link(plan, drill.steps[0].target)])
    assert crossing & active


@pytest.mark.parametrize("folder", LABS, ids=lambda path: path.name)
def test_a_lab_is_a_story(folder: Path) -> None:
    """A lab has the name of its folder, a story, expectations, and a README that says how to run it."""
    drill, _ = read_drill(folder)
    assert folder.name == drill.name
    assert drill.story
    assert drill.expectations
    assert f"mrcnet drill labs/{folder.name}" in (folder / "README.md").read_text(encoding="utf-8")
