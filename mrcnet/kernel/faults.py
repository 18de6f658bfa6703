"""Cut a link and heal it, with the instant at which it happened.

A loud cut takes both ends down. A silent one leaves the carrier: both ends eat what they send, the ports'
program where they bear it, else a filter of its own, or, where the kernel takes no program, a queue that
keeps nothing. The faults that only the program can play are in `portfaults`. Which faults there are is read
from the kernel, never remembered.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from mrcnet.errors import EnvironmentFault, InputError, PartialError
from mrcnet.kernel import bpf, lab, links, marks, netns, shaper, state, tc
from mrcnet.kernel.apply import CUT_PRIORITY, apply
from mrcnet.kernel.diff import node_changes, ours
from mrcnet.kernel.handles import Handles
from mrcnet.kernel.model import Address, Change, Device, Neighbour, NodeState, Setting
from mrcnet.kernel.netlink import NetlinkSocket
from mrcnet.kernel.observe import CUT_FILTER, LabState, observe
from mrcnet.kernel.program import borne
from mrcnet.plan.model import Plan, Route
from mrcnet.plan.target import ends_of, find_link
from mrcnet.port.maps import PortMaps
from mrcnet.topology.model import End, Link


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """What was done when: `at_ns` (CLOCK_MONOTONIC) plus or minus `error_ns`."""

    fault: str
    target: str
    at_ns: int
    error_ns: int


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """A link that is cut now."""

    target: str
    silent: bool


def prepare(plan: Plan, lab_name: str, targets: Iterable[str]) -> None:
    """Make the ends of links able to bear a silent cut, ahead of it.

    The kernel takes a port that is up out of service for a moment when it first gets a filter hook; done
    beforehand, a cut is one write and its instant is known. InputError if there is no such lab or link.
    """
    found = [find_link(plan, target) for target in targets]
    with opened(lab_name), Handles(lab_name) as handles:
        for link in found if bpf.allowed() else ():
            seen = look(handles, lab_name, link)
            for end in (link.a, link.b):
                bpf.allow_filters(handles.socket(end.node), seen.indices[end.node, end.port])


def cut(plan: Plan, lab_name: str, target: str, silent: bool = False) -> FaultRecord:
    """Cut the link `target` (`p0-t0-0:p0-t1-1`, or `node:port`).

    InputError if there is no such lab or link, or it is cut already.
    """
    link = find_link(plan, target)
    with opened(lab_name), Handles(lab_name) as handles:
        found = look(handles, lab_name, link)
        if is_cut(found, link):
            name = name_of(link)
            raise InputError(f"link {name} is cut already", remedy=f"`mrcnet fault {lab_name} heal {name}`")
        sockets = [handles.socket(end.node) for end in (link.a, link.b)]
        indices = [found.indices[end.node, end.port] for end in (link.a, link.b)]
        if silent and (maps := counting(handles, link, indices)) is not None:
            return FaultRecord("cut", name_of(link), *stored(indices, lambda index: maps.cut(index, True)))
        if silent and bpf.allowed():
            return _cut_silently(link, sockets, indices)
        if silent:
            devices = [found.nodes[end.node].devices[end.port] for end in (link.a, link.b)]
            pairs = zip(indices, devices, strict=True)
            queues = [shaper.silence(index, shaped=bool(device.rate)) for index, device in pairs]
            return FaultRecord("cut", name_of(link), *_timed(sockets, queues))
        downs = [links.set_up(index, up=False) for index in indices]
        # With one end down a veth carries nothing either way: the first write is the cut.
        at_ns, error_ns = _timed(sockets[:1], downs[:1])
        _timed(sockets[1:], downs[1:])
    return FaultRecord("cut", name_of(link), at_ns, error_ns)


def heal(plan: Plan, lab_name: str, target: str) -> FaultRecord:
    """Undo all that is wrong with a link: a cut, and the faults of the ports that `target` names.

    `target` as two nodes names both ports, as node and port that one. The instant lies between the first
    write of the repair and its last. InputError if there is no such lab or link, or it has no fault.
    """
    link, ends = find_link(plan, target), ends_of(plan, target)
    with opened(lab_name), Handles(lab_name) as handles:
        found = look(handles, lab_name, link)
        struck = [end for end in ends if found.nodes[end.node].devices[end.port].faults]
        if not is_cut(found, link) and not struck:
            raise InputError(f"link {name_of(link)} is not cut, nor has it another fault")
        begin = time.monotonic_ns()
        for end in struck:
            assert handles.program is not None
            handles.program.maps.heal(found.indices[end.node, end.port])
        apply(handles, _changes_at(plan, found.nodes, (link.a, link.b)), found.indices)
        end_ns = time.monotonic_ns()
        rest = _changes_at(plan, look(handles, lab_name, link).nodes, (link.a, link.b))
        if rest:
            raise PartialError(f"link {name_of(link)} is not whole: {rest[0]}", remedy="`mrcnet up` mends it")
    return FaultRecord("heal", name_of(link), (begin + end_ns) // 2, (end_ns - begin + 1) // 2)


def active_faults(lab_name: str) -> tuple[ActiveFault, ...]:
    """The links of a lab that are cut now. InputError if there is no such lab."""
    nodes = [one.node for one in marks.owned(lab_name)]
    if not nodes:
        raise lab.unknown(lab_name)
    with Handles(lab_name, len(nodes)) as handles:
        return faults_in(observe(handles, nodes).nodes)


def faults_in(nodes: Mapping[str, NodeState]) -> tuple[ActiveFault, ...]:
    """The cut links among what was observed, each once."""
    found: dict[tuple[str, ...], ActiveFault] = {}
    for node, state_ in nodes.items():
        for device in state_.devices.values():
            if device.kind == "veth" and _is_cut(device):
                ends = sorted((str(End(node, device.name)), str(device.peer)))
                target = ":".join(sorted((node, device.peer.node))) if device.peer else ends[0]
                found.setdefault(tuple(ends), ActiveFault(target, silent=device.up))
    return tuple(found.values())


def opened(lab_name: str) -> AbstractContextManager[int]:
    """Nobody else changes the lab within the block. InputError if there is none of that name."""
    marks.lab_name(lab_name)
    if not marks.owned(lab_name):
        raise lab.unknown(lab_name)
    return state.locked(lab_name)


def look(handles: Handles, lab_name: str, *links: Link) -> LabState:
    """The nodes of links as they are. PartialError if they, or a link, are gone."""
    try:
        found = observe(handles, list(dict.fromkeys(end.node for link in links for end in (link.a, link.b))))
    except FileNotFoundError as error:
        raise lab.not_whole(lab_name) from error
    for link in links:
        if any(end.port not in found.nodes[end.node].devices for end in (link.a, link.b)):
            raise PartialError(f"link {name_of(link)} is gone", remedy="`mrcnet up` mends it")
    return found


def counting(handles: Handles, link: Link, indices: Iterable[int]) -> PortMaps | None:
    """The program's maps, if both ends of a link bear it; `indices` are those of its ends."""
    if handles.program is None:
        return None
    for end, index in zip((link.a, link.b), indices, strict=True):
        path = netns.path_of(handles.lab, end.node)
        if not borne(path, handles.socket(end.node), [index])[index]:
            return None
    return handles.program.maps


def stored(indices: Iterable[int], store: Callable[[int], None]) -> tuple[int, int]:
    """Store to the program's memory between two looks at the clock: (middle, half the width) in ns."""
    begin = time.monotonic_ns()
    for index in indices:
        store(index)
    end = time.monotonic_ns()
    return (begin + end) // 2, (end - begin + 1) // 2


def is_cut(found: LabState, link: Link) -> bool:
    """Whether a link is down or silent at one end at least."""
    return any(_is_cut(found.nodes[end.node].devices[end.port]) for end in (link.a, link.b))


def _is_cut(device: Device) -> bool:
    return not device.up or device.silenced


def _cut_silently(link: Link, sockets: list[NetlinkSocket], indices: list[int]) -> FaultRecord:
    descriptor = bpf.load_program(bpf.SILENCE, CUT_FILTER)
    try:
        begin = time.monotonic_ns()
        pairs = zip(sockets, indices, strict=True)
        made = [bpf.allow_filters(socket, index) for socket, index in pairs]
        adds = [tc.add_filter(index, tc.EGRESS, CUT_PRIORITY, descriptor, CUT_FILTER) for index in indices]
        at_ns, error_ns = _timed(sockets, adds)
        if any(made):  # a new hook interrupts its port: the link may be dead from then on
            last = at_ns + error_ns
            at_ns, error_ns = (begin + last) // 2, (last - begin + 1) // 2
    finally:
        os.close(descriptor)  # the filters keep the program
    return FaultRecord("cut", name_of(link), at_ns, error_ns)


def _timed(sockets: list[NetlinkSocket], requests: list[bytes]) -> tuple[int, int]:
    """Write the requests, prepared before, between two looks at the clock: (middle, half the width) in ns."""
    prepared = [socket.prepare(request) for socket, request in zip(sockets, requests, strict=True)]
    writes = list(zip(sockets, prepared, strict=True))
    begin = time.monotonic_ns()
    for socket, request in writes:
        socket.post(request)
    end = time.monotonic_ns()
    for socket in sockets:
        if refusal := socket.settle():
            raise EnvironmentFault(f"the kernel refused: {refusal}", remedy="`mrcnet doctor` tells more")
    return (begin + end) // 2, (end - begin + 1) // 2


def _changes_at(plan: Plan, found: Mapping[str, NodeState], ends: Iterable[End]) -> tuple[Change, ...]:
    """What the two ends of a link lack that is ours; other links of their nodes may be cut on purpose."""
    return tuple(
        change
        for end in ends
        for change in node_changes(plan, found[end.node])
        if _port_of(change) == end.port and ours(plan, change)
    )


def _port_of(change: Change) -> str | None:
    match change.item:
        case Setting(name="faults"):
            return None  # a port's own, and not the link's
        case Setting() | Address() | Neighbour():
            return change.item.port
        case Route():
            return change.item.dev
        case _:
            return None


def name_of(link: Link) -> str:
    """A link as people name it: by its nodes."""
    return f"{link.a.node}:{link.b.node}"
