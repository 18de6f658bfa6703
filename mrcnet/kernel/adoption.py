"""Containers' namespaces as nodes of a lab: named and marked like our own, and what is different in them.

A container's namespace gets a second name, the one that a node of ours would have, and our mark. So all that
works on namespaces works on it; what mrcnet keeps its hands off is said by the plan's keepers.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import containerlab, links, marks, netns
from mrcnet.kernel.handles import Handles
from mrcnet.kernel.netlink import NetlinkSocket
from mrcnet.kernel.state import Containers, PortMacs
from mrcnet.plan.model import Keeper, NodePlan, Plan, Port
from mrcnet.plan.tables import SWITCH_DEVICE
from mrcnet.render.model import Nos, Wish
from mrcnet.topology.model import End

NEXT_HOPS_WITHIN_S = 300.0  # some switches take minutes to begin
_LOOK_EVERY_S = 0.2
_DISCARD = 9  # a port nobody need listen on

Indices = Mapping[End, int]
Macs = Mapping[End, str]


def adopted(plan: Plan, containers: Containers) -> Plan:
    """The plan of a lab of containers: who keeps its nodes, and its ports' MACs as they are there."""
    wish = Wish(Nos(containers.nos), containers.mixed)
    found = {End(one.node, one.port): one for one in containers.macs}

    def port(node: str, port: Port) -> Port:
        one = found.get(End(node, port.name))
        return port if one is None else replace(port, mac=one.mac, peer_mac=one.peer_mac)

    def keeper(node: NodePlan) -> Keeper:
        if node.plane is None and node.speaker is None:
            return Keeper.SCRIPT
        is_frr = node.plane is None or wish.nos_of(node.plane) is Nos.FRR
        return Keeper.KERNEL if is_frr else Keeper.OWN

    nodes = {
        name: replace(
            node,
            ports=tuple(port(name, one) for one in node.ports),
            routes=(*node.routes, *node.learned),
            learned=(),
            speaker=None,  # its daemons are in the container: not ours to start or to hold on to
        )
        for name, node in plan.nodes.items()
    }
    return replace(plan, nodes=nodes, keepers={name: keeper(node) for name, node in plan.nodes.items()})


def adopt(plan: Plan, lab: str) -> None:
    """Name and mark the namespaces of a lab's containers, and count their planned ports among ours.

    EnvironmentFault if a container does not run, or lacks a port; what was adopted until then stays.
    """
    states = containerlab.inspect(lab)
    for node in plan.nodes:
        name = containerlab.container_of(lab, node)
        if states.get(name) != containerlab.RUNNING:
            raise EnvironmentFault(
                f"container {name} is {states.get(name, 'not there')}", remedy=f"docker logs {name}"
            )
        if not netns.is_namespace(containerlab.space_of(lab, node)):
            raise EnvironmentFault(f"there is no namespace {containerlab.space_of(lab, node)}")
    numbers: dict[int, End] = {}
    for node, planned in plan.nodes.items():
        for end, index in _mark(lab, node, planned.ports).items():
            if index in numbers:  # the ports' program tells them by number
                raise EnvironmentFault(
                    f"{end} and {numbers[index]} have the same interface number, {index}", remedy="try again"
                )
            numbers[index] = end
        netns.adopt(containerlab.space_of(lab, node), netns.path_of(lab, node))


def _mark(lab: str, node: str, ports: Iterable[Port]) -> dict[End, int]:
    with netns.inside(containerlab.space_of(lab, node)), NetlinkSocket() as rtnl:
        found = {link.name: link for link in map(links.read_link, rtnl.dump(links.list_links()))}
        missing = [port.name for port in ports if port.name not in found]
        if missing:
            raise EnvironmentFault(f"{containerlab.container_of(lab, node)} has no port {missing[0]}")
        mark = marks.mark(lab, node)
        messages = [] if mark in found["lo"].altnames else [links.add_altname(marks.LO, mark)]
        names = [*(port.name for port in ports), *({SWITCH_DEVICE} & found.keys())]
        messages += [links.set_group(found[name].index) for name in names]
        if refusals := rtnl.send(messages):
            raise EnvironmentFault(f"cannot mark {containerlab.container_of(lab, node)}: {refusals[0]}")
        return {End(node, port.name): found[port.name].index for port in ports}


def other_macs(handles: Handles, plan: Plan) -> tuple[PortMacs, ...]:
    """The ports whose MAC, or next hop's, is not the plan's. Waits until every host's next hops answer.

    EnvironmentFault if one does not within five minutes.
    """
    own: dict[End, str] = {}
    indices: dict[End, int] = {}
    for node in plan.nodes.values():
        for link in map(links.read_link, handles.socket(node.name).dump(links.list_links())):
            own[End(node.name, link.name)] = link.mac
            indices[End(node.name, link.name)] = link.index
    answered = _next_hops(handles, plan, indices)
    seen = []
    for node in plan.nodes.values():
        for port in node.ports:
            end = End(node.name, port.name)
            macs = own[end], answered.get(end, own[End(port.peer_node, port.peer_port)])
            if macs != (port.mac, port.peer_mac):
                seen.append(PortMacs(node.name, port.name, *macs))
    return tuple(seen)


def _next_hops(handles: Handles, plan: Plan, indices: Indices) -> Macs:
    """The MACs of hosts' next hops, by neighbour discovery: a switch may answer with one of its own."""
    waiting = {End(host, port.name): port for host in plan.hosts for port in plan.nodes[host].ports}
    found: dict[End, str] = {}
    deadline = time.monotonic() + NEXT_HOPS_WITHIN_S
    while True:
        for host in dict.fromkeys(end.node for end in waiting):
            bodies = handles.socket(host).dump(links.list_neighbours())
            known = {(one.index, one.address): one.mac for one in links.read_neighbours(bodies, learned=True)}
            for end in [end for end in waiting if end.node == host]:
                if mac := known.get((indices[end], waiting[end].peer_link_local)):
                    found[end] = mac
                    del waiting[end]
        if not waiting:
            return found
        if time.monotonic() > deadline:
            end, port = next(iter(waiting.items()))
            raise EnvironmentFault(
                f"{end}: {port.peer_node} does not answer at {port.peer_link_local},"
                f" nor do {len(waiting) - 1} other next hops",
                remedy=f"docker logs {containerlab.container_of(handles.lab, port.peer_node)}",
            )
        _ask(handles.lab, waiting, indices)
        time.sleep(_LOOK_EVERY_S)


def _ask(lab: str, waiting: Mapping[End, Port], indices: Indices) -> None:
    """A datagram to each next hop: the kernel must ask for its MAC."""
    for end, port in waiting.items():
        with (
            netns.inside(netns.path_of(lab, end.node)),
            socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as out,
            suppress(OSError),  # its script has not run to the end
        ):
            out.sendto(b"", socket.MSG_DONTWAIT, (port.peer_link_local, _DISCARD, 0, indices[end]))
