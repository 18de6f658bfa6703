"""Whether the uSIDs of a scheme can tell all parts of a fabric apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mrcnet.topology.document import Document
from mrcnet.topology.generate import hosts_on_t0, most_ports, tiers
from mrcnet.topology.model import Node, Role, Srv6
from mrcnet.topology.raw import RawTopology
from mrcnet.topology.scheme import Decap, Scheme, block_pattern
from mrcnet.topology.schemefile import shipped


@dataclass(frozen=True, slots=True)
class Needs:
    """The most to be counted: planes; in a plane T0s, and T1s; at a T0 hosts; ports of a switch."""

    planes: int
    t0: int
    t1: int
    hosts: int
    ports: int


def misfits(scheme: Scheme, need: Needs) -> Iterator[str]:
    """What a scheme cannot count, in words."""
    t0_ports = need.t0 if scheme.down is not None else 0
    limits = (
        ("planes", need.planes, scheme.planes),
        ("T0s in a plane", need.t0, scheme.t0.indexes),
        ("T1s in a plane", need.t1, scheme.t1.indexes),
        ("hosts at a T0", need.hosts if scheme.decap is Decap.HOST else 0, scheme.dst.indexes),
        ("ports of a switch", need.ports, scheme.port.indexes if scheme.port is not None else need.ports),
        ("T1s above a T0", need.t1, scheme.up.indexes if scheme.up is not None else need.t1),
        ("T0s below a T1", t0_ports, scheme.down.indexes if scheme.down is not None else 0),
    )
    for what, number, most in limits:
        if number > most:
            yield f"the scheme {scheme.name} can tell {most} {what} apart, not {number}"


def check_fit(raw: RawTopology, document: Document, nodes: Iterable[Node], srv6: Srv6) -> None:
    """Raise InputError if a fabric has more of anything than its scheme can count."""
    scheme = replace(srv6.scheme, block=block_pattern(srv6.block))
    most = {Role.T0: 0, Role.T1: 0}
    planes = 0
    for node in nodes:
        if node.plane is not None:
            most[node.role] = max(most[node.role], node.index + 1)
            planes = max(planes, node.plane + 1)
    hosts = ports = 0
    if (fabric := raw.fabric) is not None:
        every = [tiers(fabric, plane) for plane in range(fabric.planes)]
        most[Role.T0] = max(most[Role.T0], *(t0s for t0s, _ in every))
        most[Role.T1] = max(most[Role.T1], *(t1s for _, t1s in every))
        planes = max(planes, fabric.planes)
        hosts = max(hosts_on_t0(fabric, plane) for plane in range(fabric.planes))
        ports = max(most_ports(fabric), *(t0s for t0s, _ in every))
    for why in misfits(scheme, Needs(planes, most[Role.T0], most[Role.T1], hosts, ports)):
        error = document.error(("srv6", "scheme"), why)
        error.remedy = f"take one with wider fields; shipped are {', '.join(shipped())}"
        raise error
