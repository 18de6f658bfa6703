"""Read a lab's namespaces back from the kernel, in the same words in which the plan is put."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mrcnet.kernel import daemons, links, marks, netns, routes, shaper, sysctls, tc
from mrcnet.kernel.handles import Handles
from mrcnet.kernel.model import Address, Device, Neighbour, NodeState, Sysctl
from mrcnet.kernel.netlink import NetlinkSocket
from mrcnet.kernel.program import PortProgram, borne
from mrcnet.port.model import PortConfig
from mrcnet.topology.model import End

_LOCALHOST = "::1/128"
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
    egress = _egress(handles, node, ports)
    addresses = (links.read_address(body) for body in socket.dump(links.list_addresses()))
    neighbours = links.read_neighbours(socket.dump(links.list_neighbours()))
    table = [one for body in socket.dump(routes.list_routes()) for one in routes.read_routes(body, names)]
    ours = [one for one in table if one.protocol == routes.PROTOCOL]
    straight = [one for one in ours if one.route is not None and one.metric == routes.METRIC]
    with netns.inside(netns.path_of(handles.lab, node)):
        settings = sysctls.read()
    return NodeState(
        name=node,
        devices={link.name: _device(node, link, ends, egress.get(link.index, _PLAIN)) for link in found},
        addresses=frozenset(
            Address(names[one.index], one.cidr)
            for one in addresses
            if (one.permanent and one.index in ports) or (one.index == marks.LO and one.cidr != _LOCALHOST)
        ),
        neighbours=frozenset(
            Neighbour(names[one.index], one.address, one.mac) for one in neighbours if one.index in ports
        ),
        routes=frozenset(one.route for one in straight if one.route is not None),
        sysctls=frozenset(settings) | _port_sysctls(ports.values()),
        odd_routes=tuple(one for one in ours if one not in straight),
        daemons=daemons.running(handles.lab, node),
        others=frozenset(
            one.route for one in table if one.protocol != routes.PROTOCOL and one.route is not None
        ),
    )


@dataclass(frozen=True, slots=True)
class _Egress:
    """What stands at a port's way out."""

    silenced: bool = False
    rate: int = 0
    queue: PortConfig | None = None
    faults: tuple[str, ...] = ()


_PLAIN = _Egress()


def _egress(handles: Handles, node: str, ports: Mapping[int, links.LinkSeen]) -> dict[int, _Egress]:
    """Program, filters and shapers of a namespace's ports; ports that have neither are left out."""
    socket = handles.socket(node)
    bodies = socket.dump(tc.list_qdiscs())
    qdiscs = list(map(shaper.read_qdisc, bodies))
    silent = {one.index for one in qdiscs if one.kind == shaper.BLACKHOLE}
    shaped = {one.index for one in qdiscs if one.kind == shaper.KIND and one.parent == shaper.ROOT}
    able = {tc.clsact_of(body) for body in bodies}
    programs = borne(netns.path_of(handles.lab, node), socket, ports)
    return {
        index: _at_port(
            handles,
            index,
            programs[index],
            index in silent or (index in able and has_filter(socket, index, CUT_FILTER)),
            _rate(socket, index) if index in shaped else 0,
        )
        for index in ports
        if programs[index] or index in able or index in shaped or index in silent
    }


def _at_port(handles: Handles, index: int, program: int, silenced: bool, rate: int) -> _Egress:
    if not program:
        return _Egress(silenced, rate)
    if handles.program is None:
        handles.program = PortProgram.found(program)
    maps = handles.program.maps
    faults = tuple(fault.name for fault in maps.faults(index, time.monotonic_ns()))
    return _Egress(silenced or maps.is_cut(index), rate, maps.config(index), faults)


def _rate(socket: NetlinkSocket, index: int) -> int:
    """What a port is shaped to, bytes/s; 0 if its shaper is not whole."""
    seen = (shaper.read_class(body) for body in socket.dump(shaper.list_classes(index)))
    rates = {one.handle: one.rate for one in seen if one is not None}
    whole = {shaper.LINK, shaper.CONTROL, shaper.DATA} <= rates.keys()
    return rates[shaper.LINK] if whole else 0


def has_filter(socket: NetlinkSocket, index: int, name: str, parent: int = tc.EGRESS) -> bool:
    """Whether a port bears our filter called `name`."""
    found = (tc.read_filter(body) for body in socket.dump(tc.list_filters(index, parent)))
    return any(one is not None and one.name == name for one in found)


def _device(
    node: str,
    link: links.LinkSeen,
    ends: Mapping[int, list[tuple[End, links.LinkSeen]]],
    egress: _Egress,
) -> Device:
    if link.kind != "veth":
        return Device(link.name, link.kind, link.up)
    peer = None
    for end, other in ends.get(link.peer_index, ()):
        if other.peer_index == link.index and end != End(node, link.name):
            peer = end
    return Device(
        link.name,
        link.kind,
        link.up,
        link.mac,
        link.mtu,
        peer,
        egress.silenced,
        egress.rate,
        egress.queue,
        egress.faults,
    )


def _port_sysctls(ports: Iterable[links.LinkSeen]) -> frozenset[Sysctl]:
    return frozenset(
        Sysctl(link.name, name, str(int(value)))
        for link in ports
        for name, value in (("forwarding", link.forwarding), ("seg6_enabled", link.seg6_enabled))
    )
