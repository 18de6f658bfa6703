"""What probing came to, in names."""

from __future__ import annotations

from mrcnet.plan.target import find_link
from mrcnet.prober.report import dead_switches
from mrcnet.topology.model import Link
from tests.unit.plan.fabrics import shipped

PLAN = shipped("2p-2t0-2t1")


def links(*targets: str) -> tuple[Link, ...]:
    return tuple(find_link(PLAN, target) for target in targets)


def test_a_switch_of_which_nothing_works_is_suspected() -> None:
    """All links of a T1 broken: the T1. All but one, or only one seen: no switch."""
    of_t1 = links("p0-t0-0:p0-t1-0", "p0-t0-1:p0-t1-0")
    every = PLAN.topology.links
    assert ("p0-t1-0",) == dead_switches(PLAN, every, of_t1, ())
    assert () == dead_switches(PLAN, every, of_t1[:1], ())
    assert () == dead_switches(PLAN, every, of_t1[:1], of_t1[1:])
    of_t0 = links("h0:p0-t0-0", "h1:p0-t0-0")
    above = links("p0-t0-0:p0-t1-0", "p0-t0-0:p0-t1-1")
    assert ("p0-t0-0",) == dead_switches(PLAN, every, of_t0, above)
