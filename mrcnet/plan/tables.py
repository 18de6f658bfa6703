"""The static content of one node: its ports and its routes. Needs the wiring, but no other node's table.

Every switch also has `sr0`, a bridge without ports, on which its uN stands: a route on a port would
vanish when the port goes down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from mrcnet.plan.addressing import LINK_LOCAL_A, LINK_LOCAL_B, host_address, macs, to_int, to_text
from mrcnet.plan.model import Action, NodePlan, Port, Route
from mrcnet.plan.paths import carrier, loopback_of, shared_planes, uplinks
from mrcnet.plan.prefixes import hash_seed, prefix_routes, speaker
from mrcnet.plan.usid import HOST, T0, T1, local_usid, prefix, usid
from mrcnet.plan.wiring import Attachment, Plug, Wiring
from mrcnet.topology.model import Link, Node, Role, Routing

SWITCH_DEVICE = "sr0"
ROLES = {Role.T0: T0, Role.T1: T1}

MacTable = Callable[[Link], tuple[str, str]]


def node_plan(wiring: Wiring, name: str, mac_table: MacTable = macs) -> NodePlan:
    """All that node `name` must hold. Raises KeyError if there is no such node.

    `mac_table` may be a memory around `macs`, for callers that plan both ends of a link.
    """
    node = wiring.nodes[name]
    block = to_int(wiring.topology.srv6.block)
    ports = tuple(_port(wiring, node, plug, mac_table) for plug in wiring.plugs[name])
    routing, is_host = wiring.topology.routing, node.role is Role.HOST
    if routing is not Routing.SRV6:
        hops = tuple(prefix_routes(wiring, node))
        return NodePlan(
            name=name,
            role=node.role,
            plane=node.plane,
            locator=None,
            ports=ports,
            routes=hops if routing is Routing.ECMP else (),
            address=loopback_of(wiring, node) if is_host else None,
            learned=hops if routing is Routing.BGP else (),
            hash_seed=hash_seed(name),
            speaker=speaker(wiring, node),
        )
    routes = _host_routes(wiring, block, node) if is_host else _switch_routes(wiring, block, node)
    return NodePlan(
        name=name,
        role=node.role,
        plane=node.plane,
        locator=None if is_host else _locator(block, node),
        ports=ports,
        routes=tuple(routes),
    )


def address_in(wiring: Wiring, at: Attachment) -> str:
    """A host's address in the plane of one of its attachments."""
    return host_address(to_int(wiring.topology.host_prefix), at.plane, at.t0.index, at.downlink)


def _port(wiring: Wiring, node: Node, plug: Plug, mac_table: MacTable) -> Port:
    link = plug.link
    near, far = (LINK_LOCAL_A, LINK_LOCAL_B) if plug.is_a else (LINK_LOCAL_B, LINK_LOCAL_A)
    mac_a, mac_b = mac_table(link)
    addresses: tuple[str, ...] = ()
    if node.role is Role.HOST and wiring.topology.routing is Routing.SRV6:
        addresses = (f"{address_in(wiring, wiring.attachments[node.name][link.plane])}/128",)
    queue = wiring.queues.get(link.a if plug.is_a else link.b)
    return Port(
        name=plug.port,
        plane=link.plane,
        mac=mac_a if plug.is_a else mac_b,
        link_local=near,
        addresses=addresses,
        mtu=link.mtu,
        rate_bps=link.rate_bps if queue is None else queue.rate_bps,
        delay_ns=link.delay_ns,
        peer_node=plug.peer.name,
        peer_port=link.b.port if plug.is_a else link.a.port,
        peer_mac=mac_b if plug.is_a else mac_a,
        peer_link_local=far,
        queue=queue,
    )


def _switch_routes(wiring: Wiring, block: int, node: Node) -> Iterator[Route]:
    """Spec 6.2, static tables: the own uN, one /48 per neighbour, and a uA per port."""
    yield Route(_locator(block, node), Action.UN, SWITCH_DEVICE)
    neighbours: set[str] = set()
    for plug in wiring.plugs[node.name]:
        if plug.peer.name not in neighbours:  # of parallel links the uN way uses the first
            neighbours.add(plug.peer.name)
            # Spec 6.2: at the last T0 the dst /48 is a plain route, or the host could not decapsulate.
            is_host = plug.peer.role is Role.HOST
            dst = _dst(block, plug.link.plane, plug.number) if is_host else _locator(block, plug.peer)
            yield Route(dst, Action.FORWARD, plug.port, via=plug.far)
    for plug in wiring.plugs[node.name]:
        yield Route(_slash48(block, local_usid(plug.number)), Action.UA, plug.port, via=plug.far)


def _host_routes(wiring: Wiring, block: int, node: Node) -> Iterator[Route]:
    own = wiring.attachments[node.name]
    for at in own.values():
        yield Route(_dst(block, at.plane, at.downlink), Action.DECAP, at.plug.port)
    for at in own.values():
        yield Route(_locator(block, at.t0), Action.FORWARD, at.plug.port, via=at.plug.far)
    for peer in wiring.hosts:
        for here, there in shared_planes(wiring, node.name, peer.name):
            if choice := uplinks(wiring, here.t0.name, there.t0.name):
                # What the kernel itself sends takes one EV of each plane, spread over the pairs.
                uplink = choice[(node.index + peer.index) % len(choice)]
                segs = to_text(carrier(block, here, there, uplink))
                yield Route(f"{address_in(wiring, there)}/128", Action.ENCAP, here.plug.port, segs=segs)


@cache
def _slash48(block: int, value: int) -> str:
    return f"{to_text(prefix(block, value))}/48"


def _locator(block: int, switch: Node) -> str:
    assert switch.plane is not None
    return _slash48(block, usid(ROLES[switch.role], switch.plane, switch.index))


def _dst(block: int, plane: int, downlink: int) -> str:
    return _slash48(block, usid(HOST, plane, downlink - 1))
