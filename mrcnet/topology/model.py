"""The resolved topology: what a fabric is, after defaults, shapes and omissions are worked out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mrcnet.topology.scheme import Scheme

AUTO = 0  # a dilation that `up` chooses, as small as this machine can carry


class Role(StrEnum):
    """A node's tier."""

    HOST = "host"
    T0 = "t0"
    T1 = "t1"


class Routing(StrEnum):
    """How packets find their way. Only with `srv6` does a sender choose its path, as MRC must."""

    SRV6 = "srv6"  # static uSID tables; the carrier names the path
    ECMP = "ecmp"  # static host prefixes; a hash of the 5-tuple chooses among equal next hops
    BGP = "bgp"  # the same prefixes, learned by daemons


@dataclass(frozen=True, slots=True)
class Bfd:
    """How fast BGP's neighbours find out that a link is dead: after so many intervals (ns) of silence."""

    interval_ns: int
    multiplier: int


@dataclass(frozen=True, slots=True)
class Node:
    """A host or a switch. `plane` is None for hosts; `index` counts from 0 within role and plane."""

    name: str
    role: Role
    plane: int | None
    index: int


@dataclass(frozen=True, slots=True)
class End:
    """One side of a link: a node and the name of its port (an interface name)."""

    node: str
    port: str

    def __str__(self) -> str:
        return f"{self.node}:{self.port}"


@dataclass(frozen=True, slots=True)
class Link:
    """A cable. `a` is the lower tier (host below T0 below T1). Rate in bit/s, delay in ns, MTU in bytes."""

    a: End
    b: End
    plane: int
    rate_bps: int
    delay_ns: int
    mtu: int


@dataclass(frozen=True, slots=True)
class Depth:
    """How much a queue holds: so many bytes, and so many times the plane's BDP."""

    bytes: int = 0
    bdp: float = 0.0

    def __str__(self) -> str:
        return f"{self.bdp:g}bdp" if self.bdp or not self.bytes else f"{self.bytes} bytes"


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """The egress queue of one port, in production units. A depth of None is never reached.

    A frame is judged by what it finds before it. Marks: with a probability that grows from 0 at `ecn_min` to
    1 at `ecn_max`. A host's queue has a rate and nothing else: its NIC gives it only what it has room for.
    """

    end: End
    rate_bps: int
    ecn_min: Depth | None = None
    ecn_max: Depth | None = None
    trim: Depth | None = None
    trim_size: int = 0  # bytes of the frame that are left
    drop: Depth | None = None
    control_drop: Depth | None = None


@dataclass(frozen=True, slots=True)
class Srv6:
    """The locator block, e.g. `fcbb:bb00::/32`, with `p` in it one a plane; and the SID scheme."""

    block: str
    scheme: Scheme


@dataclass(frozen=True, slots=True)
class Transport:
    """What the fabric must carry: payload per packet in bytes (the path MTU of MRC), UDP destination port."""

    payload: int
    udp_port: int


@dataclass(frozen=True, slots=True)
class Topology:
    """A whole fabric. Nodes are ordered hosts, then T0 and T1 by plane; links by plane and tier.

    `dilation`: wall time over fabric time; AUTO until it is settled (`plan.build.dilated`).
    """

    name: str
    planes: int
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    dilation: int
    srv6: Srv6
    host_prefix: str  # /32 from which the hosts' plane addresses are cut
    transport: Transport
    queues: tuple[QueueSettings, ...] = ()  # of every port, links' ends in order
    has_ports: bool = False  # the file has `ports`
    routing: Routing = Routing.SRV6
    bfd: Bfd | None = None  # of routing by BGP

    @property
    def shaped(self) -> bool:
        """Whether ports have their queues and rates; if not, a link is as fast as the CPU."""
        return self.has_ports or self.dilation != 1
