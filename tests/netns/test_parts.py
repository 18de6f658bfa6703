"""A machine that lacks a part of the ports' model: refused with the reason, or gone without and said."""

from __future__ import annotations

import pytest

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import lab as labs
from mrcnet.kernel import parts
from mrcnet.kernel.model import Part
from mrcnet.kernel.ports import open_ports, read_shapers
from mrcnet.kernel.status import State, status
from tests.netns.fabric import NEEDS_ROOT, SMALL, arrives, bring_up, new_name
from tests.netns.test_ports import SHAPED
from tests.unit.plan.fabrics import plan_of

pytestmark = NEEDS_ROOT


def refused() -> str:
    raise OSError("Operation not permitted")


def without(monkeypatch: pytest.MonkeyPatch, part: Part) -> None:
    monkeypatch.setattr(parts, "_TRIALS", {**parts._TRIALS, part: refused})


def test_this_machine_has_them_all() -> None:
    """Each part is really tried: here they hold."""
    assert () == parts.missing()


@pytest.mark.parametrize("part", list(Part))
def test_a_missing_part_is_refused(monkeypatch: pytest.MonkeyPatch, part: Part) -> None:
    """Nothing is made; the fault names the part, the kernel's reason and the way out."""
    without(monkeypatch, part)
    lab = new_name()
    with pytest.raises(EnvironmentFault, match=f"{part}: Operation not permitted") as fault:
        bring_up(lab, SHAPED)
    assert "--allow-degraded" in str(fault.value)
    assert lab not in labs.labs()
    bring_up(lab, SMALL)  # a lab without queues needs none of them
    labs.down(lab)


@pytest.mark.parametrize("part", list(Part))
def test_a_lab_may_go_without(monkeypatch: pytest.MonkeyPatch, part: Part) -> None:
    """What there is works, `up` again changes nothing, status says what is missing, and it can be mended."""
    without(monkeypatch, part)
    lab = new_name()
    try:
        lacks = bring_up(lab, SHAPED, allow_degraded=True).degraded
        assert (f"{part}: Operation not permitted",) == lacks == labs.degraded(lab)
        assert (part is Part.SHAPER) == (open_ports(lab) is not None)
        assert (part is Part.QUEUES) == bool(read_shapers(lab))
        assert arrives(lab, plan_of(SHAPED), "h0", "h3")
        assert () == bring_up(lab, SHAPED, allow_degraded=True).changes
        assert [(State.UP, lacks)] == [(one.state, one.degraded) for one in status() if one.lab == lab]
        monkeypatch.undo()
        assert () == bring_up(lab, SHAPED).degraded
        assert open_ports(lab) is not None
        assert read_shapers(lab)
        assert () == bring_up(lab, SHAPED).changes
    finally:
        labs.down(lab)
