"""The `ports` of a topology file worked out: the settings of every port's egress queue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mrcnet.topology.document import Document, KeyPath
from mrcnet.topology.model import Depth, End, Link, Node, QueueSettings, Role
from mrcnet.topology.names import suggest
from mrcnet.topology.raw import PortKind, Ports, PortSettings

# spec 5.9, 6.5, 6.6; on the last hop a deeper trim, and no marks
_BUILT_IN: Mapping[str, Any] = {
    "ecn": "on",
    "ecn_min": Depth(bdp=0.2),
    "ecn_max": Depth(bdp=0.8),
    "trim": Depth(bdp=1.0),
    "trim_size": 192,  # a probe rides in the data class (spec 2.14) and must stay whole: 134 bytes
    "drop": Depth(bdp=3.0),
    "control_drop": Depth(bdp=1.0),
}
_LAST_HOP: Mapping[str, Any] = {"ecn": "off", "trim": Depth(bdp=1.5)}
_HOST_KEYS = {"rate", "at"}

Level = tuple[PortSettings, KeyPath]


def resolve_queues(
    ports: Ports, document: Document, nodes: Mapping[str, Node], links: Iterable[Link]
) -> tuple[QueueSettings, ...]:
    """The queue of every port.

    Raises InputError for a port that is not there or described twice, and for a ramp that does not rise.
    """
    links = tuple(links)
    ends = {end: (link, link.b if end == link.a else link.a) for link in links for end in (link.a, link.b)}
    kinds = {end: port_kind(nodes[end.node].role, nodes[far.node].role) for end, (_, far) in ends.items()}
    if (hosts := ports.roles.get("host")) is not None:
        _rate_only(hosts, ("ports", "roles", "host"), document)
    own = _own(ports, document, kinds, links)
    usual: dict[tuple[PortKind, int], QueueSettings] = {}  # most ports are like others
    found = []
    for end, (link, _) in ends.items():
        kind, levels = kinds[end], own.levels(end)
        alike = None if levels else usual.get((kind, link.rate_bps))
        if alike is None:
            if (role := ports.roles.get(kind)) is not None:
                levels.append((role, ("ports", "roles", kind)))
            alike = _queue(end, link, kind, [*levels, (ports, ("ports",))], document)
            if not own.levels(end):
                usual[kind, link.rate_bps] = alike
        found.append(replace(alike, end=end))
    return tuple(found)


def port_kind(here: Role, there: Role) -> PortKind:
    """What a port is by the tiers of its own node and of its far end's."""
    if here is Role.HOST:
        return "host"
    if here is Role.T1:
        return "t1-down"
    return "t0-down" if there is Role.HOST else "t0-up"


@dataclass(frozen=True, slots=True)
class _Own:
    """What is said of ports one by one: of a port alone, and of both ports of a link."""

    alone: dict[End, Level] = field(default_factory=dict)
    both: dict[End, Level] = field(default_factory=dict)

    def levels(self, end: End) -> list[Level]:
        """The nearest first."""
        return [level[end] for level in (self.alone, self.both) if end in level]


def _own(ports: Ports, document: Document, kinds: Mapping[End, PortKind], links: Iterable[Link]) -> _Own:
    own = _Own()
    for number, one in enumerate(ports.links):
        path: KeyPath = ("ports", "links", number)
        node, _, other = one.at.partition(":")
        pairs = [(link.a, link.b) for link in links if {link.a.node, link.b.node} == {node, other}]
        ends, said = [end for pair in pairs for end in pair], own.both
        if End(node, other) in kinds:
            ends, said = [End(node, other)], own.alone
            if kinds[ends[0]] == "host":
                _rate_only(one, path, document)
        if not ends:
            known = [*map(str, kinds), *(f"{link.a.node}:{link.b.node}" for link in links)]
            raise document.error((*path, "at"), f"no port or link {one.at!r}{suggest(one.at, known)}")
        for end in ends:
            if end in said:
                first = document.where(said[end][1]).line
                raise document.error((*path, "at"), f"this is already described on line {first}")
            said[end] = one, path
    return own


def _queue(end: End, link: Link, kind: PortKind, levels: list[Level], document: Document) -> QueueSettings:
    built_in = {**_BUILT_IN, **(_LAST_HOP if kind == "t0-down" else {})}

    def nearest(key: str) -> tuple[Any, KeyPath]:
        for level, path in levels:
            if key in level.model_fields_set:
                return getattr(level, key), (*path, key)
        return built_in.get(key), ("ports",)

    rate = nearest("rate")[0] or link.rate_bps
    if kind == "host":
        return QueueSettings(end, rate)
    (low, low_at), (high, high_at) = nearest("ecn_min"), nearest("ecn_max")
    if nearest("ecn")[0] == "off":
        low = high = None
    elif low is not None and high is not None and _falls(low, high):
        path = low_at if len(low_at) > 1 else high_at
        raise document.error(path, f"an ECN ramp must rise: ecn_min {low} is not below ecn_max {high}")
    marks = low is not None and high is not None
    return QueueSettings(
        end,
        rate,
        ecn_min=low if marks else None,
        ecn_max=high if marks else None,
        trim=nearest("trim")[0],
        trim_size=nearest("trim_size")[0],
        drop=nearest("drop")[0],
        control_drop=nearest("control_drop")[0],
    )


def _falls(low: Depth, high: Depth) -> bool:
    """Whether a ramp does not rise, as far as it can be told before the BDP is known."""
    alike = (low.bytes > 0 and high.bytes > 0) or low.bytes == high.bytes
    return alike and (low.bytes, low.bdp) >= (high.bytes, high.bdp)


def _rate_only(settings: PortSettings, path: KeyPath, document: Document) -> None:
    if further := sorted(settings.model_fields_set - _HOST_KEYS):
        message = "a host's port has a rate and nothing else: its NIC gives it only what it has room for"
        raise document.error((*path, further[0]), message)
