"""Variants side by side on the real kernel."""

from __future__ import annotations

from pathlib import Path

from mrcnet.kernel import lab
from tests.netns.fabric import NEEDS_ROOT, namespaces
from tests.netns.traffic import mrcnet

pytestmark = NEEDS_ROOT

NAME = "compare-short"
TOPOLOGY = "fabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 1}\n"
DRILL = f"""
name: {NAME}
topology: topology.yaml
traffic: {{pattern: pair, message: 16KiB, rate: 50Mbps, duration: 600ms}}
actions:
  - {{at: 300ms, do: cut, target: "p0-t0-0:p0-t1-0", silent: true, for: 100ms}}
"""


def test_two_routings(tmp_path: Path) -> None:
    """One drill over MRC and over plain ECMP: a lab each, every byte right, one table, and nothing stays."""
    (tmp_path / "topology.yaml").write_text(TOPOLOGY, encoding="utf-8")
    drill, out = tmp_path / "drill.yaml", tmp_path / "out"
    drill.write_text(DRILL, encoding="utf-8")
    code, told, complaint = mrcnet(
        "compare-run", str(drill), "--over", "mrc/srv6,rocev2x1/ecmp", "-o", str(out)
    )
    assert 0 == code, complaint
    assert ["mrc/srv6", "rocev2x1/ecmp"] == [row["variant"] for row in told["rows"]]
    assert [(["passed"], [])] * 2 == [(row["verdicts"], row["unsound"]) for row in told["rows"]]
    assert "routing: ecmp" in (out / "rocev2x1-ecmp.json").read_text(encoding="utf-8")
    assert set() == namespaces(NAME)
    assert NAME not in lab.labs()
