"""Read a lab's namespaces back from the kernel, in the same words in which the plan is put."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mrcnet.kernel import links, netns, routes, sysctls, tc
from mrcnet.kernel.handles import Handles
from mrcnet.kernel.model import Address, Device, Neighbour, NodeState, Sysctl
from mrcnet.kernel.netlink import NetlinkSocket
from mrcnet.topology.model import End

CUT_FILTER = "mrcnet_cut"  # the name of the filter that is a silent cut


@dataclass(frozen=True, slots=True)
class LabState:
    """What is there: the nodes, and every interface's number by (node, name)."""

    nodes: Mapping[str, NodeState]
    indices: Mapping[tuple[str, str], int]


def observe(handles: Handles, nodes: Iterable[str]) -> LabState:
    """Read the namespaces of `nodes`, all of which must exist. Interfaces of strangers are left out."""
    seen = {node: _links(handles.socket(node)) for node in nodes}
    ends: dict[int, list[tuple[End, links.LinkSeen]]] = {}
    for node, found in seen.items():
        for link in found:
            ends.setdefault(link.index, []).append((End(node, link.name), link))
    return LabState(
        nodes={node: _node(handles, node, found, ends) for node, found in seen.items()},
        indices={(node, link.name): link.index for node, found in seen.items() for link in found},
    )


def _links(socket: NetlinkSocket) -> list[links.LinkSeen]:
    found = map(links.read_link, socket.dump(links.list_links()))
    return [link for link in found if link.group == links.GROUP or link.kind == links.LOOPBACK]


def _node(
    handles: Handles,
    node: str,
    found: list[links.LinkSeen],
    ends: Mapping[int, list[tuple[End, links.LinkSeen]]],
) -> NodeState:
    socket = handles.socket(node)
    names = {link.index: link.name for link in found}
    ports = {link.index: link for link in found if link.kind == "veth"}
    silenced = _silenced(socket, ports)
    addresses = (links.read_address(body) for body in socket.dump(links.list_addresses()))
    neighbours = links.read_neighbours(socket.dump(links.list_neighbours()))
    table = [routes.read_route(body, names) for body in socket.dump(routes.list_routes())]
    ours = [one for one in table if one is not None and one.protocol == routes.PROTOCOL]
    straight = [one for one in ours if one.route is not None and one.metric == routes.METRIC]
    with netns.inside(netns.path_of(handles.lab, node)):
        settings = sysctls.read()
    return NodeState(
        name=node,
        devices={link.name: _device(node, link, ends, silenced) for link in found},
        addresses=frozenset(
            Address(names[one.index], one.cidr) for one in addresses if one.permanent and one.index in ports
        ),
        neighbours=frozenset(
            Neighbour(names[one.index], one.address, one.mac) for one in neighbours if one.index in ports
        ),
        routes=frozenset(one.route for one in straight if one.route is not None),
        sysctls=frozenset(settings) | _port_sysctls(ports.values()),
        odd_routes=tuple(one for one in ours if one not in straight),
    )


def _silenced(socket: NetlinkSocket, ports: Mapping[int, links.LinkSeen]) -> frozenset[int]:
    """The numbers of the ports that bear the filter of a silent cut."""
    able = {tc.clsact_of(body) for body in socket.dump(tc.list_qdiscs())}
    return frozenset(index for index in ports if index in able and has_filter(socket, index, CUT_FILTER))


def has_filter(socket: NetlinkSocket, index: int, name: str, parent: int = tc.EGRESS) -> bool:
    """Whether a port bears our filter called `name`."""
    found = (tc.read_filter(body) for body in socket.dump(tc.list_filters(index, parent)))
    return any(one is not None and one.name == name for one in found)


def _device(
    node: str,
    link: links.LinkSeen,
    ends: Mapping[int, list[tuple[End, links.LinkSeen]]],
    silenced: frozenset[int],
) -> Device:
    if link.kind != "veth":
        return Device(link.name, link.kind, link.up)
    peer = None
    for end, other in ends.get(link.peer_index, ()):
        if other.peer_index == link.index and end != End(node, link.name):
            peer = end
    return Device(link.name, link.kind, link.up, link.mac, link.mtu, peer, link.index in silenced)


def _port_sysctls(ports: Iterable[links.LinkSeen]) -> frozenset[Sysctl]:
    return frozenset(
        Sysctl(link.name, name, str(int(value)))
        for link in ports
        for name, value in (("forwarding", link.forwarding), ("seg6_enabled", link.seg6_enabled))
    )
