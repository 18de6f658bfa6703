"""All tables of a fabric over its wiring, by mrcnet's names of nodes and ports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from mrcnet.errors import Where
from mrcnet.foreign.table import Address, Entry, FileTable, Locator, Remark
from mrcnet.plan.model import Action
from mrcnet.topology.model import End, Link, Node, Role, Topology

_FRONT = re.compile(r"(Ethernet|swp)([0-9]{1,4})")


@dataclass(frozen=True, slots=True)
class NodeTable:
    """What all files of a node say together. `read`: there was a file that says anything of forwarding."""

    node: Node
    where: Where
    entries: tuple[Entry, ...]
    locators: tuple[Locator, ...]
    addresses: Mapping[str, tuple[Address, ...]]
    down: Mapping[str, Where]
    lookup: Mapping[int, Mapping[int, tuple[Entry, ...]]]  # by length, longest first, then by prefix

    @property
    def read(self) -> bool:
        return bool(self.entries or self.locators)

    def of(self, action: Action) -> Iterator[Entry]:
        """The entries with that action, in order."""
        return (entry for entry in self.entries if entry.action is action)

    def find(self, address: int) -> tuple[Entry, ...]:
        """The entries of the longest prefix that holds an address; an encap is for the host's own packets."""
        for length, prefixes in self.lookup.items():
            if found := prefixes.get(address >> 128 - length << 128 - length):
                return found
        return ()


@dataclass(frozen=True, slots=True)
class Fabric:
    """Tables by node; `far`: what is plugged into each port; `plane` of each port."""

    topology: Topology
    tables: Mapping[str, NodeTable]
    far: Mapping[End, End]
    planes: Mapping[End, int]
    remarks: tuple[Remark, ...]

    def attachments(self, host: str) -> dict[int, tuple[End, End]]:
        """By plane: a host's port, and the T0's port that it is plugged into."""
        return {self.planes[end]: (end, far) for end, far in self.far.items() if end.node == host}


def gather(
    topology: Topology, files: Mapping[str, Iterable[FileTable]], *, front_step: Mapping[str, int]
) -> Fabric:
    """Put the files of each node together, and say where two of them contradict each other.

    `front_step`: by how many SONiC (4) or EOS (1) count their front panel ports.
    """
    far: dict[End, End] = {}
    planes: dict[End, int] = {}
    for link in topology.links:
        for one, other in _both(link):
            far[one], planes[one] = other, link.plane
    ports: dict[str, list[str]] = {node.name: [] for node in topology.nodes}
    for end in far:
        ports[end.node].append(end.port)
    named = {
        name: [_renamed(table, set(own), front_step.get(name, 4)) for table in files.get(name, ())]
        for name, own in ports.items()
    }
    at = {
        (End(name, one.dev), one.address)
        for name, own in named.items()
        for table in own
        for one in table.addresses
    }
    remarks: list[Remark] = []
    tables = {}
    for node in topology.nodes:
        ends = [End(node.name, port) for port in ports[node.name]]
        for table in named[node.name]:
            remarks += table.remarks
            table.entries[:] = [_with_port(entry, ends, far, at) for entry in table.entries]
        remarks += _contradictions(named[node.name])
        tables[node.name] = _together(node, named[node.name])
    return Fabric(topology, tables, far, planes, tuple(remarks))


def _both(link: Link) -> tuple[tuple[End, End], tuple[End, End]]:
    return (link.a, link.b), (link.b, link.a)


def _renamed(table: FileTable, ports: set[str], step: int) -> FileTable:
    """The same with containerlab's names of ports."""

    def outside(dev: str) -> str:
        front = _FRONT.fullmatch(dev)
        if dev in ports or front is None:
            return dev
        number = int(front[2])
        if front[1] == "swp":
            return f"eth{number}"
        return f"eth{number if step == 1 else number // step + 1}" if number % step == 0 else dev

    return FileTable(
        where=table.where,
        entries=[
            entry if entry.dev is None else replace(entry, dev=outside(entry.dev)) for entry in table.entries
        ],
        locators=table.locators,
        addresses=[replace(address, dev=outside(address.dev)) for address in table.addresses],
        down=[(outside(dev), where) for dev, where in table.down],
        remarks=table.remarks,
    )


def _with_port(
    entry: Entry, ends: list[End], far: Mapping[End, End], at: AbstractSet[tuple[End, int]]
) -> Entry:
    """An entry that names an address alone goes out where that is plugged in."""
    if entry.dev is not None or entry.via is None:
        return entry
    port = next((end.port for end in ends if (far[end], entry.via) in at), None)
    return replace(entry, dev=port)


def _contradictions(tables: list[FileTable]) -> Iterator[Remark]:
    """What two files of a node say differently: of SIDs or of routes, if both speak of these."""
    kinds = ((Action.UN, Action.UA, Action.DECAP), (Action.FORWARD,))
    for number, one in enumerate(tables):
        for other in tables[number + 1 :]:
            for kind in kinds:
                ours, theirs = ({_key(e): e for e in t.entries if e.action in kind} for t in (one, other))
                if ours and theirs:
                    for key in sorted(ours.keys() ^ theirs.keys(), key=str):
                        entry, silent = (ours[key], other) if key in ours else (theirs[key], one)
                        message = f"{entry.text} {_does(entry)}: {silent.where.file} does not say so"
                        yield Remark("error", "contradiction", entry.where, message)


def _key(entry: Entry) -> tuple[object, ...]:
    return entry.prefix, entry.length, entry.action, entry.dev, entry.via


def _does(entry: Entry) -> str:
    return f"{entry.action} by {entry.dev}" if entry.dev else str(entry.action)


def _together(node: Node, tables: list[FileTable]) -> NodeTable:
    entries = tuple({_key(entry): entry for table in reversed(tables) for entry in table.entries}.values())
    entries = tuple(sorted(entries, key=lambda entry: (entry.where.file, entry.where.line)))
    lookup: dict[int, dict[int, tuple[Entry, ...]]] = {}
    for length in sorted({entry.length for entry in entries}, reverse=True):
        lookup[length] = {}
        for entry in entries:
            if entry.length == length and entry.action is not Action.ENCAP:
                lookup[length][entry.prefix] = (*lookup[length].get(entry.prefix, ()), entry)
    addresses: dict[str, tuple[Address, ...]] = {}
    for address in (one for table in tables for one in table.addresses):
        addresses[address.dev] = (*addresses.get(address.dev, ()), address)
    speaking = [table for table in tables if table.entries] or tables
    return NodeTable(
        node=node,
        where=speaking[0].where if speaking else Where(f"(no file of {node.name})"),
        entries=entries,
        locators=tuple(locator for table in tables for locator in table.locators),
        addresses=addresses,
        down={dev: where for table in tables for dev, where in table.down},
        lookup=lookup,
    )


def is_switch(node: Node) -> bool:
    """Whether it forwards."""
    return node.role is not Role.HOST
