"""Routing without SRv6: each host has one address, on its loopback, and every node all shortest ways to it.

A way is a next hop; those of one prefix are one multipath route, among which a hash of the 5-tuple chooses:
the host among its ports, a T0 among its T1s. Static tables hold these routes, BGP learns the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2s

from mrcnet.errors import InputError
from mrcnet.plan.model import Action, Plan, Route, Speaker
from mrcnet.plan.paths import loopback_of, shortest
from mrcnet.plan.wiring import Plug, Wiring
from mrcnet.topology.model import Node, Role, Routing

# AS numbers: from the private range of 32 bits, 4 200 000 000 to 4 294 967 294 (RFC 6996)
_T1S, _T0S, _HOSTS = 4_200_000_000, 4_210_000_000, 4_220_000_000
_PLANE = 10_000


def hash_seed(node: str) -> int:
    """What a node's hash of 5-tuples begins with: 32 bits, not 0, a function of its name alone."""
    return int.from_bytes(blake2s(node.encode(), digest_size=4).digest(), "big") | 1


def speaker(wiring: Wiring, node: Node) -> Speaker | None:
    """The node in BGP's eyes. The T1s of a plane share an AS number, and nothing else does: a T1 shall learn
    no way by a T0 that goes back up (RFC 7938, 5.2.1).
    """
    bfd = wiring.topology.bfd
    if bfd is None:
        return None
    number = list(wiring.nodes).index(node.name) + 1
    plane = node.plane or 0
    own = {Role.HOST: _HOSTS, Role.T0: _T0S + plane * _PLANE, Role.T1: _T1S + plane * _PLANE}[node.role]
    asn = own if node.role is Role.T1 else own + node.index
    return Speaker(asn, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", bfd)


def prefix_routes(wiring: Wiring, node: Node) -> Iterator[Route]:
    """The next hops of a node to every host but itself, by host, then port."""
    for host in wiring.hosts:
        if host.name != node.name:
            for plug in _ways(wiring, node, host):
                yield Route(f"{loopback_of(wiring, host)}/128", Action.ECMP, plug.port, via=plug.far)


def _ways(wiring: Wiring, node: Node, host: Node) -> list[Plug]:
    if node.role is Role.HOST:
        return [here.plug for here, _ in shortest(wiring, node.name, host.name)]
    assert node.plane is not None
    at = wiring.attachments[host.name].get(node.plane)
    if at is None:
        return []
    plugs = wiring.plugs[node.name]
    if node.role is Role.T1:
        return [plug for plug in plugs if plug.peer.name == at.t0.name]
    if at.t0.name == node.name:
        return [plug for plug in plugs if plug.peer.name == host.name]
    above = frozenset(wiring.uplinks[at.t0.name])
    return [plug for plug in plugs if plug.peer.role is Role.T1 and plug.peer.index in above]


def is_plain(plan: Plan) -> bool:
    """Whether frames travel without a carrier."""
    return plan.topology.routing is not Routing.SRV6


def arrives_plain(plan: Plan) -> bool:
    """Whether frames come to hosts without a carrier: there is none, or T0s have taken it off."""
    return is_plain(plan) or plan.wiring.sids.leaf_decap


def need_srv6(plan: Plan, what: str) -> None:
    """Raise InputError if `what`, which lives on paths chosen by the sender, meets a fabric without them."""
    if is_plain(plan):
        raise InputError(
            f"{what} needs paths that the sender chooses; this fabric has routing: {plan.topology.routing}",
            remedy="use a topology with `routing: srv6`",
        )
