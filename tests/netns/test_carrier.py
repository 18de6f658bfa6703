"""The carrier of real ports: seen when the far end goes, and when it is back."""

from __future__ import annotations

from mrcnet.kernel import faults, netns
from mrcnet.nic.carrier import EVERY_NS, Carrier
from tests.netns.fabric import NEEDS_ROOT, running

pytestmark = NEEDS_ROOT


def test_link_lost_and_back() -> None:
    """A loud cut of a host's link shows as one change of that port, healing as another; between, nothing."""
    with running() as (lab, plan):
        with netns.inside(netns.path_of(lab, "h0")):
            carrier = Carrier(["eth1", "eth2"])
        assert [] == list(carrier.changes(0))
        faults.cut(plan, lab, "h0:p1-t0-0")
        assert [] == list(carrier.changes(EVERY_NS - 1))  # not yet due
        assert [(1, False)] == list(carrier.changes(EVERY_NS))
        assert [] == list(carrier.changes(2 * EVERY_NS))
        faults.heal(plan, lab, "h0:p1-t0-0")
        assert [(1, True)] == list(carrier.changes(3 * EVERY_NS))
        carrier.close()


def test_a_silent_cut_shows_nothing() -> None:
    """What keeps its carrier counts as up."""
    with running() as (lab, plan):
        with netns.inside(netns.path_of(lab, "h0")):
            carrier = Carrier(["eth1"])
        faults.cut(plan, lab, "h0:p0-t0-0", silent=True)
        assert [] == list(carrier.changes(0))
        carrier.close()
