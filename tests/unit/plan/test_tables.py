"""What each node holds: addresses, locators and the static tables of spec 6.2."""

from __future__ import annotations

from mrcnet.plan.model import Action, Route
from mrcnet.plan.tables import node_plan
from mrcnet.plan.wiring import port_numbers, wire
from mrcnet.topology.model import Role

from .fabrics import plan_of, shipped


def test_t0_table() -> None:
    """A T0 holds its uN, a /48 per local host, a /48 per T1, and a uA per port."""
    node = shipped("2p-2t0-2t1").nodes["p0-t0-1"]
    assert "fcbb:bb00:2002::/48" == node.locator
    assert (
        Route("fcbb:bb00:2002::/48", Action.UN, "sr0"),
        Route("fcbb:bb00:6001::/48", Action.FORWARD, "eth1", via="fe80::a"),
        Route("fcbb:bb00:6002::/48", Action.FORWARD, "eth2", via="fe80::a"),
        Route("fcbb:bb00:4001::/48", Action.FORWARD, "eth3", via="fe80::b"),
        Route("fcbb:bb00:4002::/48", Action.FORWARD, "eth4", via="fe80::b"),
        Route("fcbb:bb00:e001::/48", Action.UA, "eth1", via="fe80::a"),
        Route("fcbb:bb00:e002::/48", Action.UA, "eth2", via="fe80::a"),
        Route("fcbb:bb00:e003::/48", Action.UA, "eth3", via="fe80::b"),
        Route("fcbb:bb00:e004::/48", Action.UA, "eth4", via="fe80::b"),
    ) == node.routes


def test_t1_table() -> None:
    """A T1 holds its uN, a /48 per T0, and a uA per port."""
    node = shipped("2p-2t0-2t1").nodes["p1-t1-0"]
    assert (
        Route("fcbb:bb00:4401::/48", Action.UN, "sr0"),
        Route("fcbb:bb00:2401::/48", Action.FORWARD, "eth1", via="fe80::a"),
        Route("fcbb:bb00:2402::/48", Action.FORWARD, "eth2", via="fe80::a"),
        Route("fcbb:bb00:e001::/48", Action.UA, "eth1", via="fe80::a"),
        Route("fcbb:bb00:e002::/48", Action.UA, "eth2", via="fe80::a"),
    ) == node.routes


def test_host_table() -> None:
    """A host decapsulates its own dst uSIDs, reaches its T0s, and encapsulates to each peer per plane."""
    node = plan_of("fabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 1}").nodes["h1"]
    assert node.locator is None
    assert (
        Route("fcbb:bb00:6001::/48", Action.DECAP, "eth1"),
        Route("fcbb:bb00:6401::/48", Action.DECAP, "eth2"),
        Route("fcbb:bb00:2002::/48", Action.FORWARD, "eth1", via="fe80::b"),
        Route("fcbb:bb00:2402::/48", Action.FORWARD, "eth2", via="fe80::b"),
        Route("fd4d:5200:0:1::1/128", Action.ENCAP, "eth1", segs="fcbb:bb00:2002:4002:2001:6001::"),
        Route("fd4d:5200:1:1::1/128", Action.ENCAP, "eth2", segs="fcbb:bb00:2402:4402:2401:6401::"),
    ) == node.routes


def test_host_address_holds_plane_t0_and_downlink() -> None:
    """The plane address is prefix, plane, T0 from 1, and the downlink number that the dst uSID repeats."""
    addresses = [port.addresses for port in shipped("4p-2t0-4t1").nodes["h6"].ports]
    assert [(f"fd4d:5200:{plane or '0'}:2::3/128",) for plane in range(4)] == addresses


def test_kernel_routes_spread_over_uplinks() -> None:
    """What a host's own kernel sends to its peers uses every T1 of a plane."""
    plan = shipped("4p-16t0-8t1")
    segs = [route.segs or "" for route in plan.nodes["h0"].routes if route.action is Action.ENCAP]
    t1s = {one.split(":")[3] for one in segs if one.startswith("fcbb:bb00:2001:4")}
    assert {f"400{number}" for number in range(1, 9)} == t1s


def test_both_ends_of_a_link_agree() -> None:
    """What a port says of its peer is what the peer says of itself, MAC and link-local address alike."""
    plan = shipped("4p-2t0-4t1")
    for node in plan.nodes.values():
        for port in node.ports:
            peer = plan.nodes[port.peer_node].port(port.peer_port)
            assert (port.peer_mac, port.peer_link_local) == (peer.mac, peer.link_local)
            assert (node.name, port.name) == (peer.peer_node, peer.peer_port)
            assert 0x02 == int(port.mac[:2], 16) & 0x03  # unicast, locally administered


def test_edits_elsewhere_leave_a_port_as_it_was() -> None:
    """Omitting one link changes no address, MAC or number of any other port."""
    text = "fabric: {planes: 1, t0: 2, t1: 2, hosts_per_t0: 2}\n"
    whole, less = plan_of(text), plan_of(text + "omit: ['h0:p0-t0-0', 'p0-t0-1:p0-t1-0']\n")
    kept = {(name, port.name): port for name, node in less.nodes.items() for port in node.ports}
    assert (
        kept.items() <= {(name, p.name): p for name, node in whole.nodes.items() for p in node.ports}.items()
    )
    assert len(kept) == 2 * (8 - 2)


def test_one_node_can_be_planned_alone() -> None:
    """`node_plan` needs the wiring only, and gives what the whole plan holds."""
    plan = shipped("2p-2t0-2t1")
    wiring = wire(plan.topology)
    assert dict(plan.nodes) == {name: node_plan(wiring, name) for name in plan.nodes}


def test_parallel_links_leave_one_way_and_all_uas() -> None:
    """Of two links to the same T1 the /48 uses the first; each has its uA."""
    extra = "links: [{endpoints: ['p0-t0-0:eth9', 'p0-t1-0:eth9']}]\n"
    node = plan_of("fabric: {planes: 1, t0: 2, t1: 1, hosts_per_t0: 1}\n" + extra).nodes["p0-t0-0"]
    assert Role.T0 == node.role
    assert ["eth2"] == [route.dev for route in node.routes if route.dst == "fcbb:bb00:4001::/48"]
    assert ["eth1", "eth2", "eth9"] == [route.dev for route in node.routes if route.action is Action.UA]


def test_port_numbers_come_from_names() -> None:
    """A port keeps the number in its name; without one, or if it is taken, it gets the lowest free one."""
    names = ["eth10", "eth2", "mgmt", "swp2", "eth0", "x99999"]
    assert {"eth2": 2, "eth10": 10, "eth0": 1, "mgmt": 3, "swp2": 4, "x99999": 5} == port_numbers(names)
