"""A containerlab lab -> an mrcnet topology, and what could not be carried over."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from mrcnet.errors import InputError
from mrcnet.foreign.emit import Settings, srv6_called, topology_text
from mrcnet.foreign.model import ClabLab, ClabLink, ClabNode
from mrcnet.foreign.roles import LABEL, Rules, place
from mrcnet.render.queues import KEYS
from mrcnet.topology.load import load_text
from mrcnet.topology.model import AUTO, Bfd, End, Link, Node, Role, Routing, Srv6, Topology, Transport
from mrcnet.topology.names import interface_name, node_name
from mrcnet.topology.raw import parse_dilation
from mrcnet.topology.schemefile import DEFAULT
from mrcnet.units import parse_duration, parse_rate

Parsed = TypeVar("Parsed")

CLAB_MTU = 9500  # of a link that does not say
TIERS = (Role.HOST, Role.T0, Role.T1)


@dataclass(frozen=True, slots=True)
class Imported:
    """A topology as text and as such; `names`: what each node of the foreign file is called in it;
    `ports`: the same for ports that had to be renamed.
    """

    text: str
    topology: Topology
    names: Mapping[str, str]
    ports: Mapping[End, str]
    notes: tuple[str, ...]


def convert(lab: ClabLab, rules: Rules) -> Imported:
    """Raises InputError if the lab is no fabric of hosts, T0s and T1s, or contradicts itself."""
    return _Conversion(lab, rules).result()


class _Conversion:
    def __init__(self, lab: ClabLab, rules: Rules) -> None:
        self.lab = lab
        self.notes = list(lab.notes)
        self.places = {node.name: place(node, rules) for node in lab.nodes}
        self.names: dict[str, str] = {}
        self.ports: dict[End, str] = {}

    def result(self) -> Imported:
        kept = [node for node in self.lab.nodes if self.places[node.name].role is not None]
        for node in self.lab.nodes:
            if self.places[node.name].role is None:
                self.notes.append(
                    f"{node.where}: {node.name} ({node.kind or 'no kind'}) has no role: left out"
                )
        roles = {self.places[node.name].role for node in kept}
        if missing := [str(role) for role in (Role.HOST, Role.T0) if role not in roles]:
            raise InputError(
                f"no node of {self.lab.file} looks like a {' or a '.join(missing)}",
                remedy='say what nodes are in a mapping file: --map, with nodes: {"leaf*": {role: t0}}',
            )
        self._rename(kept)
        planes = self._planes(kept)
        nodes = [self._node(node, planes) for node in kept]
        settings = self._settings()
        links = list(self._links(settings, planes))
        settings = replace(settings, ports=self._queues())
        if not links:
            raise InputError(f"{self.lab.file} has no link between a host and a T0, or a T0 and a T1")
        try:
            text = topology_text(settings, self._numbered(nodes), links)
        except InputError as error:
            raise InputError(f"{self.lab.file} is no fabric that mrcnet can have: {error.message}") from None
        return Imported(text, load_text(text, self.lab.file), self.names, self.ports, tuple(self.notes))

    def _rename(self, kept: list[ClabNode]) -> None:
        for node in kept:
            name = re.sub(r"[^a-zA-Z0-9-]+", "-", node.name).strip("-")[:63]
            try:
                node_name(name)
            except ValueError:
                raise InputError(f"{node.name!r} cannot be made a node's name", where=node.where) from None
            if name in self.names.values():
                raise InputError(
                    f"{node.name!r} and another node would both be called {name}", where=node.where
                )
            self.names[node.name] = name
            if name != node.name:
                self.notes.append(f"{node.where}: {node.name!r} is called {name}")

    def _planes(self, kept: list[ClabNode]) -> dict[str, int]:
        """The plane of each switch: its own word, or one for all that are joined, as planes are isolated."""
        switches = [node for node in kept if self.places[node.name].role is not Role.HOST]
        told = {node.name: plane for node in switches if (plane := self.places[node.name].plane) is not None}
        joined: dict[str, set[str]] = {node.name: {node.name} for node in switches}
        for link in self.lab.links:
            one, other = joined.get(link.a.node), joined.get(link.b.node)
            if one is not None and other is not None and one is not other:
                one |= other
                joined.update(dict.fromkeys(other, one))
        planes = dict(told)
        for node in switches:
            if node.name not in planes:
                group = joined[node.name]
                near = sorted({planes[name] for name in group if name in planes})
                number = near[0] if near else max(planes.values(), default=-1) + 1
                planes |= dict.fromkeys((name for name in group if name not in told), number)
                self.notes.append(f"{node.where}: nothing tells the plane of {node.name}: taken for {number}")
        return planes

    def _node(self, node: ClabNode, planes: Mapping[str, int]) -> tuple[Node, bool]:
        at = self.places[node.name]
        assert at.role is not None
        found = Node(self.names[node.name], at.role, planes.get(node.name), at.index or 0)
        return found, at.index is not None

    def _numbered(self, nodes: list[tuple[Node, bool]]) -> list[tuple[Node, bool]]:
        """Numbers count only where no two nodes of a tier have the same."""
        taken = Counter((node.role, node.plane, node.index) for node, numbered in nodes if numbered)
        doubtful = {key[:2] for key, times in taken.items() if times > 1}
        found = []
        for node, numbered in nodes:
            counts = numbered and (node.role, node.plane) not in doubtful
            found.append((node, counts))
        for role, plane in sorted(doubtful, key=str):
            where = "" if plane is None else f" of plane {plane}"
            self.notes.append(
                f"numbers in the names of {role}s{where} repeat: numbered in the order of the file"
            )
        return found

    def _settings(self) -> Settings:
        labels = self.lab.labels
        plain = Settings(self._name())

        def read(key: str, parse: Callable[[str], int], default: int) -> int:
            return (
                default
                if LABEL + key not in labels
                else self._parsed(LABEL + key, labels[LABEL + key], parse)
            )

        return Settings(
            name=plain.name,
            srv6=self._srv6(),
            host_prefix=labels.get(LABEL + "hosts", plain.host_prefix),
            transport=Transport(
                read("payload", int, plain.transport.payload), read("udp-port", int, plain.transport.udp_port)
            ),
            dilation=read("dilation", _dilation, plain.dilation),
            rate_bps=read("rate", parse_rate, plain.rate_bps),
            delay_ns=read("delay", parse_duration, plain.delay_ns),
            routing=self._parsed(LABEL + "routing", labels.get(LABEL + "routing", "srv6"), Routing),
            bfd=None
            if LABEL + "bfd-interval" not in labels
            else Bfd(read("bfd-interval", parse_duration, 0), read("bfd-multiplier", int, 3)),
        )

    def _srv6(self) -> Srv6:
        labels = self.lab.labels
        word = labels.get(LABEL + "scheme", DEFAULT)
        try:
            return srv6_called(word, labels.get(LABEL + "block"))
        except InputError as wrong:
            message = f"{self.lab.file}: {LABEL}scheme: {wrong.message}"
            raise InputError(message, remedy=wrong.remedy) from None

    def _queues(self) -> Mapping[str, Mapping[str, str]] | None:
        """What ports say of their queues, if the lab has any; by mrcnet's names."""
        if LABEL + "ports" not in self.lab.labels:
            return None
        found = {}
        for link in self.lab.links:
            for key, end in ((LABEL + "queue-a", link.a), (LABEL + "queue-b", link.b)):
                if key in link.vars and end.node in self.names:
                    port = self.ports.get(end, end.port)
                    found[f"{self.names[end.node]}:{port}"] = _words(link.vars[key], link)
        return found

    def _name(self) -> str:
        name = re.sub(r"[^a-zA-Z0-9-._]+", "-", self.lab.name or "imported").lstrip("-._")[:64] or "imported"
        if name != self.lab.name:
            self.notes.append(f"the topology is called {name}")
        return name

    def _links(self, settings: Settings, planes: Mapping[str, int]) -> Iterator[Link]:
        used: dict[End, ClabLink] = {}
        host_planes: set[tuple[str, int]] = set()
        for link in self.lab.links:
            for end in (link.a, link.b):
                if end in used:
                    raise InputError(
                        f"port {end} is used twice, first at {used[end].where}", where=link.where
                    )
                used[end] = link
            ends = sorted((link.a, link.b), key=lambda end: TIERS.index(self._role(end) or Role.HOST))
            reason = self._refusal(ends[0], ends[1], planes, host_planes)
            if reason:
                self.notes.append(f"{link.where}: {link.a} - {link.b} is left out: {reason}")
            else:
                yield self._link(link, ends[0], ends[1], planes[ends[1].node], settings)

    def _role(self, end: End) -> Role | None:
        return self.places[end.node].role

    def _refusal(
        self, low: End, high: End, planes: Mapping[str, int], host_planes: set[tuple[str, int]]
    ) -> str | None:
        roles = self._role(low), self._role(high)
        if None in roles:
            return "a node without a role"
        if roles not in ((Role.HOST, Role.T0), (Role.T0, Role.T1)):
            return f"{roles[0]} to {roles[1]} is no link of a fabric"
        plane = planes[high.node]
        if low.node in planes:
            return None if planes[low.node] == plane else "it joins two planes"
        if (low.node, plane) in host_planes:
            return f"{low.node} has another port in plane {plane}"
        host_planes.add((low.node, plane))
        return None

    def _link(self, link: ClabLink, low: End, high: End, plane: int, settings: Settings) -> Link:
        own = link.vars
        rate, delay = own.get(LABEL + "rate"), own.get(LABEL + "delay")
        return Link(
            a=self._end(low, link),
            b=self._end(high, link),
            plane=plane,
            rate_bps=settings.rate_bps if rate is None else self._parsed("rate", rate, parse_rate),
            delay_ns=settings.delay_ns if delay is None else self._parsed("delay", delay, parse_duration),
            mtu=CLAB_MTU if link.mtu is None else self._parsed("mtu", link.mtu, int),
        )

    def _end(self, end: End, link: ClabLink) -> End:
        try:
            port = interface_name(end.port)
        except ValueError:
            taken = {
                other.port for one in self.lab.links for other in (one.a, one.b) if other.node == end.node
            }
            taken |= {name for renamed, name in self.ports.items() if renamed.node == end.node}
            port = next(name for number in range(1, 2**16) if (name := f"eth{number}") not in taken)
            self.ports[end] = port
            self.notes.append(f"{link.where}: port {end} is called {port}")
        return End(self.names[end.node], port)

    def _parsed(self, what: str, text: str, parse: Callable[[str], Parsed]) -> Parsed:
        try:
            return parse(text)
        except ValueError:
            raise InputError(f"{self.lab.file}: {what} is {text[:40]!r}, which means nothing") from None


def _words(text: str, link: ClabLink) -> dict[str, str]:
    """A queue's settings, as `render` writes them."""
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        words = None
    if not isinstance(words, dict) or any(
        key not in KEYS or not isinstance(words[key], str) for key in words
    ):
        raise InputError(f"{text[:40]!r} means nothing as a queue's settings", where=link.where)
    return words


def _dilation(text: str) -> int:
    return AUTO if text == "auto" else parse_dilation(text)
