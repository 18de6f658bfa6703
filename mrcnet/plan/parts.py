"""Parts of a plan, made when they are asked for: a node, a pair of hosts, one switch after the other.

Of a regular fabric a part is planned from an excerpt, by the functions that plan the whole: at once, whatever
its size. What a host sends is the one thing that grows with the square of a fabric. A NIC holds no route a
peer but a template a destination T0 (spec 6.3, step 1), and so does a plan where the whole were too large.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import groupby

from mrcnet.plan.build import build_plan
from mrcnet.plan.capacity import Leaf, leaves, leaves_alike
from mrcnet.plan.counts import Counts
from mrcnet.plan.model import NodePlan, Plan
from mrcnet.plan.paths import ONLY_UPLINK
from mrcnet.plan.profile import EvProfile, Steering, steer, steering_of
from mrcnet.plan.tables import node_plan
from mrcnet.plan.usid import Sids, sids_of
from mrcnet.plan.wiring import wire
from mrcnet.topology.excerpt import around, between, node_called, regular
from mrcnet.topology.generate import generate_nodes, hosts_of, hosts_on_t0, tiers
from mrcnet.topology.load import Outline, work_out
from mrcnet.topology.model import Node, Role
from mrcnet.topology.raw import Fabric
from mrcnet.topology.resolve import srv6_of, too_large


class Parts:
    """The parts of a topology. `fabric` is its compact form if it is regular, else None."""

    def __init__(self, outline: Outline) -> None:
        """Raises InputError for what cannot be built, and for a fabric too large that is not regular."""
        self.outline = outline
        self.fabric = regular(outline)
        self._whole = wire(work_out(outline)) if self.fabric is None else None

    @property
    def too_large(self) -> bool:
        """Whether the fabric can be planned in parts only."""
        return self.fabric is not None and too_large(self.fabric)

    def names(self) -> Iterator[str]:
        """The names of all nodes, hosts first."""
        return (node.name for node in self._nodes())

    def hosts(self) -> Iterator[str]:
        """The names of all hosts."""
        return (node.name for node in self._nodes() if node.role is Role.HOST)

    def is_host(self, name: str) -> bool:
        """Whether there is a host of that name."""
        if self._whole is not None:
            return name in self._whole.attachments
        assert self.fabric is not None
        try:
            return node_called(self.fabric, name).role is Role.HOST
        except KeyError:
            return False

    def node(self, name: str) -> NodePlan:
        """What a node must hold; of a host in a fabric too large without its routes to peers.

        Raises KeyError if there is no such node.
        """
        if self._whole is None and (self.too_large or not name.startswith("h")):
            return node_plan(wire(around(self.outline, name)), name)
        return node_plan(self._whole or wire(work_out(self.outline)), name)

    def pair(self, src: str, dst: str) -> Plan:
        """A plan that holds two hosts and all between them, at least. Raises KeyError for what is no host."""
        if self._whole is None:
            return build_plan(between(self.outline, src, dst))
        self._whole.attachments[src], self._whole.attachments[dst]
        return build_plan(self._whole.topology)

    def switches(self) -> Iterator[NodePlan]:
        """Every switch, one after the other; none is kept."""
        return (self.node(node.name) for node in self._nodes() if node.role is not Role.HOST)

    def leaves(self) -> Iterator[Leaf]:
        """The T0s, for `capacity.losses`."""
        if self._whole is not None:
            yield from leaves(self._whole)
        elif (fabric := self.fabric) is not None:
            for plane in range(fabric.planes):
                wiring = wire(around(self.outline, f"p{plane}-t0-0"))
                (first,) = leaves(wiring)
                yield from leaves_alike(first, tiers(fabric, plane)[0], hosts_of(fabric))

    @cached_property
    def sids(self) -> Sids:
        """How uSIDs are made here."""
        srv6 = srv6_of(self.outline.raw, self.outline.document)
        return sids_of(srv6.block, srv6.scheme)

    def t0_indexes(self) -> set[int]:
        """The indexes of the T0s that have hosts, of all planes: what templates are made of."""
        if self._whole is not None:
            return {at.t0.index for ats in self._whole.attachments.values() for at in ats.values()}
        assert self.fabric is not None
        return set(range(max(_t0s(self.fabric, plane) for plane in range(self.fabric.planes))))

    def steering(self, host: str) -> Iterator[Steering]:
        """What a host's NIC holds of its peers, by plane and T0. Raises KeyError if it is no host."""
        if self._whole is not None:
            yield from steering_of(self._whole, host)
            return
        assert self.fabric is not None
        wiring = wire(around(self.outline, host))
        for at in wiring.attachments[host].values():
            above = tiers(self.fabric, at.plane)[1]
            for index in range(_t0s(self.fabric, at.plane)):
                own = index == at.t0.index
                if (above or own) and not (own and len(self._hosts_of(at.plane, index)) == 1):
                    numbers = range(1, above + 1) if above else ONLY_UPLINK
                    yield steer(wiring.sids, wiring.topology.host_prefix, at, index, numbers)

    def profile(self, hosts: tuple[str, ...]) -> EvProfile:
        """What the NICs of hosts are told that hang alike (`alike`)."""
        return EvProfile(self.outline.name, self.sids.scheme.name, hosts, tuple(self.steering(hosts[0])))

    def alike(self) -> Iterator[tuple[str, ...]]:
        """The hosts in groups of those on the same T0s by the same ports, whose NICs are told the same."""
        if self._whole is not None:
            groups: dict[tuple[tuple[int, str, str], ...], list[str]] = {}
            for host, found in self._whole.attachments.items():
                key = tuple((at.plane, at.t0.name, at.plug.port) for at in found.values())
                groups.setdefault(key, []).append(host)
            yield from (tuple(group) for key, group in groups.items() if key)
            return
        fabric = self.fabric
        assert fabric is not None
        shares = {hosts_on_t0(fabric, plane) for plane in range(fabric.planes)}
        numbers = range(hosts_of(fabric))
        for _, group in groupby(numbers, key=lambda number: [number // share for share in shares]):
            yield tuple(f"h{number}" for number in group)

    def _hosts_of(self, plane: int, t0: int) -> range:
        assert self.fabric is not None
        share = hosts_on_t0(self.fabric, plane)
        return range(t0 * share, min((t0 + 1) * share, hosts_of(self.fabric)))

    def _nodes(self) -> Iterator[Node]:
        if self._whole is not None:
            return iter(self._whole.topology.nodes)
        assert self.fabric is not None
        return generate_nodes(self.fabric)


def counts_of(fabric: Fabric) -> Counts:
    """The sizes of a regular fabric, without its plan."""
    planes = range(fabric.planes)
    t0s, t1s = zip(*(tiers(fabric, plane) for plane in planes), strict=True)
    hosts = hosts_of(fabric)
    evs = (t1 or int(hosts_on_t0(fabric, plane) > 1) for plane, t1 in zip(planes, t1s, strict=True))
    return Counts(
        planes=fabric.planes,
        t0=sum(t0s),
        t1=sum(t1s),
        hosts=hosts,
        links=sum(hosts + t0 * t1 for t0, t1 in zip(t0s, t1s, strict=True)),
        evs_per_pair=sum(evs) if hosts > 1 else 0,
    )


def _t0s(fabric: Fabric, plane: int) -> int:
    """How many T0s of a plane have hosts: the first ones."""
    return -(-hosts_of(fabric) // hosts_on_t0(fabric, plane))
