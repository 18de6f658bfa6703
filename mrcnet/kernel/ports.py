"""The ports of a running lab as their program sees them: counters, configuration, queues."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from mrcnet.kernel import lab, links, marks, netns, shaper, tc
from mrcnet.kernel.handles import Handles
from mrcnet.kernel.program import PortProgram, borne
from mrcnet.port.maps import PortMaps
from mrcnet.port.model import FIXED_POINT, PortConfig, PortCounters
from mrcnet.topology.model import End


@dataclass(frozen=True, slots=True)
class ShaperSeen:
    """What a port's shaper holds now, in bytes, and how many frames it has dropped (it should not any)."""

    backlog: int
    drops: int


class LabPorts:
    """The counted ports of a lab. Reading them is a load from memory, and keeps nothing of the lab open.

    `indices`: the interface numbers of the ports that bear the program; `whole`: all ports do. When the lab
    is gone, its last counters can still be read.
    """

    def __init__(self, maps: PortMaps, indices: Mapping[End, int], whole: bool) -> None:
        self.maps = maps
        self.indices = indices
        self.whole = whole

    def counters(self) -> Mapping[End, PortCounters]:
        """What every port has counted."""
        return {end: self.maps.counters(index) for end, index in self.indices.items()}

    def config(self, end: End) -> PortConfig | None:
        """What a port is told; None: to count and pass on. KeyError if it bears no program."""
        return self.maps.config(self.indices[end])

    def backlog(self, end: End) -> int:
        """Bytes that a port holds now, by its model. KeyError if it bears no program."""
        config = self.config(end)
        if config is None:
            return 0
        work = self.maps.counters(self.indices[end]).free_at - time.monotonic_ns()
        return (max(work, 0) << FIXED_POINT) // config.byte_time


def open_ports(lab_name: str) -> LabPorts | None:
    """The ports of a lab; None if none bears the program. InputError if there is no such lab."""
    indices: dict[End, int] = {}
    found = bare = 0
    with _opened(lab_name) as (handles, nodes):
        for end, index, number in borne_by(handles, nodes):
            if number:
                indices[end] = index
            found, bare = found or number, bare + (not number)
        if not found:
            return None
        handles.program = PortProgram.found(found)
        return LabPorts(handles.program.maps, indices, not bare)


def read_counters(lab_name: str) -> Mapping[End, PortCounters]:
    """What the ports of a lab have counted; empty if none does. To read often, keep `open_ports`."""
    ports = open_ports(lab_name)
    return {} if ports is None else ports.counters()


def read_shapers(lab_name: str) -> Mapping[End, ShaperSeen]:
    """The shapers of a lab's ports. InputError if there is no such lab."""
    seen: dict[End, ShaperSeen] = {}
    with _opened(lab_name) as (handles, nodes):
        for node in nodes:
            names = {link.index: link.name for link in _ports(handles, node)}
            for one in map(shaper.read_qdisc, handles.socket(node).dump(tc.list_qdiscs())):
                if one.parent == shaper.ROOT and one.kind == shaper.KIND and one.index in names:
                    seen[End(node, names[one.index])] = ShaperSeen(one.backlog, one.drops)
    return seen


def borne_by(handles: Handles, nodes: Iterable[str]) -> Iterator[tuple[End, int, int]]:
    """Every port of the nodes: its interface number, and the number of the ports' program on it, or 0."""
    for node in nodes:
        found = _ports(handles, node)
        path = netns.path_of(handles.lab, node)
        numbers = borne(path, handles.socket(node), [link.index for link in found])
        for link in found:
            yield End(node, link.name), link.index, numbers[link.index]


@contextmanager
def _opened(lab_name: str) -> Iterator[tuple[Handles, list[str]]]:
    nodes = [one.node for one in marks.owned(marks.lab_name(lab_name))]
    if not nodes:
        raise lab.unknown(lab_name)
    try:
        with Handles(lab_name, len(nodes)) as handles:
            yield handles, nodes
    except FileNotFoundError as error:  # it goes down under our eyes
        raise lab.not_whole(lab_name) from error


def _ports(handles: Handles, node: str) -> list[links.LinkSeen]:
    found = map(links.read_link, handles.socket(node).dump(links.list_links()))
    return [link for link in found if link.group == links.GROUP and link.kind == "veth"]
