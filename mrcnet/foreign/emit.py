"""A topology as the text of a file that loads to it again: compact if its shape is regular, else by links."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mrcnet.errors import InputError
from mrcnet.topology.load import load_text
from mrcnet.topology.model import AUTO, Bfd, Link, Node, Role, Routing, Srv6, Topology, Transport
from mrcnet.topology.schemefile import DEFAULT, scheme_of, word_of
from mrcnet.units import exact_duration, exact_rate

NAME = "topology.yaml"  # under which the text is tried
_USUAL = (100 * 10**9, 500, 9000)
_TRANSPORT = Transport(4096, 4791)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a topology says besides nodes and links. `rate_bps`, `delay_ns`: of links that do not say.

    `ports`: what `ports.links` says of each; None: the file has no `ports`. `bfd`: of routing by BGP.
    """

    name: str
    srv6: Srv6 = field(default_factory=lambda: srv6_called(DEFAULT))
    host_prefix: str = "fd4d:5200::/32"
    transport: Transport = _TRANSPORT
    dilation: int = 1
    ports: Mapping[str, Mapping[str, str]] | None = None
    rate_bps: int = _USUAL[0]
    delay_ns: int = _USUAL[1]
    routing: Routing = Routing.SRV6
    bfd: Bfd | None = None


def srv6_called(word: str, block: str | None = None) -> Srv6:
    """A scheme by its word, with its own block if there is no other. Raises InputError for an unknown one."""
    scheme = scheme_of(word)
    return Srv6(block or scheme.block.text, scheme)


def topology_text(settings: Settings, nodes: Iterable[tuple[Node, bool]], links: Iterable[Link]) -> str:
    """The shortest text. Of each node: whether its index counts, or the next free one will do.

    Raises InputError for what is no topology; places in it are those of the text.
    """
    links = tuple(links)
    explicit = "".join(_lines(settings, links, _explicit(nodes, links)))
    wanted = load_text(explicit, NAME)
    for fabric in _guesses(wanted):
        short = "".join(_lines(settings, links, [fabric]))
        try:
            if _same_shape(load_text(short, NAME), wanted):
                usual = _most_common(links)
                differing = [_link(link, usual) for link in wanted.links if _own(link) != usual]
                short = "".join(
                    _lines(settings, links, [fabric, *(["links:\n"] if differing else []), *differing])
                )
                if load_text(short, NAME) == wanted:
                    return short
        except InputError:
            continue  # not that shape
    return explicit


def _lines(settings: Settings, links: tuple[Link, ...], body: Iterable[str]) -> Iterator[str]:
    plain = Settings(settings.name)
    yield f"name: {json.dumps(settings.name)}\n"
    rate, delay, mtu = _most_common(links)
    if (rate, delay, mtu) != _USUAL:
        yield f"defaults: {{rate: {exact_rate(rate)}, delay: {exact_duration(delay)}, mtu: {mtu}}}\n"
    if settings.dilation != 1:
        yield f"dilation: {'auto' if settings.dilation == AUTO else settings.dilation}\n"
    if settings.srv6 != plain.srv6:
        block, scheme = json.dumps(settings.srv6.block), json.dumps(word_of(settings.srv6.scheme))
        yield f"srv6: {{block: {block}, scheme: {scheme}}}\n"
    if settings.routing is not plain.routing:
        yield f"routing: {settings.routing}\n"
    if settings.bfd is not None:
        interval, multiplier = exact_duration(settings.bfd.interval_ns), settings.bfd.multiplier
        yield f"bgp: {{bfd: {{interval: {interval}, multiplier: {multiplier}}}}}\n"
    if settings.host_prefix != plain.host_prefix:
        yield f"addresses: {{hosts: {json.dumps(settings.host_prefix)}}}\n"
    if settings.transport != plain.transport:
        payload, udp_port = settings.transport.payload, settings.transport.udp_port
        yield f"transport: {{payload: {payload}, udp_port: {udp_port}}}\n"
    if settings.ports is not None:
        own = [json.dumps({"at": port, **words}) for port, words in settings.ports.items()]
        yield (
            "ports: {}\n"
            if not own
            else "".join(("ports:\n  links:\n", *(f"    - {line}\n" for line in own)))
        )
    yield from body


def _explicit(nodes: Iterable[tuple[Node, bool]], links: tuple[Link, ...]) -> Iterator[str]:
    yield "nodes:\n"
    for node, numbered in nodes:
        plane = "" if node.plane is None else f", plane: {node.plane}"
        index = f", index: {node.index}" if numbered else ""
        yield f"  {json.dumps(node.name)}: {{role: {node.role}{plane}{index}}}\n"
    if links:
        yield "links:\n"
        usual = _most_common(links)
        yield from (_link(link, usual) for link in links)


def _link(link: Link, usual: tuple[int, int, int]) -> str:
    words = [f"endpoints: [{json.dumps(str(link.a))}, {json.dumps(str(link.b))}]"]
    if link.rate_bps != usual[0]:
        words.append(f"rate: {exact_rate(link.rate_bps)}")
    if link.delay_ns != usual[1]:
        words.append(f"delay: {exact_duration(link.delay_ns)}")
    if link.mtu != usual[2]:
        words.append(f"mtu: {link.mtu}")
    return f"  - {{{', '.join(words)}}}\n"


def _guesses(topology: Topology) -> Iterator[str]:
    """The compact form that has as many nodes of each kind."""
    count = Counter((node.role, node.plane) for node in topology.nodes)
    t0, t1, hosts = count[Role.T0, 0], count[Role.T1, 0], count[Role.HOST, None]
    if t0 and hosts and hosts % t0 == 0:
        yield (f"fabric: {{planes: {topology.planes}, t0: {t0}, t1: {t1}, hosts_per_t0: {hosts // t0}}}\n")


def _same_shape(one: Topology, other: Topology) -> bool:
    ends = [[(link.a, link.b, link.plane) for link in each.links] for each in (one, other)]
    return one.nodes == other.nodes and ends[0] == ends[1]


def _most_common(links: tuple[Link, ...]) -> tuple[int, int, int]:
    return Counter(_own(link) for link in links).most_common(1)[0][0] if links else _USUAL


def _own(link: Link) -> tuple[int, int, int]:
    return link.rate_bps, link.delay_ns, link.mtu
