"""The walk: the address at each hop as spec 6.2 has it, and what is said when a packet stops."""

from __future__ import annotations

from dataclasses import replace

from mrcnet.plan.model import Action, Hop, Path, Plan
from mrcnet.plan.paths import paths
from mrcnet.plan.walk import Walk, walk

from .fabrics import shipped

PAIR = ("h0", "h3")


def without(plan: Plan, node: str, dst: str) -> Plan:
    """The plan with one route of one node taken away."""
    routes = tuple(route for route in plan.nodes[node].routes if route.dst != dst)
    assert len(routes) == len(plan.nodes[node].routes) - 1
    return replace(plan, nodes={**plan.nodes, node: replace(plan.nodes[node], routes=routes)})


def test_walk_shows_the_address_at_each_hop() -> None:
    """Spec 6.2: each switch takes its own uSID off the front; the host gets block and dst."""
    plan = shipped("2p-2t0-2t1")
    hops = (
        Hop("h0", "fcbb:bb00:2401:4402:2402:6402::"),
        Hop("p1-t0-0", "fcbb:bb00:2401:4402:2402:6402::"),
        Hop("p1-t1-1", "fcbb:bb00:4402:2402:6402::"),
        Hop("p1-t0-1", "fcbb:bb00:2402:6402::"),
        Hop("h3", "fcbb:bb00:6402::"),
    )
    assert Walk(hops, reached=True) == walk(plan, *PAIR, paths(plan, *PAIR)[3])


def test_missing_route_stops_the_packet_where_it_misses() -> None:
    """Without the T1's route to the second T0, the walk stops at that T1 and names the address."""
    plan = shipped("2p-2t0-2t1")
    first, second, *_ = paths(plan, *PAIR)
    plan = without(plan, "p0-t1-0", "fcbb:bb00:2002::/48")
    found = walk(plan, *PAIR, first)
    assert (False, "p0-t1-0") == (found.reached, found.stopped_at)
    assert "no route for fcbb:bb00:2002:6002::" == found.reason
    assert walk(plan, *PAIR, second).reached


def test_wrong_host_is_not_an_arrival() -> None:
    """A carrier that ends at another host stops there."""
    plan = shipped("2p-2t0-2t1")
    found = walk(plan, "h0", "h2", paths(plan, *PAIR)[0])
    assert (False, "h3", "decapsulated at h3, not at h2") == (found.reached, found.stopped_at, found.reason)


def test_a_ua_leaves_by_the_port_it_names() -> None:
    """A uA in place of the T1's uSID takes the packet out of that very port, without a second look-up."""
    plan = shipped("2p-2t0-2t1")
    # T0 (eth4 leads to T1 number 2), then that T1, its T0, and the host.
    path = Path(ev=1, plane=0, port="eth1", carrier="fcbb:bb00:2001:e004:4002:2002:6002::")
    nodes = ["h0", "p0-t0-0", "p0-t1-1", "p0-t0-1", "h3"]
    found = walk(plan, *PAIR, path)
    assert (True, nodes) == (found.reached, [hop.node for hop in found.hops])


def test_a_loop_ends() -> None:
    """Tables that send a packet to and fro are noticed."""
    plan = shipped("2p-2t0-2t1")
    routes = tuple(
        replace(route, action=Action.FORWARD, dev="eth1") if route.action is Action.UN else route
        for route in plan.nodes["p0-t1-0"].routes
    )
    looping = replace(plan, nodes={**plan.nodes, "p0-t1-0": replace(plan.nodes["p0-t1-0"], routes=routes)})
    found = walk(looping, *PAIR, paths(plan, *PAIR)[0])
    assert (False, "the packet goes in circles") == (found.reached, found.reason)
