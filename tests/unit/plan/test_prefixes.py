"""Routing without SRv6: one address a host, all shortest ways to it, and no two nodes that hash alike."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from mrcnet.errors import InputError
from mrcnet.plan.build import build_plan
from mrcnet.plan.crossings import Crossings
from mrcnet.plan.model import Action, Plan, Route
from mrcnet.plan.paths import paths
from mrcnet.plan.prefixes import need_srv6
from mrcnet.plan.walk import crossed, walk
from mrcnet.topology.model import Routing, Topology

from .fabrics import plan_of, topologies

SMALL = "fabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}\nrouting: ecmp\n"


def hops(plan: Plan, node: str, host: str) -> list[tuple[str, str | None]]:
    """The next hops of a node to a host: port and neighbour."""
    routes = plan.nodes[node].routes
    return [(one.dev, one.via) for one in routes if one.dst == f"{plan.nodes[host].address}/128"]


def test_each_node_has_every_shortest_way() -> None:
    """A host leaves by any port, a T0 by any T1 but straight to its own hosts, a T1 by the one T0."""
    plan = plan_of(SMALL)
    assert [("eth1", "fe80::b"), ("eth2", "fe80::b")] == hops(plan, "h0", "h3")
    assert [("eth3", "fe80::b"), ("eth4", "fe80::b")] == hops(plan, "p0-t0-0", "h3")
    assert [("eth2", "fe80::a")] == hops(plan, "p0-t0-0", "h1")
    assert [("eth2", "fe80::a")] == hops(plan, "p1-t1-0", "h3")
    assert [] == hops(plan, "h0", "h0")


def test_a_common_t0_is_nearer() -> None:
    """Where two hosts share a T0 in one plane only, they use that plane, as BGP would."""
    shapes = "fabric: {planes: 2, t0: 2, t1: 1, hosts_per_t0: 2, plane_shapes: {1: {t0: 4}}}\nrouting: ecmp\n"
    assert [("eth1", "fe80::b")] == hops(plan_of(shapes), "h0", "h1")


def test_addresses_are_one_a_host() -> None:
    """Ports have link-local addresses only; each host's own is its alone, and switches have none."""
    plan = plan_of(SMALL)
    assert all(port.addresses == () for node in plan.nodes.values() for port in node.ports)
    assert ["fd4d:5200:ffff::1", "fd4d:5200:ffff::2"] == [plan.nodes[host].address for host in ("h0", "h1")]
    assert {None} == {node.address for node in plan.nodes.values() if node.plane is not None}
    assert () == plan.lint


def test_bgp_learns_what_ecmp_holds() -> None:
    """The static routes of one are what daemons are to bring about with the other."""
    static, learned = plan_of(SMALL), plan_of(SMALL.replace("ecmp", "bgp"))
    for name, node in static.nodes.items():
        assert (node.routes, ()) == (learned.nodes[name].learned, learned.nodes[name].routes)


def test_nodes_hash_by_seeds_of_their_own() -> None:
    """A T0 behind a host that hashed alike would never use some of its T1s."""
    seeds = [node.hash_seed for node in plan_of(SMALL).nodes.values()]
    assert len(seeds) == len(set(seeds))
    assert {None} == {node.hash_seed for node in plan_of(SMALL.replace("ecmp", "srv6")).nodes.values()}


def test_a_path_is_a_port() -> None:
    """There is a path a plane, and it may cross any of the plane's T1s, which the walk's one is among."""
    plan = plan_of(SMALL)
    found = paths(plan, "h0", "h3")
    assert [(0, "eth1"), (1, "eth2")] == [(path.plane, path.port) for path in found]
    walked = walk(plan, "h0", "h3", found[1])
    assert walked.reached
    assert ["h0", "p1-t0-0", "p1-t1-0", "p1-t0-1", "h3"] == [hop.node for hop in walked.hops]
    assert {("p1-t0-0", "p1-t1-0"), ("p1-t0-0", "p1-t1-1")} < crossed(plan, "h0", "h3", found[1])
    link = next(one for one in plan.topology.links if (one.a.node, one.b.node) == ("p1-t0-1", "p1-t1-1"))
    assert {1 << 16} == Crossings(plan).evs("h0", "h3", [link])


@given(topologies())
def test_every_path_leads_there(topology: Topology) -> None:
    """In any fabric, whatever is left out, each path's walk reaches its host."""
    plan = build_plan(replace(topology, routing=Routing.ECMP))
    for src in plan.hosts:
        for dst in plan.hosts:
            for path in paths(plan, src, dst):
                assert walk(plan, src, dst, path).reached


def test_two_next_hops_by_one_port_clash() -> None:
    """Next hops of a prefix are no clash unless they are the same one."""
    plan = plan_of(SMALL.replace("t1: 2", "t1: 2") + "links: [{endpoints: [p0-t0-0:eth9, p0-t1-0:eth9]}]\n")
    assert () == plan.lint
    assert {"eth3", "eth4", "eth9"} == {dev for dev, _ in hops(plan, "p0-t0-0", "h3")}
    assert Route("fd4d:5200:ffff::3/128", Action.ECMP, "eth9", "fe80::b") in plan.nodes["p0-t0-0"].routes


def test_what_needs_srv6_says_so() -> None:
    """What lives on paths that the sender chooses is refused elsewhere, with the routing's name."""
    need_srv6(plan_of(SMALL.replace("ecmp", "srv6")), "verify")
    with pytest.raises(InputError, match=r"verify needs paths that the sender chooses.*routing: ecmp"):
        need_srv6(plan_of(SMALL), "verify")
