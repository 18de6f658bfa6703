"""Labs of the catalogue on the kernel's fabric, where a drill of microseconds takes seconds."""

from __future__ import annotations

import pytest

from mrcnet.kernel import lab as labs
from tests.netns.fabric import NEEDS_ROOT, namespaces
from tests.netns.traffic import mrcnet
from tests.unit.plan.fabrics import ROOT

pytestmark = NEEDS_ROOT


@pytest.mark.parametrize("name", ["lossy-nic", "t0-loss"])
def test_a_lab_runs_in_dilated_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same file as in the simulator: no byte is wrong, no QP fails, the fault is seen, nothing stays."""
    monkeypatch.setenv("prober", "true")  # of its choices one is enough here
    code, told, complaint = mrcnet("drill", str(ROOT / "labs" / name), "--allow-unfaithful")
    assert code in (0, 1), complaint  # how well a busy machine keeps pace is not this test's matter
    for run in told.get("runs", [told]):
        metrics = run["metrics"]
        assert run["traffic"]["dilation"] > 1
        assert (0, 0) == (metrics["messages_wrong"], metrics["qps_failed"])
        assert metrics["detection_ms"] is not None
    assert set() == namespaces(name)
    assert name not in labs.labs()
