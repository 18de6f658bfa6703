"""The static content of one node: its ports and its routes. Needs the wiring, but no other node's table.

Every switch also has `sr0`, a bridge without ports, on which its uN stands: a route on a port would
vanish when the port goes down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from mrcnet.errors import InputError
from mrcnet.plan.addressing import LINK_LOCAL_A, LINK_LOCAL_B, host_address, macs, to_int, to_text
from mrcnet.plan.model import Action, NodePlan, Port, Route
from mrcnet.plan.paths import carrier, loopback_of, shared_planes, uplinks
from mrcnet.plan.prefixes import hash_seed, prefix_routes, speaker
from mrcnet.plan.wiring import Attachment, Plug, Wiring
from mrcnet.topology.model import Link, Node, Role, Routing
from mrcnet.topology.scheme import Lists

SWITCH_DEVICE = "sr0"

MacTable = Callable[[Link], tuple[str, str]]


def node_plan(wiring: Wiring, name: str, mac_table: MacTable = macs) -> NodePlan:
    """All that node `name` must hold. Raises KeyError if there is no such node.

    `mac_table` may be a memory around `macs`, for callers that plan both ends of a link.
    """
    node = wiring.nodes[name]
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
    try:
        routes = tuple(_host_routes(wiring, node) if is_host else _switch_routes(wiring, node))
    except InputError as misfit:
        scheme = wiring.sids.scheme.name
        remedy = "number its ports lower, or take a scheme with wider fields"
        raise InputError(f"{name}: {misfit.message} of the scheme {scheme}", remedy=remedy) from None
    return NodePlan(
        name=name,
        role=node.role,
        plane=node.plane,
        locator=None if is_host else wiring.sids.locator(node),
        ports=ports,
        routes=routes,
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


def _switch_routes(wiring: Wiring, node: Node) -> Iterator[Route]:
    """Spec 6.2, static tables: the own uN, one /48 per neighbour, and a uA per link.

    A switch to which no carrier is sent by its uN needs no /48 with its neighbours.
    """
    sids, plugs = wiring.sids, wiring.plugs[node.name]
    yield Route(sids.locator(node), Action.UN, SWITCH_DEVICE)
    neighbours: set[str] = set()
    for plug in plugs:
        if plug.peer.name in neighbours:  # of parallel links the uN way uses the first
            continue
        neighbours.add(plug.peer.name)
        if plug.peer.role is Role.HOST and sids.leaf_decap:
            yield from _taken_off(wiring, plug)
        elif plug.peer.role is Role.HOST:
            # Spec 6.2: at the last T0 the dst /48 is a plain route, or the host could not decapsulate.
            yield Route(sids.dst(plug.link.plane, plug.number), Action.FORWARD, plug.port, via=plug.far)
        elif sids.scheme.lists is Lists.UN:
            yield Route(sids.locator(plug.peer), Action.FORWARD, plug.port, via=plug.far)
    if sids.leaf_decap and node.role is Role.T0:
        assert node.plane is not None
        yield Route(sids.dst(node.plane, 0), Action.UDT6, SWITCH_DEVICE)
    yield from _uas(wiring, plugs)


def _taken_off(wiring: Wiring, plug: Plug) -> Iterator[Route]:
    """How packets without a carrier come from a T0 to a host of its own."""
    at = wiring.attachments[plug.peer.name][plug.link.plane]
    yield Route(f"{address_in(wiring, at)}/128", Action.ECMP, plug.port, via=plug.far)


def _uas(wiring: Wiring, plugs: Iterable[Plug]) -> Iterator[Route]:
    """A uA a port; or one a neighbour above or below, out of the first of parallel links."""
    taken: set[str] = set()
    for plug in plugs:
        dst = wiring.sids.ua(plug.link.plane, plug.peer, plug.number)
        if dst is not None and dst not in taken:
            taken.add(dst)
            yield Route(dst, Action.UA, plug.port, via=plug.far)


def _host_routes(wiring: Wiring, node: Node) -> Iterator[Route]:
    sids, own = wiring.sids, wiring.attachments[node.name]
    for at in () if sids.leaf_decap else own.values():
        yield Route(sids.dst(at.plane, at.downlink), Action.DECAP, at.plug.port)
    for at in own.values():
        # a carrier of uAs begins with any link of the T0, but its block is the plane's alone
        block = f"{to_text(sids.blocks[at.plane])}/32"
        first = sids.locator(at.t0) if sids.scheme.lists is Lists.UN else block
        yield Route(first, Action.FORWARD, at.plug.port, via=at.plug.far)
    for peer in wiring.hosts:
        for here, there in shared_planes(wiring, node.name, peer.name):
            if choice := uplinks(wiring, here.t0.name, there.t0.name):
                # What the kernel itself sends takes one EV of each plane, spread over the pairs.
                uplink = choice[(node.index + peer.index) % len(choice)]
                segs = to_text(carrier(wiring, here, there, uplink))
                yield Route(f"{address_in(wiring, there)}/128", Action.ENCAP, here.plug.port, segs=segs)
