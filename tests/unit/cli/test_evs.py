"""The EV table as people and programs read it."""

from __future__ import annotations

import pytest

from mrcnet.api import evs, lab
from mrcnet.plan.paths import paths
from mrcnet.workload.report import EvRow
from tests.unit.plan.fabrics import shipped

from .conftest import Run

PLAN = shipped("2p-2t0-2t1")


@pytest.fixture(autouse=True)
def _run_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that sends from h0 to h3, while h0's port in plane 0 is down."""
    first, second, *_ = paths(PLAN, "h0", "h3")
    last = paths(PLAN, "h0", "h3")[-1]
    rows = [
        EvRow(first.ev, 0, "GOOD", True, 7, 0, "", 1_500, out=True),
        EvRow(second.ev, 0, "ASSUMED_BAD", False, 3, 1, "loss inferred", None, out=True),
        EvRow(last.ev, 1, "GOOD", True, 9, 0, "", 2_000),
    ]
    monkeypatch.setattr(lab, "running_plan", lambda _: PLAN)
    monkeypatch.setattr(evs.desk, "ask", lambda _, src, dst: rows if (src, dst) == ("h0", "h3") else None)


def test_a_withdrawn_plane_is_told(run: Run) -> None:
    """An EV whose plane is withdrawn is not shown as if it carried data."""
    ran = run("evs", "lab", "h0:h3")
    assert 0 == ran.code
    marks = [line.split()[2] for line in ran.out.splitlines()[1:]]
    assert ["out", "out", "*"] == marks


def test_json_has_the_same(run: Run) -> None:
    """State, activity and withdrawal come one by one, the RTT in microseconds."""
    found = run("evs", "lab", "h0:h3", "--json").json["evs"]
    assert [(True, True, 1.5), (False, True, None), (True, False, 2.0)] == [
        (ev["active"], ev["out"], ev["rtt_us"]) for ev in found
    ]
