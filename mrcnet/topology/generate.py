"""The compact form worked out: the nodes and cables of a regular fabric.

Ports are numbered as if nothing were ever omitted, so that leaving a link out renames no other port:
a host's port in plane p is `eth{p+1}`; a T0 has its hosts on eth1 and up, then its T1s in order; a T1
has its T0s in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mrcnet.topology.model import End, Node, Role
from mrcnet.topology.raw import Fabric, HostSettings


@dataclass(frozen=True, slots=True)
class Cable:
    """Two ends that are linked, the lower tier first, in a plane."""

    a: End
    b: End
    plane: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some nodes of the fabric and some links between them, named and numbered as in it; not shaped."""

    nodes: tuple[Node, ...]
    cables: tuple[Cable, ...]


def switch_name(role: Role, plane: int, index: int) -> str:
    """T0 number 1 of plane 0 -> `p0-t0-1`."""
    return f"p{plane}-{role}-{index}"


def generate_nodes(fabric: Fabric) -> Iterator[Node]:
    """Every host and switch of the fabric."""
    for index in range(hosts_of(fabric)):
        yield Node(f"h{index}", Role.HOST, None, index)
    for plane in range(fabric.planes):
        for role, count in zip((Role.T0, Role.T1), tiers(fabric, plane), strict=True):
            for index in range(count):
                yield Node(switch_name(role, plane, index), role, plane, index)


def generate_cables(fabric: Fabric, differing: Mapping[str, HostSettings]) -> Iterator[Cable]:
    """Every link of the fabric, less the ports that `differing` hosts do not have."""
    for plane in range(fabric.planes):
        t0_count, t1_count = tiers(fabric, plane)
        for index in range(hosts_of(fabric)):
            settings = differing.get(f"h{index}")
            if settings is None or settings.planes is None or plane in settings.planes:
                yield host_cable(fabric, plane, index)
        for low in range(t0_count):
            for high in range(t1_count):
                yield switch_cable(fabric, plane, low, high)


def host_cable(fabric: Fabric, plane: int, index: int) -> Cable:
    """The link of host number `index` in a plane."""
    share = hosts_on_t0(fabric, plane)
    t0 = switch_name(Role.T0, plane, index // share)
    return Cable(End(f"h{index}", f"eth{plane + 1}"), End(t0, f"eth{index % share + 1}"), plane)


def switch_cable(fabric: Fabric, plane: int, low: int, high: int) -> Cable:
    """The link between T0 number `low` and T1 number `high` of a plane."""
    t0, t1 = switch_name(Role.T0, plane, low), switch_name(Role.T1, plane, high)
    port = f"eth{hosts_on_t0(fabric, plane) + high + 1}"
    return Cable(End(t0, port), End(t1, f"eth{low + 1}"), plane)


def most_ports(fabric: Fabric) -> int:
    """The number of ports of the T0 that has most."""
    return max(hosts_on_t0(fabric, plane) + tiers(fabric, plane)[1] for plane in range(fabric.planes))


def hosts_of(fabric: Fabric) -> int:
    """How many hosts the fabric has."""
    return fabric.t0 * fabric.hosts_per_t0


def links_of(fabric: Fabric) -> int:
    """How many links the fabric has, if every host has a port in every plane."""
    between = (tiers(fabric, plane) for plane in range(fabric.planes))
    return hosts_of(fabric) * fabric.planes + sum(t0 * t1 for t0, t1 in between)


def hosts_on_t0(fabric: Fabric, plane: int) -> int:
    """Hosts per T0 of a plane: spread evenly and in order, so that the last T0s may have fewer."""
    return -(-hosts_of(fabric) // tiers(fabric, plane)[0])


def tiers(fabric: Fabric, plane: int) -> tuple[int, int]:
    """The numbers of T0s and T1s of a plane."""
    shape = fabric.plane_shapes.get(plane)
    t0 = fabric.t0 if shape is None or shape.t0 is None else shape.t0
    t1 = fabric.t1 if shape is None or shape.t1 is None else shape.t1
    return t0, t1
