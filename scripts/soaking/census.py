"""What is held on behalf of a lab at an instant: by our processes, by the kernel, on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mrcnet.kernel import links, marks, netns, routes, state, tc
from mrcnet.kernel.apply import FIRST_INDEX
from mrcnet.kernel.netlink import NetlinkSocket
from mrcnet.kernel.ports import open_ports

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Process:
    """One of ours by its `role`: resident memory in bytes, descriptors, BPF maps in its address space.

    `programs`, `maps`: the kernel's numbers of those on which it has descriptors.
    """

    role: str
    rss: int
    descriptors: int
    mappings: int
    programs: frozenset[int] = frozenset()
    maps: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Held:
    """What the kernel holds for a lab, each a number of things; `numbers`: how far the numbers of interfaces
    reach, `rows`: entries of the ports' map that are in use, `files`: on disk.
    """

    namespaces: int
    interfaces: int
    numbers: int
    routes: int
    qdiscs: int
    filters: int
    programs: int
    maps: int
    rows: int
    files: int


@dataclass(frozen=True, slots=True)
class Sample:
    """All of it, `at` wall seconds after the begin."""

    at: float
    processes: tuple[Process, ...]
    held: Held

    def levels(self) -> Mapping[str, float]:
        """{what: how much}: memory by role in bytes, the rest counted."""
        found: dict[str, float] = {}
        for one in self.processes:
            found[f"memory of {one.role}"] = one.rss
            found[f"descriptors of {one.role}"] = one.descriptors
            found[f"mapped BPF maps of {one.role}"] = one.mappings
        return {**found, **asdict(self.held)}

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        own = {
            one.role: {"rss": one.rss, "descriptors": one.descriptors, "mappings": one.mappings}
            for one in self.processes
        }
        return {"at_s": round(self.at, 1), "processes": own, **asdict(self.held)}


def take(lab: str, at: float, roles: Mapping[int, str]) -> Sample:
    """Look at everything. `roles`: of our processes by their ids; one that has just ended is left out."""
    processes = tuple(found for pid, role in roles.items() if (found := _process(pid, role)) is not None)
    nodes = [_node(one.path) for one in marks.owned(lab)]
    ports = open_ports(lab)
    borne = {number for node in nodes for number in node.programs}
    return Sample(
        at,
        processes,
        Held(
            namespaces=len(list(netns.DIRECTORY.glob(f"{netns.PREFIX}{lab}-*"))),
            interfaces=sum(node.interfaces for node in nodes),
            numbers=max((node.highest for node in nodes), default=FIRST_INDEX) - FIRST_INDEX,
            routes=sum(node.routes for node in nodes),
            qdiscs=sum(node.qdiscs for node in nodes),
            filters=sum(node.filters for node in nodes),
            programs=len(borne.union(*(one.programs for one in processes))),
            maps=len(frozenset().union(*(one.maps for one in processes))),
            rows=0 if ports is None else _rows(ports.maps.ports),
            files=sum(1 for _ in _files(lab)),
        ),
    )


def descendants(pid: int) -> list[int]:
    """The processes that descend from one, the oldest first."""
    found = [pid]
    for one in found:
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:  # it has ended
            continue
    return sorted(found[1:])


def _process(pid: int, role: str) -> Process | None:
    entry = Path(f"/proc/{pid}")
    try:
        rss = int((entry / "statm").read_text().split()[1]) * _PAGE
        mappings = sum("bpf-map" in line for line in (entry / "maps").read_text().splitlines())
        numbers = os.listdir(entry / "fd")
    except OSError:
        return None
    told = [line.split() for number in numbers for line in _lines(entry / "fdinfo" / number)]
    programs, maps = (
        frozenset(int(words[1]) for words in told if words[:1] == [f"{kind}_id:"]) for kind in ("prog", "map")
    )
    own = 1 if pid == os.getpid() else 0  # by which the list is read
    return Process(role, rss, len(numbers) - own, mappings, programs, maps)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


@dataclass(frozen=True, slots=True)
class _Node:
    interfaces: int
    highest: int
    routes: int
    qdiscs: int
    filters: int
    programs: frozenset[int]


def _node(path: Path) -> _Node:
    """What one namespace holds."""
    with netns.inside(path), NetlinkSocket() as socket:
        indices = [links.read_link(body).index for body in socket.dump(links.list_links())]
        qdiscs = socket.dump(tc.list_qdiscs())
        able = {tc.clsact_of(body) for body in qdiscs}
        filters = [
            one
            for index in indices
            if index in able
            for way in (tc.EGRESS, tc.INGRESS)
            for body in socket.dump(tc.list_filters(index, way))
            if (one := tc.read_filter(body)) is not None
        ]
        told = len(socket.dump(routes.list_routes()))
    numbers = frozenset(one.program for one in filters)
    return _Node(len(indices), max(indices), told, len(qdiscs), len(filters), numbers)


def _rows(ports: npt.NDArray[np.void]) -> int:
    """Entries of the ports' map that are not empty."""
    return int(np.count_nonzero(ports.view(np.uint64).reshape(len(ports), -1).any(axis=1)))


def _files(lab: str) -> Iterator[Path]:
    """The lab's own, and what is in its folders; not the lock, which stays."""
    for path in state.DIRECTORY.rglob("*"):
        if any(lab in part for part in path.parts) and path.suffix != ".lock":
            yield path
