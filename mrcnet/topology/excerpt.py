"""Parts of a regular fabric, worked out without the whole: a node with its links, two hosts with their ways.

An excerpt is a topology like any other: its nodes, ports and links are those of the whole, and what is
planned from them is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mrcnet.topology.generate import (
    Cable,
    Excerpt,
    host_cable,
    hosts_of,
    hosts_on_t0,
    switch_cable,
    switch_name,
    tiers,
)
from mrcnet.topology.load import Outline
from mrcnet.topology.model import Node, Role, Topology
from mrcnet.topology.raw import Fabric
from mrcnet.topology.resolve import resolve

_NAME = re.compile(r"h(?P<host>\d{1,9})|p(?P<plane>\d)-(?P<role>t0|t1)-(?P<index>\d{1,9})", re.ASCII)


def regular(outline: Outline) -> Fabric | None:
    """The fabric, if nothing in the file makes one part of it differ from another; else None.

    Planes may differ. Ports with queues and routing without SRv6 need the whole.
    """
    raw = outline.raw
    if raw.hosts or raw.nodes or raw.links or raw.omit or raw.ports or raw.dilation != 1:
        return None
    return raw.fabric if raw.routing == "srv6" else None


def node_called(fabric: Fabric, name: str) -> Node:
    """The node of that name. Raises KeyError if the fabric generates none."""
    if match := _NAME.fullmatch(name):
        if match["host"]:
            index, count = int(match["host"]), hosts_of(fabric)
            node = Node(f"h{index}", Role.HOST, None, index)
        else:
            role, plane, index = Role(match["role"]), int(match["plane"]), int(match["index"])
            node = Node(switch_name(role, plane, index), role, plane, index)
            count = tiers(fabric, plane)[role is Role.T1] if plane < fabric.planes else 0
        if node.name == name and index < count:  # h07 is no name
            return node
    raise KeyError(name)


def around(outline: Outline, name: str) -> Topology:
    """A node of a regular fabric with all its links. Raises KeyError if there is no such node."""
    fabric = _fabric(outline)
    node = node_called(fabric, name)
    return _work_out(outline, [node], _cables_of(fabric, node))


def between(outline: Outline, src: str, dst: str) -> Topology:
    """Two hosts of a regular fabric with all that lies between them. Raises KeyError for what is no host."""
    fabric = _fabric(outline)
    ends = [node_called(fabric, name) for name in (src, dst)]
    if any(node.role is not Role.HOST for node in ends):
        raise KeyError(src, dst)
    return _work_out(outline, ends, _cables_between(fabric, {node.index for node in ends}))


def _fabric(outline: Outline) -> Fabric:
    fabric = regular(outline)
    assert fabric is not None, "only a regular fabric has parts that can be worked out alone"
    return fabric


def _cables_of(fabric: Fabric, node: Node) -> Iterator[Cable]:
    if node.role is Role.HOST:
        return (host_cable(fabric, plane, node.index) for plane in range(fabric.planes))
    assert node.plane is not None
    return _switch_cables(fabric, node, node.plane)


def _switch_cables(fabric: Fabric, node: Node, plane: int) -> Iterator[Cable]:
    t0_count, t1_count = tiers(fabric, plane)
    if node.role is Role.T1:
        yield from (switch_cable(fabric, plane, low, node.index) for low in range(t0_count))
        return
    share = hosts_on_t0(fabric, plane)
    first = node.index * share
    for index in range(first, min(first + share, hosts_of(fabric))):
        yield host_cable(fabric, plane, index)
    yield from (switch_cable(fabric, plane, node.index, high) for high in range(t1_count))


def _cables_between(fabric: Fabric, hosts: Iterable[int]) -> Iterator[Cable]:
    for plane in range(fabric.planes):
        yield from (host_cable(fabric, plane, index) for index in hosts)
        for low in sorted({index // hosts_on_t0(fabric, plane) for index in hosts}):
            yield from (switch_cable(fabric, plane, low, high) for high in range(tiers(fabric, plane)[1]))


def _work_out(outline: Outline, nodes: Iterable[Node], cables: Iterable[Cable]) -> Topology:
    found, cables = {node.name: node for node in nodes}, tuple(cables)
    for cable in cables:
        for end in (cable.a, cable.b):
            if end.node not in found:
                found[end.node] = node_called(_fabric(outline), end.node)
    excerpt = Excerpt(tuple(found.values()), cables)
    return resolve(outline.raw, outline.document, outline.name, excerpt)
