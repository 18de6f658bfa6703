"""What the plan says: every address, SID and route, as frozen records of plain text and integers.

IPv6 addresses are text in the form that `inet_ntop` prints, so that equal addresses are equal strings
on both sides of a comparison with the kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mrcnet.plan.queues import Queue
from mrcnet.plan.wiring import Wiring
from mrcnet.topology.model import Bfd, Role, Topology


class Action(StrEnum):
    """What a table entry does with a matching packet."""

    UN = "uN"  # End with NEXT-C-SID: shift 16 bits, look up again (spec 6.2)
    UA = "uA"  # End.X with NEXT-C-SID: shift, then out of one port (spec 6.2)
    FORWARD = "forward"  # a plain static route
    ENCAP = "encap"  # push an outer IPv6 header, one segment, no SRH (spec 6.1)
    DECAP = "decap"  # End.DT6 into the local table: a host takes the carrier off (spec 6.4)
    UDT6 = "uDT6"  # End.DT6 into the main table: a T0 takes it off for its hosts
    ECMP = "ecmp"  # one next hop to a host's prefix; a hash of the 5-tuple chooses among those of a prefix


@dataclass(frozen=True, slots=True)
class Route:
    """A static table entry. `via` is the next hop (for uA: its neighbour), `segs` the carrier of an encap."""

    dst: str
    action: Action
    dev: str
    via: str | None = None
    segs: str | None = None


@dataclass(frozen=True, slots=True)
class Port:
    """A port and its far end. `addresses` are global ones (`.../128`); `link_local` has no prefix length."""

    name: str
    plane: int
    mac: str
    link_local: str
    addresses: tuple[str, ...]
    mtu: int
    rate_bps: int
    delay_ns: int
    peer_node: str
    peer_port: str
    peer_mac: str
    peer_link_local: str
    queue: Queue | None = None  # None: the port is not shaped


@dataclass(frozen=True, slots=True)
class Speaker:
    """A node as a speaker of eBGP: its AS number, its router id (an IPv4 address), its BFD timers."""

    asn: int
    router_id: str
    bfd: Bfd


@dataclass(frozen=True, slots=True)
class NodePlan:
    """All that one node must hold. `locator` is its uN prefix (None for hosts).

    Where packets are routed without SRv6: `address` is a host's own, on its loopback; `learned` what daemons
    put into the table, for which the node is a `speaker`; `hash_seed` the node's
    own, for nodes that hash alike leave most ways unused.
    """

    name: str
    role: Role
    plane: int | None
    locator: str | None
    ports: tuple[Port, ...]
    routes: tuple[Route, ...]
    address: str | None = None
    learned: tuple[Route, ...] = ()
    hash_seed: int | None = None
    speaker: Speaker | None = None

    def port(self, name: str) -> Port:
        """The port called `name`; KeyError if there is none."""
        for port in self.ports:
            if port.name == name:
                return port
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Path:
    """One EV of an ordered pair of hosts: 32-bit value, plane, the source's port, the outer address.

    Without SRv6: what leaves by one port, wherever it is hashed to behind it; the address is the peer's.
    """

    ev: int
    plane: int
    port: str
    carrier: str


@dataclass(frozen=True, slots=True)
class Hop:
    """A packet's outer destination as it arrives at (at the source: leaves) a node."""

    node: str
    da: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A remark of lint. `severity` is `error` (up refuses) or `warning`."""

    severity: str
    code: str
    message: str


class Keeper(StrEnum):
    """Who keeps a node's tables, where that is not mrcnet alone."""

    SCRIPT = "script"  # one that has run; mrcnet adds what is missing
    KERNEL = "kernel"  # a program whose routes are the namespace's: they can be read, and are left to it
    OWN = "own"  # a program with tables of its own, of which the namespace tells nothing


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan. `hosts` in order of index; `wiring` is the topology as look-ups, for `paths`.

    `keepers`: by node, in a lab that another program made.
    """

    topology: Topology
    nodes: Mapping[str, NodePlan]
    hosts: tuple[str, ...]
    lint: tuple[Finding, ...]
    wiring: Wiring = field(repr=False, compare=False)
    keepers: Mapping[str, Keeper] = field(default_factory=dict)
