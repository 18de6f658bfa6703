"""A raw topology worked out: generated and explicit parts joined, settings inherited, wiring checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mrcnet.errors import InputError
from mrcnet.topology.document import Document, KeyPath
from mrcnet.topology.generate import (
    Cable,
    Excerpt,
    generate_cables,
    generate_nodes,
    hosts_of,
    links_of,
    most_ports,
)
from mrcnet.topology.model import Bfd, End, Link, Node, Role, Routing, Srv6, Topology, Transport
from mrcnet.topology.names import MAX_INDEX, interface_name, suggest
from mrcnet.topology.queues import resolve_queues
from mrcnet.topology.raw import Bgp, ExplicitNode, Fabric, LinkSettings, Ports, RawTopology
from mrcnet.topology.schemefile import scheme_of
from mrcnet.topology.schemefit import check_fit

TIERS = (Role.HOST, Role.T0, Role.T1)
# Of a fabric that is worked out as a whole:
MAX_HOST_ROUTES = 2**23  # 1 024 hosts with 8 planes, about 3 GB
MAX_LINKS = 2**14  # half a second
BUILT_IN = LinkSettings(rate=100 * 10**9, delay=500, mtu=9000)


def resolve(raw: RawTopology, document: Document, name: str, excerpt: Excerpt | None = None) -> Topology:
    """Work out `raw`, whose places are in `document`, or an excerpt of the fabric that it generates.

    Raises InputError for what cannot be built.
    """
    build = _Build(raw, document, excerpt)
    srv6 = srv6_of(raw, document)
    build.add_generated()
    build.add_explicit_nodes()
    build.omit()
    build.add_explicit_links()
    build.check()
    if raw.routing == "srv6":
        check_fit(raw, document, build.nodes.values(), srv6)
    bfd = _bfd(raw, document)
    nodes = sorted(build.nodes.values(), key=_node_order)
    position = {node.name: number for number, node in enumerate(nodes)}
    links = [build.link(cable) for cable in build.cables]
    tier = {node.name: TIERS.index(node.role) for node in nodes}
    links.sort(key=lambda link: (link.plane, tier[link.a.node], position[link.a.node], position[link.b.node]))
    return Topology(
        name=name,
        planes=build.planes,
        nodes=tuple(nodes),
        links=tuple(links),
        dilation=raw.dilation,
        queues=resolve_queues(raw.ports or Ports(), document, build.nodes, links) if excerpt is None else (),
        has_ports=raw.ports is not None,
        routing=Routing(raw.routing),
        bfd=bfd,
        srv6=srv6,
        host_prefix=raw.addresses.hosts,
        transport=Transport(raw.transport.payload, raw.transport.udp_port),
    )


def srv6_of(raw: RawTopology, document: Document) -> Srv6:
    """Block and scheme. Raises InputError if there is no such scheme."""
    try:
        scheme = scheme_of(raw.srv6.scheme)
    except InputError as wrong:
        error = document.error(("srv6", "scheme"), wrong.message)
        error.remedy = wrong.remedy
        raise error from None
    return Srv6(raw.srv6.block or scheme.block.text, scheme)


def host_routes(fabric: Fabric) -> int:
    """How many routes the hosts of a whole fabric hold: one a peer and plane."""
    return hosts_of(fabric) ** 2 * fabric.planes


def too_large(fabric: Fabric) -> bool:
    """Whether a fabric can be worked out in parts only (`topology.excerpt`)."""
    return host_routes(fabric) > MAX_HOST_ROUTES or links_of(fabric) > MAX_LINKS


def _bfd(raw: RawTopology, document: Document) -> Bfd | None:
    """BFD's timers, if this fabric routes by BGP. InputError for what contradicts that."""
    if raw.routing != "bgp":
        if raw.bgp is not None:
            raise document.error(("bgp",), f"goes with routing: bgp, not {raw.routing}", key=True)
        return None
    if raw.dilation != 1:
        raise document.error(("dilation",), "routing: bgp runs at dilation 1: its daemons keep wall time")
    bfd = (raw.bgp or Bgp()).bfd
    return Bfd(bfd.interval, bfd.multiplier)


def _node_order(node: Node) -> tuple[int, int, int]:
    if node.plane is None:
        return -1, 0, node.index
    return node.plane, TIERS.index(node.role), node.index


@dataclass(slots=True)
class _Build:
    """A topology being put together. `cables` maps each link to its own settings, if it has any."""

    raw: RawTopology
    document: Document
    excerpt: Excerpt | None
    nodes: dict[str, Node] = field(default_factory=dict)
    cables: dict[Cable, LinkSettings | None] = field(default_factory=dict)
    places: dict[Cable, KeyPath] = field(default_factory=dict)
    generated: dict[tuple[str, str], Cable] = field(default_factory=dict)
    usual: dict[tuple[Role, int], tuple[int, int, int]] = field(default_factory=dict)
    planes: int = 0

    def add_generated(self) -> None:
        fabric, hosts, error = self.raw.fabric, self.raw.hosts, self.document.error
        if fabric is not None:
            self.planes = fabric.planes
            if (most := most_ports(fabric)) > MAX_INDEX:  # said before a huge fabric is generated
                raise error(("fabric",), f"a T0 would have {most} ports; at most {MAX_INDEX} fit a uSID")
            part = self.excerpt
            if part is None and too_large(fabric):
                raise self._too_large(fabric)
            self.nodes = {node.name: node for node in (part.nodes if part else generate_nodes(fabric))}
            for cable in part.cables if part else generate_cables(fabric, hosts):
                self.cables[cable] = None
                self.generated[cable.a.node, cable.b.node] = cable
            for plane in fabric.plane_shapes:
                if plane >= self.planes:
                    raise error(("fabric", "plane_shapes", str(plane)), self._no_plane(plane), key=True)
        known = [node.name for node in self.nodes.values() if node.role is Role.HOST]
        for name, settings in hosts.items():
            if name not in known:
                message = f"the fabric generates no such host{suggest(name, known)}"
                raise error(("hosts", name), message, key=True)
            for number, plane in enumerate(settings.planes or ()):
                if plane >= self.planes:
                    raise error(("hosts", name, "planes", number), self._no_plane(plane))

    def _too_large(self, fabric: Fabric) -> InputError:
        error = self.document.error(
            ("fabric",),
            f"{hosts_of(fabric)} hosts with {fabric.planes} planes are too many to be worked out as a whole: "
            f"{host_routes(fabric)} routes of hosts and {links_of(fabric)} links, "
            f"at most {MAX_HOST_ROUTES} and {MAX_LINKS}",
        )
        error.remedy = (
            "`mrcnet plan` answers for a regular fabric of any size, part by part (--node, --pair, "
            "--tables, --each-link); regular: without hosts, nodes, links, omit, ports, dilation, routing"
        )
        return error

    def _no_plane(self, plane: int) -> str:
        return f"there is no plane {plane}; the fabric's planes are 0 to {self.planes - 1}"

    def add_explicit_nodes(self) -> None:
        taken = {(node.role, node.plane, node.index) for node in self.nodes.values()}
        unnumbered: list[tuple[str, ExplicitNode]] = []
        for name, node in self.raw.nodes.items():
            if name in self.nodes:
                raise self.document.error(("nodes", name), "the fabric already generates this node", key=True)
            if (node.role == "host") != (node.plane is None):
                message = "a host has no plane" if node.role == "host" else "a switch needs a plane"
                raise self.document.error(("nodes", name), message)
            index = node.index if node.index is not None else _index_in_name(name, node)
            if index is None or (node.index is None and (Role(node.role), node.plane, index) in taken):
                unnumbered.append((name, node))
            else:
                self._add_node(name, node, index, taken)
        for name, node in unnumbered:
            peers = [index for role, plane, index in taken if (role, plane) == (node.role, node.plane)]
            self._add_node(name, node, max(peers, default=-1) + 1, taken)
        self.planes = max(
            [self.planes, *(node.plane + 1 for node in self.nodes.values() if node.plane is not None)]
        )

    def _add_node(
        self, name: str, node: ExplicitNode, index: int, taken: set[tuple[Role, int | None, int]]
    ) -> None:
        key = (Role(node.role), node.plane, index)
        if key in taken:
            raise self.document.error(("nodes", name, "index"), f"another {node.role} has the index {index}")
        if node.plane is not None and index >= MAX_INDEX:
            message = f"its index would be {index}; the highest that fits a uSID is {MAX_INDEX - 1}"
            raise self.document.error(("nodes", name), message)
        taken.add(key)
        self.nodes[name] = Node(name, *key)

    def omit(self) -> None:
        for number, text in enumerate(self.raw.omit):
            path = ("omit", number)
            if text in self.nodes:
                if text in self.raw.nodes:
                    raise self.document.error(path, f"{text!r} is an explicit node; remove it from `nodes`")
                del self.nodes[text]
                self._drop([ends for ends in self.generated if text in ends])
                continue
            one, _, other = text.partition(":")
            found = [ends for ends in ((one, other), (other, one)) if ends in self.generated]
            if not found:
                known = [*self.nodes, *(":".join(ends) for ends in self.generated)]
                raise self.document.error(path, f"no generated node or link {text!r}{suggest(text, known)}")
            self._drop(found)

    def _drop(self, found: list[tuple[str, str]]) -> None:
        for ends in found:
            del self.cables[self.generated.pop(ends)]

    def add_explicit_links(self) -> None:
        for number, link in enumerate(self.raw.links):
            path: KeyPath = ("links", number)
            ends = [self._end(text, (*path, "endpoints", side)) for side, text in enumerate(link.endpoints)]
            low, high = sorted(ends, key=lambda end: TIERS.index(self.nodes[end[0]].role))
            cable = self._generated(low, high) or self._further(low, high, path)
            if self.cables.get(cable) is not None:
                first = self.document.where(self.places[cable]).line
                raise self.document.error(path, f"this link is already described on line {first}")
            self.cables[cable] = link
            self.places[cable] = path

    def _end(self, text: str, path: KeyPath) -> tuple[str, str]:
        node, _, port = text.partition(":")
        if node not in self.nodes:
            raise self.document.error(path, f"no node {node!r}{suggest(node, self.nodes)}")
        try:
            return node, interface_name(port) if ":" in text else ""
        except ValueError as invalid:
            raise self.document.error(path, str(invalid)) from None

    def _generated(self, low: tuple[str, str], high: tuple[str, str]) -> Cable | None:
        cable = self.generated.get((low[0], high[0]))
        if cable and low[1] in ("", cable.a.port) and high[1] in ("", cable.b.port):
            return cable
        return None

    def _further(self, low: tuple[str, str], high: tuple[str, str], path: KeyPath) -> Cable:
        a, b = self.nodes[low[0]], self.nodes[high[0]]
        if (a.role, b.role) not in ((Role.HOST, Role.T0), (Role.T0, Role.T1)):
            message = (
                f"{a.name} ({a.role}) and {b.name} ({b.role}) cannot be linked; links are host-T0 or T0-T1"
            )
            raise self.document.error(path, message)
        if a.plane is not None and a.plane != b.plane:
            message = f"{a.name} is in plane {a.plane} and {b.name} in plane {b.plane}; planes are isolated"
            raise self.document.error(path, message)
        if not (low[1] and high[1]):
            message = "the fabric generates no such link; a further one needs both ports, like h9:eth1"
            raise self.document.error((*path, "endpoints"), message)
        assert b.plane is not None
        return Cable(End(*low), End(*high), b.plane)

    def check(self) -> None:
        """Refuse ports used twice, hosts with two ports in a plane, switches with too many, empty fabrics."""
        ports: set[End] = set()
        host_planes: set[tuple[str, int]] = set()
        ports_of: dict[str, int] = {}
        for cable in self.cables:
            path = self.places.get(cable, ())
            for end in (cable.a, cable.b):
                if end in ports:
                    raise self.document.error(path, f"port {end} is used twice")
                ports.add(end)
                ports_of[end.node] = ports_of.get(end.node, 0) + 1
                if ports_of[end.node] > MAX_INDEX:
                    raise self.document.error(
                        path or ("fabric",), f"{end.node} has more than {MAX_INDEX} ports"
                    )
            if self.nodes[cable.a.node].role is Role.HOST:
                if (cable.a.node, cable.plane) in host_planes:
                    message = (
                        f"{cable.a.node} has two ports in plane {cable.plane}; a host has one in a plane"
                    )
                    raise self.document.error(path, message)
                host_planes.add((cable.a.node, cable.plane))
        if not self.cables and self.excerpt is None:
            raise self.document.error((), "the fabric is empty: it has no links")

    def link(self, cable: Cable) -> Link:
        """The link with its settings: its own, its plane's, its kind's, all links', the built-in ones."""
        alike, own = (self.nodes[cable.a.node].role, cable.plane), self.cables[cable]
        if own is not None:
            return Link(cable.a, cable.b, cable.plane, *self._settings(*alike, own))
        if alike not in self.usual:
            self.usual[alike] = self._settings(*alike, None)
        return Link(cable.a, cable.b, cable.plane, *self.usual[alike])

    def _settings(self, lower: Role, plane: int, own: LinkSettings | None) -> tuple[int, int, int]:
        """Rate, delay and MTU of a link up from a node of such a tier."""
        kind = self.raw.kinds.host if lower is Role.HOST else self.raw.kinds.fabric
        shape = self.raw.fabric.plane_shapes.get(plane) if self.raw.fabric else None
        levels = [level for level in (own, shape, kind, self.raw.defaults, BUILT_IN) if level]

        def nearest(key: str) -> int:
            values: Iterator[int | None] = (getattr(level, key) for level in levels)
            return next(value for value in values if value is not None)

        return nearest("rate"), nearest("delay"), nearest("mtu")


def _index_in_name(name: str, node: ExplicitNode) -> int | None:
    """`p0-t0-5` as T0 of plane 0 -> 5; None if the name does not have the generated form."""
    prefix = "h" if node.role == "host" else f"p{node.plane}-{node.role}-"
    digits = name.removeprefix(prefix)
    return int(digits) if name.startswith(prefix) and digits.isdecimal() and len(digits) < 7 else None
