"""What the kernel itself counts at the ports and in the nodes of a lab, beside the ports' program."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mrcnet.kernel import links, marks, netns
from mrcnet.kernel.handles import Handles
from mrcnet.kernel.netlink import attributes, number
from mrcnet.kernel.ports import LabPorts, read_shapers
from mrcnet.port.model import PortCounters
from mrcnet.topology.model import End

_IFLA_CARRIER_CHANGES = 35
_HEAD = 16  # bytes of a link message before its attributes
_MADE, _MADE_TO_MANY = "Ip6OutRequests", "Ip6OutMcastPkts"
_ASTRAY = ("Ip6InNoRoutes", "Ip6OutNoRoutes", "Ip6InHdrErrors", "Ip6InTruncatedPkts", "Ip6InDiscards")
_EMPTY_WITHIN_S = 5.0
_LOOK_EVERY_S = 0.01


@dataclass(frozen=True, slots=True)
class PortSeen:
    """A port at an instant: what its program counted, frames that came in, how often its link came or went,
    what its shaper has dropped, and how many bytes it still holds.
    """

    counters: PortCounters
    received: int
    changes: int
    shaper_drops: int
    backlog: int


@dataclass(frozen=True, slots=True)
class FabricSeen:
    """All ports, and by node the frames that the kernel had no way for, and those that it made itself."""

    ports: Mapping[End, PortSeen]
    astray: Mapping[str, int]
    made: Mapping[str, int]


def look(lab_name: str, ports: LabPorts, *, at_rest: bool = False) -> FabricSeen:
    """Read all counters of a lab; `at_rest`: once its shapers are empty, or do not become so."""
    deadline = time.monotonic() + _EMPTY_WITHIN_S
    shapers = read_shapers(lab_name)
    while at_rest and any(one.backlog for one in shapers.values()) and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)
        shapers = read_shapers(lab_name)
    received: dict[End, int] = {}
    changes: dict[End, int] = {}
    astray: dict[str, int] = {}
    made: dict[str, int] = {}
    nodes = [one.node for one in marks.owned(lab_name)]
    with Handles(lab_name, len(nodes)) as handles:
        for node in nodes:
            for body in handles.socket(node).dump(links.list_links()):
                end = End(node, links.read_link(body).name)
                changes[end] = number(attributes(body[_HEAD:]).get(_IFLA_CARRIER_CHANGES, b"\0\0\0\0"))
            with netns.inside(netns.path_of(lab_name, node)):
                received |= {End(node, name): count for name, count in _received().items()}
                astray[node], made[node] = _astray_and_made()
    counters = ports.counters()
    return FabricSeen(
        ports={
            end: PortSeen(
                counters[end],
                received.get(end, 0),
                changes.get(end, 0),
                shapers[end].drops if end in shapers else 0,
                shapers[end].backlog if end in shapers else 0,
            )
            for end in counters
        },
        astray=astray,
        made=made,
    )


def _received() -> dict[str, int]:
    """{interface: frames that came in} of the current namespace, without what kernels say to all when a port
    comes up (MLD): that the far port does not count as sent.
    """
    lines = Path("/proc/thread-self/net/dev").read_text().splitlines()[2:]
    named = (line.partition(":") for line in lines)
    frames = {name.strip(): int(words.split()[1]) for name, _, words in named}
    return {name: max(0, count - _to_many(name)) for name, count in frames.items()}


def _to_many(name: str) -> int:
    """IPv6 packets to a multicast address that came in at an interface of the current namespace."""
    try:
        lines = Path(f"/proc/thread-self/net/dev_snmp6/{name}").read_text().splitlines()
    except FileNotFoundError:  # it has no IPv6
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Ip6InMcastPkts"))


def _astray_and_made() -> tuple[int, int]:
    """IPv6 packets of the current namespace: those that the kernel dropped for want of a way; unicast ones of
    its own, which are ICMP errors, and what daemons say.
    """
    lines = Path("/proc/thread-self/net/snmp6").read_text().splitlines()
    found = {name: int(value) for name, value in map(str.split, lines)}
    return sum(found[name] for name in _ASTRAY), max(0, found[_MADE] - found[_MADE_TO_MANY])
