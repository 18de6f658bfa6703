"""A packet walked through the planned tables, hop by hop, without a kernel: the address at each node."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from mrcnet.plan.addressing import to_int, to_text
from mrcnet.plan.model import Action, Hop, NodePlan, Path, Plan, Route
from mrcnet.plan.usid import FIRST_SHIFT, shift
from mrcnet.topology.model import Role, Routing

MAX_HOPS = 8  # six uSIDs and two ends


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a packet came by. If not `reached`, `stopped_at` names the last node and `reason` says why."""

    hops: tuple[Hop, ...]
    reached: bool
    stopped_at: str | None = None
    reason: str | None = None


def crossed(plan: Plan, src: str, dst: str, path: Path) -> frozenset[tuple[str, str]]:
    """The links, as (port's node, peer), that packets of a path cross, or may where switches choose."""
    if plan.topology.routing is Routing.SRV6:
        return frozenset(pairwise(hop.node for hop in walk(plan, src, dst, path).hops))
    found = {(src, plan.nodes[src].port(path.port).peer_node)}
    ahead = [node for _, node in found]
    while ahead:
        node = plan.nodes[ahead.pop()]
        for route in (*node.routes, *node.learned):
            step = (node.name, node.port(route.dev).peer_node)
            if route.dst == f"{path.carrier}/128" and step not in found and node.role is not Role.HOST:
                found.add(step)
                ahead.append(step[1])
    return frozenset(found)


def walk(plan: Plan, src: str, dst: str, path: Path) -> Walk:
    """Send one packet from `src` out of the path's port, and follow the tables until `dst` or a dead end.

    Where switches choose among ways, the walk takes the first of them.

    Raises KeyError if `src` has no such port or one of the hosts is unknown.
    """
    target = plan.nodes[dst]
    address = to_int(path.carrier)
    inner: int | None = None  # the packet's own destination, once the carrier is off
    hops = [Hop(src, path.carrier)]
    node = plan.nodes[plan.nodes[src].port(path.port).peer_node]
    while True:
        hops.append(Hop(node.name, to_text(address)))
        if node.name == dst and (address == inner or node.address == hops[-1].da):
            return Walk(tuple(hops), reached=True)
        route, address = _forward(node, address)
        if route is not None and route.action is Action.UDT6:  # the packet goes on by its inner address
            address = inner = _address_in(target, path.plane)
            route = _look_up(node, address)
        if route is None:
            reason = f"no route for {to_text(address)}"
            break
        if route.action is Action.DECAP:
            if node.name == dst:
                return Walk(tuple(hops), reached=True)
            reason = f"decapsulated at {node.name}, not at {dst}"
            break
        if len(hops) > MAX_HOPS:
            reason = "the packet goes in circles"
            break
        node = plan.nodes[node.port(route.dev).peer_node]
    return Walk(tuple(hops), reached=False, stopped_at=node.name, reason=reason)


def _address_in(host: NodePlan, plane: int) -> int:
    return next(to_int(port.addresses[0]) for port in host.ports if port.plane == plane)


def _forward(node: NodePlan, address: int) -> tuple[Route | None, int]:
    """The entry that takes the packet out of the node (or in, at a host), and its address then. Spec 6.2."""
    route = _look_up(node, address)
    while route is not None and route.action is Action.UN:  # shift, then look up again
        address = shift(address)
        route = _look_up(node, address)
    if route is not None and route.action is Action.UA:  # shift, then out of the port at once
        address = shift(address)
    return route, address


def _look_up(node: NodePlan, address: int) -> Route | None:
    dst = (f"{to_text(address >> FIRST_SHIFT << FIRST_SHIFT)}/48", f"{to_text(address)}/128")
    for route in (*node.routes, *node.learned):
        if route.dst in dst and route.action is not Action.ENCAP:
            # A host does not pass packets on: what is not for it ends there.
            return route if node.role is not Role.HOST or route.action is Action.DECAP else None
    return None
