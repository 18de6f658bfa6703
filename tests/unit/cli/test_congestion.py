"""`--congestion` of traffic, `congestion:` of drills."""

from __future__ import annotations

from pathlib import Path

import pytest

from mrcnet.api.drillfiles import read_drill
from mrcnet.api.topologies import plan_of
from mrcnet.drill.job import plan_job

from .conftest import Run

FABRIC = "name: one\nfabric: {planes: 2, t0: 1, t1: 1, hosts_per_t0: 3}\n"
TRAFFIC = ("traffic", "--on", "sim", "--topo", "one.yaml", "--pattern", "incast", "--size", "1MiB")
DRILL = """
name: x
topology: one.yaml
traffic: {{pattern: pair, rate: 10Mbps, duration: 2s}}
{transport}
actions:
  - {{at: 1s, do: cut, target: "p0-t0-0:p0-t1-0"}}
"""


def test_traffic_under_nscc_is_right(run: Run, tmp_path: Path) -> None:
    """Every byte arrives under NSCC too, and it steers: the run is not that of the fixed window."""
    (tmp_path / "one.yaml").write_text(FABRIC)
    fixed = run(*TRAFFIC, "--json")
    nscc = run(*TRAFFIC, "--congestion", "nscc", "--json")
    assert (0, 0) == (fixed.code, nscc.code)
    assert nscc.json["verified"]
    assert fixed.json["flows"] != nscc.json["flows"]


def test_an_unknown_choice_is_refused(run: Run) -> None:
    """What is neither fixed nor nscc ends with 2 and names both."""
    ran = run("traffic", "--congestion", "bbr")
    assert 2 == ran.code
    assert "fixed" in ran.err
    assert "nscc" in ran.err


@pytest.mark.parametrize(
    ("transport", "chosen"), [("", False), ("transport: {congestion: nscc}", True)], ids=["default", "nscc"]
)
def test_a_drill_chooses(transport: str, chosen: bool, tmp_path: Path) -> None:
    """A drill's transport takes NSCC when it says so, else the fixed window."""
    (tmp_path / "one.yaml").write_text(FABRIC)
    (tmp_path / "x.yaml").write_text(DRILL.format(transport=transport))
    drill, source = read_drill(tmp_path / "x.yaml")
    assert chosen == (plan_job(drill, plan_of(source), "x").settings.nscc is not None)
