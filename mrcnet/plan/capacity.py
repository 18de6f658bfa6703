"""What the failure of any one link or switch costs (N-1), by arithmetic.

A host may send, in a plane, what its port carries, or its part of its T0's uplinks if that is less: all hosts
of a T0 send at once, to hosts of other T0s. A NIC sprays over its planes in strict rotation, so what it sends
in all is what its slowest plane allows, times the planes that it has left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mrcnet.plan.wiring import Plug, Wiring
from mrcnet.topology.generate import switch_name
from mrcnet.topology.model import Role, Routing


@dataclass(frozen=True, slots=True)
class Leaf:
    """A T0 with what hangs on it: rates in bit/s by T1, and of the ports of its hosts."""

    name: str
    plane: int
    above: Mapping[str, int]
    below: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Loss:
    """What fails, alike `count` times, and what one failure costs; shares are of what there was before.

    `hosts` are hit. `of_plane` and `of_node`: what the host that loses most loses, in the plane and in all;
    `of_fabric`: what all hosts together lose.
    """

    what: str
    example: str
    count: int
    hosts: int
    of_plane: float
    of_node: float
    of_fabric: float


def leaves(wiring: Wiring) -> Iterator[Leaf]:
    """The T0s of a topology. With SRv6 only the first of parallel links counts, for EVs use no other."""
    every = wiring.topology.routing is not Routing.SRV6
    for node in wiring.nodes.values():
        if node.role is not Role.T0:
            continue
        assert node.plane is not None
        above: dict[str, int] = {}
        below: dict[str, int] = {}
        for plug in wiring.plugs[node.name]:
            if plug.peer.role is Role.HOST:
                below[plug.peer.name] = _rate(wiring, plug, of_peer=True)
            elif every or plug.peer.name not in above:
                above[plug.peer.name] = above.get(plug.peer.name, 0) + _rate(wiring, plug)
        yield Leaf(node.name, node.plane, above, below)


def leaves_alike(first: Leaf, count: int, hosts: int) -> Iterator[Leaf]:
    """The T0s of a plane of a regular fabric, of which `first` is the first: alike, but for their hosts.

    `count` T0s share `hosts` hosts in order; the last may have fewer, or none.
    """
    share, rate = len(first.below), next(iter(first.below.values()))
    for index in range(count):
        numbers = range(index * share, min((index + 1) * share, hosts))
        below = dict.fromkeys((f"h{number}" for number in numbers), rate)
        yield Leaf(switch_name(Role.T0, first.plane, index), first.plane, first.above, below)


def losses(leaves: Iterable[Leaf]) -> tuple[Loss, ...]:
    """Every link and every switch fails in turn; what costs most comes first."""
    found: dict[tuple[str, int, float, float, float], tuple[str, int]] = {}
    for what, example, count, cost in _failures(tuple(leaves)):
        first, so_far = found.get((what, *cost), (example, 0))
        found[what, *cost] = first, so_far + count
    every = [
        Loss(what, example, count, hosts, of_plane, of_node, of_fabric)
        for (what, hosts, of_plane, of_node, of_fabric), (example, count) in found.items()
    ]
    return tuple(sorted(every, key=lambda loss: (-loss.of_node, -loss.of_fabric, loss.what)))


Cost = tuple[int, float, float, float]  # hosts hit; shares of the plane, of the node, of the fabric
Rates = tuple[float, ...]  # what a host may send, by plane


@dataclass(slots=True)
class _Alike:
    """Hosts of a T0 with equal ports, which may send the same: how many, and one of them."""

    host: str
    count: int = 0


def _failures(leaves: Sequence[Leaf]) -> Iterator[tuple[str, str, int, Cost]]:
    """(what, example, how many are alike, cost) of every failure."""
    fabric = _Fabric(leaves)
    below: dict[str, list[tuple[str, int]]] = {}
    for leaf in leaves:
        for top, rate in leaf.above.items():
            below.setdefault(top, []).append((leaf.name, rate))
        yield "T0", leaf.name, 1, fabric.cost({leaf.name: None})
        for rate in sorted(set(leaf.above.values())):
            tops = [top for top, other in leaf.above.items() if other == rate]
            yield "T0-T1 link", f"{leaf.name}:{tops[0]}", len(tops), fabric.cost({leaf.name: rate})
        for kind, alike in fabric.hosts[leaf.name].items():
            cost = fabric.shares(1, fabric.loss(leaf, kind, None))
            yield "host link", f"{alike.host}:{leaf.name}", alike.count, cost
    kinds: dict[tuple[tuple[str, int], ...], list[str]] = {}
    for top, links in below.items():
        kinds.setdefault(tuple(links), []).append(top)
    for under, tops in kinds.items():
        yield "T1", tops[0], len(tops), fabric.cost(dict(under))


class _Fabric:
    """What hosts may send in each of their planes, by T0, those alike together."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self.leaves = {leaf.name: leaf for leaf in leaves}
        self.uplinks = {leaf.name: sum(leaf.above.values()) for leaf in leaves}
        rates: dict[str, Rates] = {}
        for leaf in leaves:
            for host, rate in leaf.below.items():
                rates[host] = (*rates.get(host, ()), _part(leaf, rate, self.uplinks[leaf.name]))
        self.count = len(rates)
        self.hosts: dict[str, dict[tuple[int, Rates], _Alike]] = {}
        for leaf in leaves:
            kinds = self.hosts[leaf.name] = {}
            for host, rate in leaf.below.items():
                kinds.setdefault((rate, rates[host]), _Alike(host)).count += 1

    def cost(self, lost: Mapping[str, int | None]) -> Cost:
        """What it costs that T0s lose so much of their uplinks (None: the whole T0)."""
        hit, of_plane, of_node, total = 0, 0.0, 0.0, 0.0
        for name, rate_lost in lost.items():
            for kind, alike in self.hosts[name].items():
                plane, node = self.loss(self.leaves[name], kind, rate_lost)
                if plane > 0:
                    hit += alike.count
                    of_plane, of_node = max(of_plane, plane), max(of_node, node)
                    total += node * alike.count
        return self.shares(hit, (of_plane, of_node), total)

    def loss(self, leaf: Leaf, kind: tuple[int, Rates], rate_lost: int | None) -> tuple[float, float]:
        """What a host of this kind loses in the plane, and in all: with one that held up others, nothing."""
        port, rates = kind
        uplinks = self.uplinks[leaf.name]
        left = 0 if rate_lost is None else uplinks - rate_lost
        before, after = _part(leaf, port, uplinks), _part(leaf, port, left) if left else 0.0
        others = list(rates)
        others.remove(before)
        return 1 - after / before, max(0.0, 1 - _together([*others, after]) / _together(rates))

    def shares(self, hit: int, worst: tuple[float, float], total: float | None = None) -> Cost:
        """Rounded, so that what is alike is equal. `total` over all hosts; None: of one host alone."""
        of_plane, of_node = worst
        of_fabric = (of_node if total is None else total) / self.count if self.count else 0.0
        return hit, round(of_plane, 9), round(of_node, 9), round(of_fabric, 12)


def _part(leaf: Leaf, rate: int, uplinks: int) -> float:
    """What a host with a port of that rate may send; all turns round at a T0 that has no uplinks at all."""
    return min(rate, uplinks / len(leaf.below)) if leaf.above else rate


def _together(rates: Sequence[float]) -> float:
    alive = [rate for rate in rates if rate]
    return len(alive) * min(alive, default=0.0)


def _rate(wiring: Wiring, plug: Plug, *, of_peer: bool = False) -> int:
    queue = wiring.queues.get(plug.link.a if plug.is_a is not of_peer else plug.link.b)
    return plug.link.rate_bps if queue is None else queue.rate_bps
