"""The topology as look-ups: which port of which node leads where. Built once, read by all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mrcnet.plan.addressing import LINK_LOCAL_A, LINK_LOCAL_B
from mrcnet.plan.queues import Queue, plan_queues
from mrcnet.plan.usid import Sids, sids_of
from mrcnet.topology.model import End, Link, Node, Role, Topology


@dataclass(frozen=True, slots=True)
class Plug:
    """One node's side of a link. `number` is the port's, from 1; `is_a`: the node is the link's end a."""

    number: int
    port: str
    is_a: bool
    link: Link
    peer: Node

    @property
    def far(self) -> str:
        """The link-local address of the other end."""
        return LINK_LOCAL_B if self.is_a else LINK_LOCAL_A


@dataclass(frozen=True, slots=True)
class Attachment:
    """Where a host hangs in a plane: on its port, at a T0, on that T0's `downlink` number."""

    plane: int
    plug: Plug
    t0: Node
    downlink: int


@dataclass(frozen=True, slots=True)
class Wiring:
    """Look-ups by node name.

    `plugs` are in order of port number; `attachments` by host and plane; `uplinks` by T0: the indexes of the
    T1s it is linked to, ascending.
    """

    topology: Topology
    nodes: Mapping[str, Node]
    hosts: tuple[Node, ...]
    plugs: Mapping[str, tuple[Plug, ...]]
    attachments: Mapping[str, Mapping[int, Attachment]]
    uplinks: Mapping[str, tuple[int, ...]]
    queues: Mapping[End, Queue]
    sids: Sids


def wire(topology: Topology) -> Wiring:
    """Build the look-ups of a topology."""
    nodes = {node.name: node for node in topology.nodes}
    ends: dict[str, list[tuple[str, bool, Link]]] = {name: [] for name in nodes}
    for link in topology.links:
        ends[link.a.node].append((link.a.port, True, link))
        ends[link.b.node].append((link.b.port, False, link))
    plugs = {name: _plugs(sides, nodes) for name, sides in ends.items()}
    hosts = tuple(node for node in topology.nodes if node.role is Role.HOST)
    host_plugs = {(host.name, plug.link.plane): plug for host in hosts for plug in plugs[host.name]}
    found: dict[tuple[str, int], Attachment] = {}
    uplinks: dict[str, tuple[int, ...]] = {}
    for t0 in (node for node in topology.nodes if node.role is Role.T0):
        uplinks[t0.name] = tuple(
            sorted({plug.peer.index for plug in plugs[t0.name] if plug.peer.role is Role.T1})
        )
        for plug in plugs[t0.name]:
            if plug.peer.role is Role.HOST:
                key = plug.peer.name, plug.link.plane
                found[key] = Attachment(key[1], host_plugs[key], t0, plug.number)
    attachments: dict[str, dict[int, Attachment]] = {host.name: {} for host in hosts}
    for host, plane in sorted(host_plugs, key=lambda key: key[1]):
        attachments[host][plane] = found[host, plane]
    sids = sids_of(topology.srv6.block, topology.srv6.scheme)
    return Wiring(topology, nodes, hosts, plugs, attachments, uplinks, plan_queues(topology), sids)


def _plugs(sides: Iterable[tuple[str, bool, Link]], nodes: Mapping[str, Node]) -> tuple[Plug, ...]:
    sides = tuple(sides)
    numbers = port_numbers(port for port, _, _ in sides)
    plugs = [
        Plug(numbers[port], port, is_a, link, nodes[link.b.node if is_a else link.a.node])
        for port, is_a, link in sides
    ]
    return tuple(sorted(plugs, key=lambda plug: plug.number))


def port_numbers(ports: Iterable[str]) -> dict[str, int]:
    """Numbers, from 1, for a node's ports: the number at the end of the name where that is free.

    So `eth3` is 3 whether or not eth1 and eth2 exist. A port without a number, or whose number another
    port has, gets the lowest free one.
    """
    names = sorted(ports, key=_natural)
    numbers: dict[str, int] = {}
    taken: set[int] = set()
    for name in names:
        digits = re.search(r"\d+$", name)
        number = int(digits[0]) if digits else 0
        if 1 <= number < 1024 and number not in taken:
            numbers[name] = number
            taken.add(number)
    free = (number for number in range(1, len(names) + 1) if number not in taken)
    for name in names:
        if name not in numbers:
            numbers[name] = next(free)
    return numbers


def _natural(name: str) -> tuple[str, int, str]:
    stem = name.rstrip("0123456789")
    return stem, int(name[len(stem) :] or 0), name
