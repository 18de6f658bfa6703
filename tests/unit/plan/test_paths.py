"""EVs, their carriers, and where these lead: over the shipped fabrics and over any other."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from mrcnet.plan.addressing import to_int
from mrcnet.plan.build import build_plan
from mrcnet.plan.canonical import canonical
from mrcnet.plan.counts import Counts, counts
from mrcnet.plan.paths import paths
from mrcnet.plan.usid import split_ev
from mrcnet.plan.walk import walk
from mrcnet.topology.model import Topology
from mrcnet.topology.schemefile import shipped as schemes

from .fabrics import plan_of, shipped, topologies


def test_paths_go_by_plane_then_uplink() -> None:
    """An EV is plane and uplink, counted from 1; the order is fixed, and each plane has its port."""
    found = [(path.ev, path.plane, path.port) for path in paths(shipped("2p-2t0-2t1"), "h0", "h3")]
    assert [(0x00001, 0, "eth1"), (0x00002, 0, "eth1"), (0x10001, 1, "eth2"), (0x10002, 1, "eth2")] == found


def test_carrier_follows_the_template() -> None:
    """Local T0, T1, destination T0, dst: the plane in all four, the uplink in the T1's uSID alone."""
    path = paths(shipped("4p-2t0-4t1"), "h1", "h6")[3 * 4 + 2]
    assert "fcbb:bb00:2c01:4c03:2c02:6c03::" == path.carrier  # plane 3, uplink 3, T0 1 -> 2, downlink 3


def test_local_pairs_have_all_evs_over_one_path() -> None:
    """Under one T0 the carrier is T0 and dst, and there are as many EVs as for other pairs."""
    found = paths(shipped("4p-2t0-4t1"), "h0", "h1")
    assert 16 == len({path.ev for path in found})
    assert ["fcbb:bb00:2001:6002::"] == sorted({path.carrier for path in found if path.plane == 0})


def test_a_t0_without_uplinks_still_serves_its_own_hosts() -> None:
    """A pair under a T0 that has no T1 has the single EV of uplink 1."""
    plan = plan_of("fabric: {planes: 1, t0: 1, t1: 0, hosts_per_t0: 2}")
    assert [1] == [path.ev for path in paths(plan, "h0", "h1")]


def test_evs_need_a_t1_that_both_sides_are_linked_to() -> None:
    """Without the link p0-t0-0:p0-t1-1, pairs over that T0 lose that EV and no other."""
    text = "fabric: {planes: 1, t0: 3, t1: 3, hosts_per_t0: 1}\nomit: ['p0-t0-0:p0-t1-1']\n"
    plan = plan_of(text)
    assert [1, 3] == [path.ev for path in paths(plan, "h0", "h2")]
    assert [1, 3] == [path.ev for path in paths(plan, "h2", "h0")]
    assert [1, 2, 3] == [path.ev for path in paths(plan, "h1", "h2")]


def test_a_host_has_no_path_to_itself() -> None:
    """Source and destination must differ for there to be an EV."""
    assert () == paths(shipped("2p-2t0-2t1"), "h0", "h0")


def test_unknown_host_is_a_key_error() -> None:
    """A switch is no end of a path."""
    with pytest.raises(KeyError):
        paths(shipped("2p-2t0-2t1"), "h0", "p0-t0-0")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2p-2t0-2t1", Counts(2, 4, 4, 4, 16, 4)),
        ("4p-2t0-4t1", Counts(4, 8, 16, 8, 64, 16)),
        ("4p-16t0-8t1", Counts(4, 64, 32, 32, 640, 32)),
        ("8p-2t0-2t1", Counts(8, 16, 16, 4, 64, 16)),
        ("8p-2t0-4t1", Counts(8, 16, 32, 8, 128, 32)),
    ],
)
def test_shipped_fabrics_are_as_large_as_their_names_say(name: str, expected: Counts) -> None:
    """Planes, switches, hosts, links and EVs per pair of each shipped topology, and a clean lint."""
    plan = shipped(name)
    assert expected == counts(plan)
    assert () == plan.lint


def test_every_ev_of_the_largest_shipped_fabric_arrives() -> None:
    """All 992 ordered pairs of 4p-16t0-8t1 have 32 EVs, and each walks to its destination."""
    plan = shipped("4p-16t0-8t1")
    walks = [
        walk(plan, src, dst, path).reached
        for src in plan.hosts
        for dst in plan.hosts
        for path in paths(plan, src, dst)
    ]
    assert 992 * 32 == len(walks)
    assert all(walks)


@given(topologies())
@settings(deadline=None)
def test_every_path_of_any_fabric_arrives_in_its_own_plane(topology: Topology) -> None:
    """Each EV that `paths` names walks to its destination, through switches of its plane only."""
    plan = build_plan(topology)
    for src in plan.hosts:
        for dst in plan.hosts:
            for path in paths(plan, src, dst):
                found = walk(plan, src, dst, path)
                assert (True, None) == (found.reached, found.reason)
                assert {path.plane} == {plan.nodes[hop.node].plane for hop in found.hops[1:-1]}
                assert path.plane == plan.nodes[src].port(path.port).plane


@pytest.mark.parametrize("scheme", schemes())
@pytest.mark.parametrize("shape", ["4p-2t0-4t1", "mixed-nics"])
def test_every_ev_by_every_scheme(shape: str, scheme: str) -> None:
    """Whatever the scheme, an EV takes the same nodes, its carrier ends at the host, and names it again."""
    plan, usual = shipped(shape, scheme), shipped(shape)
    for src in plan.hosts:
        for dst in plan.hosts:
            for path, other in zip(paths(plan, src, dst), paths(usual, src, dst), strict=True):
                found, wanted = walk(plan, src, dst, path), walk(usual, src, dst, other)
                assert found.reached
                assert [hop.node for hop in wanted.hops] == [hop.node for hop in found.hops]
                assert (other.ev, other.port) == (path.ev, path.port)
                turned = len(found.hops) == 3
                assert (None if turned else path.ev) == plan.wiring.sids.ev_of(to_int(path.carrier))


@given(topologies())
@settings(deadline=None)
def test_ev_and_carrier_name_the_same_path(topology: Topology) -> None:
    """From the carrier of a cross-T1 pair one reads the EV back, and the EV's uplink is the T1 passed."""
    plan = build_plan(topology)
    for src in plan.hosts:
        for dst in plan.hosts:
            for path in paths(plan, src, dst):
                hops = walk(plan, src, dst, path).hops
                if len(hops) == 3:  # turned round at the T0
                    assert plan.wiring.sids.ev_of(to_int(path.carrier)) is None
                    continue
                assert path.ev == plan.wiring.sids.ev_of(to_int(path.carrier))
                plane, uplink = split_ev(path.ev)
                assert f"p{plane}-t1-{uplink - 1}" == hops[2].node


@given(topologies())
@settings(deadline=None)
def test_same_topology_same_bytes(topology: Topology) -> None:
    """Planning twice gives the same bytes, and no SID, address, MAC or route clashes."""
    plan = build_plan(topology)
    assert canonical(plan) == canonical(build_plan(topology))
    assert [] == [finding for finding in plan.lint if "clash" in finding.code]


@given(topologies())
@settings(deadline=None)
def test_lint_and_paths_agree_on_reach(topology: Topology) -> None:
    """Two hosts with ports in a plane have an EV there, unless lint calls the plane broken; counts agree."""
    plan = build_plan(topology)
    broken = set()
    evs = [0]
    for src in plan.hosts:
        for dst in plan.hosts:
            found = paths(plan, src, dst)
            evs.append(len(found))
            both = {port.plane for port in plan.nodes[src].ports} & {
                port.plane for port in plan.nodes[dst].ports
            }
            if src != dst:
                broken |= both - {path.plane for path in found}
    said = {finding.message.split(" hosts ")[0] for finding in plan.lint if finding.code == "unreachable"}
    assert {f"in plane {plane}" for plane in broken} == said
    assert max(evs) == counts(plan).evs_per_pair
