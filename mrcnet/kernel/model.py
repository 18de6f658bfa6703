"""What a node's namespace holds, in words that plan and kernel share, and the changes between the two."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum

from mrcnet.kernel.routes import RouteSeen
from mrcnet.plan.model import Route
from mrcnet.port.model import PortConfig
from mrcnet.topology.model import End
from mrcnet.units import format_rate


@dataclass(frozen=True, slots=True)
class Device:
    """An interface. MAC, MTU and `peer` are empty, 0 and None for what is no end of a link.

    `silenced`: a silent cut eats what it sends. `rate`: what it is shaped to, bytes/s of wall time; 0: it is
    not. `queue`: what its program is told; None: nothing. `faults` that its program plays, by name.
    """

    name: str
    kind: str
    up: bool
    mac: str = ""
    mtu: int = 0
    peer: End | None = None
    silenced: bool = False
    rate: int = 0
    queue: PortConfig | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Address:
    """An address of a port with its prefix length."""

    port: str
    cidr: str

    def __str__(self) -> str:
        return f"{self.cidr} on {self.port}"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A neighbour that is never asked for its MAC."""

    port: str
    address: str
    mac: str

    def __str__(self) -> str:
        return f"{self.address} at {self.mac} on {self.port}"


@dataclass(frozen=True, slots=True)
class Sysctl:
    """A setting under net.ipv6.conf; `scope` is an interface, `all` or `default`.

    Without a scope: a setting of the whole namespace, by its full name.
    """

    scope: str
    name: str
    value: str

    def __str__(self) -> str:
        name = f"net.ipv6.conf.{self.scope}.{self.name}" if self.scope else self.name
        return f"{name}={self.value}"


@dataclass(frozen=True, slots=True)
class Daemon:
    """A routing daemon of a node, by the name of its program, and the whole text that configures it."""

    name: str
    config: str = field(repr=False)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Cable:
    """A link to be made."""

    a: End
    b: End
    mac_a: str
    mac_b: str
    mtu: int

    def __str__(self) -> str:
        return f"{self.a} -- {self.b}"


@dataclass(frozen=True, slots=True)
class Setting:
    """A property of an interface that is to be changed: `up`, `mtu`, `silenced` or `faults`."""

    port: str
    name: str
    value: int

    def __str__(self) -> str:
        return f"{self.port} {self.name}={self.value}"


@dataclass(frozen=True, slots=True)
class PortQueue:
    """The egress queue that a port is to have: rate in bytes/s of wall time, and what its program is told.

    `was`: what it has, for a port that has one.
    """

    port: str
    rate: int
    config: PortConfig | None
    was: PortQueue | None = None

    def __str__(self) -> str:
        return f"{self.port} {format_rate(8 * self.rate)} wall" if self.rate else f"{self.port} not shaped"


@dataclass(frozen=True, slots=True)
class NodeState:
    """All that we look after in one namespace, as planned or as found.

    Planned sets keep the plan's order. `odd_routes` bear our protocol number but no shape of ours; `others`
    have a shape of ours, and were made by somebody else.
    """

    name: str
    devices: Mapping[str, Device]
    addresses: AbstractSet[Address]
    neighbours: AbstractSet[Neighbour]
    routes: AbstractSet[Route]
    sysctls: AbstractSet[Sysctl]
    odd_routes: tuple[RouteSeen, ...] = ()
    daemons: tuple[Daemon, ...] = ()
    others: AbstractSet[Route] = frozenset()


class Part(StrEnum):
    """What shaped ports need."""

    QUEUES = "port queues"  # the program: without, nothing is marked, trimmed, dropped or counted
    SHAPER = "shaper"  # without, a frame never waits


class Op(StrEnum):
    """What a change does."""

    ADD = "add"
    REMOVE = "remove"
    SET = "set"


class Kind(StrEnum):
    """What a change is about."""

    NAMESPACE = "namespace"
    LINK = "link"
    PORT = "port"
    QUEUE = "queue"
    SYSCTL = "sysctl"
    ADDRESS = "address"
    NEIGHBOUR = "neighbour"
    ROUTE = "route"
    DAEMON = "daemon"


Item = (
    str
    | End
    | Cable
    | Device
    | Setting
    | PortQueue
    | Sysctl
    | Address
    | Neighbour
    | Route
    | RouteSeen
    | Daemon
)


@dataclass(frozen=True, slots=True)
class Change:
    """One step from what is to what is planned. `item` is the thing itself, `what` its words."""

    op: Op
    kind: Kind
    node: str
    item: Item
    reason: str

    @property
    def what(self) -> str:
        """The thing that changes, in words."""
        if isinstance(self.item, Route):
            return _route(self.item)
        if isinstance(self.item, RouteSeen):
            return f"{self.item.dst} metric {self.item.metric}"
        if isinstance(self.item, Device):
            return f"{self.item.name} ({self.item.kind})"
        return str(self.item)

    def __str__(self) -> str:
        return f"{self.op} {self.kind} {self.node}: {self.what} ({self.reason})"


def _route(route: Route) -> str:
    via = f" via {route.via}" if route.via else ""
    segs = f" segs {route.segs}" if route.segs else ""
    return f"{route.dst} {route.action}{segs}{via} dev {route.dev}"
