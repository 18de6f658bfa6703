"""Where a packet stopped, and whether it went as planned, from hand-made sightings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnet.plan.model import Plan
from mrcnet.verify.diagnose import choose_sample, deviation, stop
from mrcnet.verify.model import PlannedPath, planned_paths
from mrcnet.verify.sniffers import Sighting
from tests.unit.plan.fabrics import shipped

PLAN = shipped("2p-2t0-2t1")
PATHS = tuple(planned_paths(PLAN))
FAR = next(each for each in PATHS if (each.src, each.dst, each.path.ev) == ("h0", "h3", 2))
NODES = ["h0", "p0-t0-0", "p0-t1-1", "p0-t0-1", "h3"]


def all_sightings(plan: Plan, planned: PlannedPath) -> list[Sighting]:
    """What the ears hear of a healthy packet: out of each node but the last, into each but the first."""
    seen = []
    for here, there in zip(planned.walk.hops, planned.walk.hops[1:], strict=False):
        out = next(port for port in plan.nodes[here.node].ports if port.peer_node == there.node)
        seen.append(Sighting(here.node, out.name, True, there.da))
        seen.append(Sighting(there.node, out.peer_port, False, there.da))
    return seen


WHOLE = all_sightings(PLAN, FAR)


def test_the_example_is_a_four_hop_path() -> None:
    """The sightings below are of h0 -> T0 -> T1 -> T0 -> h3."""
    assert NODES == [hop.node for hop in FAR.walk.hops]
    assert 8 == len(WHOLE)


@pytest.mark.parametrize(
    ("heard", "node", "words"),
    [
        (0, "h0", "never left h0 by eth1"),
        (1, "h0", "left h0 by eth1, never arrived at p0-t0-0"),
        (2, "p0-t0-0", "arrived at p0-t0-0 as fcbb:bb00:2001:4002:2002:6002::, was not forwarded to p0-t1-1"),
        (3, "p0-t0-0", "left p0-t0-0 by eth4, never arrived at p0-t1-1"),
        (4, "p0-t1-1", "arrived at p0-t1-1 as fcbb:bb00:4002:2002:6002::, was not forwarded to p0-t0-1"),
        (6, "p0-t0-1", "arrived at p0-t0-1 as fcbb:bb00:2002:6002::, was not forwarded to h3"),
        (8, "h3", "arrived at h3 as fcbb:bb00:6002::, was not decapsulated and delivered"),
    ],
)
def test_stop_is_the_last_node_that_was_reached(heard: int, node: str, words: str) -> None:
    """A packet of which the first so many sightings were made stopped there, and the words say how."""
    assert (node, words) == stop(PLAN, FAR, WHOLE[:heard])


def test_stop_names_a_wrong_turn() -> None:
    """A packet that a node passed to another than planned stopped, for the plan, at that node."""
    wrong = Sighting("p0-t0-0", "eth3", True, "fcbb:bb00:4002:2002:6002::")
    node, words = stop(PLAN, FAR, [*WHOLE[:2], wrong])
    assert "p0-t0-0" == node
    assert words == "p0-t0-0 passed it to p0-t1-0 (by eth3), not to p0-t1-1"


def test_stop_names_a_wrong_address() -> None:
    """A packet that arrives with an address that the plan does not expect there is reported as such."""
    wrong = Sighting("p0-t0-0", "eth1", False, "fcbb:bb00:2002:6002::")
    assert "as fcbb:bb00:2002:6002::, not as fcbb:bb00:2001:4002" in stop(PLAN, FAR, [WHOLE[0], wrong])[1]


@pytest.mark.parametrize("planned", PATHS[::5], ids=lambda each: f"{each.src}-{each.dst}-{each.path.ev}")
def test_a_walk_as_planned_has_no_deviation(planned: PlannedPath) -> None:
    """Sightings in any order, even the last first, agree with the walk."""
    assert None is deviation(planned, all_sightings(PLAN, planned)[::-1])


@pytest.mark.parametrize("lost", [0, 1, 3, 5, 7])
def test_a_missing_sighting_is_a_deviation(lost: int) -> None:
    """A delivered packet that was not seen at a planned node did not go as planned."""
    found = deviation(FAR, WHOLE[:lost] + WHOLE[lost + 1 :])
    assert found is not None
    assert WHOLE[lost].node == found[0]


def test_a_detour_is_a_deviation() -> None:
    """A packet that came by a node that is not on its walk is reported with that node."""
    found = deviation(FAR, [*WHOLE, Sighting("p0-t1-0", "eth1", False, "fcbb:bb00:4001::")])
    assert ("p0-t1-0", "came by p0-t1-0, which is not on its walk") == found


def test_a_wrong_address_is_a_deviation() -> None:
    """The outer destination at every hop must be the planned one."""
    bent = [*WHOLE[:3], Sighting("p0-t1-1", "eth1", False, "fcbb:bb00:4001:2002:6002::"), *WHOLE[4:]]
    found = deviation(FAR, bent)
    assert found is not None
    assert "p0-t1-1" == found[0]


@settings(deadline=None)
@given(healthy=st.sets(st.integers(0, len(PATHS) - 1)), size=st.integers(0, 60))
def test_a_sample_is_of_the_size_asked(healthy: set[int], size: int) -> None:
    """As many different healthy paths as were asked for, all of them if they are fewer; always the same."""
    chosen = choose_sample(PATHS, sorted(healthy), size)
    assert min(size, len(healthy)) == len(chosen) == len(set(chosen))
    assert set(chosen) <= healthy
    assert chosen == choose_sample(PATHS, sorted(healthy), size)


def test_a_sample_is_spread_over_planes_pairs_and_uplinks() -> None:
    """32 of the largest shipped fabric: 8 a plane, all T1s and nearly all different pairs."""
    paths = tuple(planned_paths(shipped("4p-16t0-8t1")))
    chosen = [paths[index] for index in choose_sample(paths, range(len(paths)), 32)]
    planes = [each.path.plane for each in chosen]
    assert [8, 8, 8, 8] == [planes.count(plane) for plane in range(4)]
    assert 8 == len({each.path.ev & 0xFFFF for each in chosen})
    assert len({(each.src, each.dst) for each in chosen}) >= 8
    assert len({each.src for each in chosen}) >= 8
