"""The catalogue of labs/, in the simulator: every drill, every choice of its matrix."""

from __future__ import annotations

from pathlib import Path

import pytest

from mrcnet.api.drillfiles import read_drills
from mrcnet.api.topologies import plan_of
from mrcnet.drill.batch import gather
from mrcnet.drill.job import plan_job
from mrcnet.drill.runner import run_drill
from mrcnet.drill.verdict import spell
from mrcnet.drill.virtual import SimFabric
from tests.unit.plan.fabrics import ROOT

SECONDS = {"loud-cut", "silent-cut"}  # of fabric time: tests/sim/fabric and tests/netns run these
LABS = sorted(path.parent for path in (ROOT / "labs").glob("*/drill.yaml") if path.parent.name not in SECONDS)
VIRTUAL = [folder for folder in LABS if "sim" in read_drills(folder)[0][0].on]


@pytest.mark.parametrize("folder", VIRTUAL, ids=lambda path: path.name)
def test_a_lab_shows_what_it_says(folder: Path) -> None:
    """Every expectation of the drill is met, nothing else is wrong, and no bin of the books is missing."""
    results = []
    for drill, source in read_drills(folder):
        job = plan_job(drill, plan_of(source), drill.name)
        results.append(run_drill(drill, job, SimFabric()))
    for result in results:
        assert [] == [spell(judgement) for judgement in result.judgements if not judgement.met]
        assert () == result.reasons
    assert "passed" == gather(results).verdict


@pytest.mark.parametrize("folder", LABS, ids=lambda path: path.name)
def test_a_readme_says_what_to_expect(folder: Path) -> None:
    """Every measure of which a drill expects something stands in its README."""
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for drill, _ in read_drills(folder):
        for expected in drill.expectations:
            assert expected.measure in readme
