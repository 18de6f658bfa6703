"""The EVs to walk: the plan's, or, of a foreign fabric, those that its SIDs allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mrcnet.foreign.fabric import Fabric, NodeTable
from mrcnet.plan.addressing import to_int, to_text
from mrcnet.plan.model import Action, Plan
from mrcnet.plan.paths import paths
from mrcnet.plan.usid import FIRST_SHIFT, carrier_of
from mrcnet.topology.model import End, Role


@dataclass(frozen=True, slots=True)
class Ev:
    """A path from a host's port to a host, named by its carrier. `inner`: the host's address, if known."""

    src: End
    dst: str
    carrier: int
    inner: int | None = None

    def __str__(self) -> str:
        return f"{self.src} to {self.dst} by {to_text(self.carrier)}"


def evs(fabric: Fabric, plan: Plan | None) -> Iterator[Ev]:
    """Every EV of every ordered pair of hosts."""
    return _planned(plan) if plan is not None else _derived(fabric)


def _planned(plan: Plan) -> Iterator[Ev]:
    for src in plan.hosts:
        for dst in plan.hosts:
            inner = {port.plane: to_int(port.addresses[0]) for port in plan.nodes[dst].ports}
            for path in paths(plan, src, dst):
                yield Ev(End(src, path.port), dst, to_int(path.carrier), inner[path.plane])


def _derived(fabric: Fabric) -> Iterator[Ev]:
    """Spec 6.1: own T0, T1, the far T0, and what takes the packet in there: a host's decap, or the T0's."""
    hosts = [node.name for node in fabric.topology.nodes if node.role is Role.HOST]
    at = {host: fabric.attachments(host) for host in hosts}
    above = _neighbours(fabric)
    for src in hosts:
        for dst in hosts:
            for plane, (port, near) in at[src].items():
                if src == dst or plane not in at[dst]:
                    continue
                last, far = at[dst][plane]
                ends = _sid(fabric.tables[near.node]), _sid(fabric.tables[far.node])
                taken = _taken(fabric, last, far)
                if None in ends or taken is None:
                    continue
                block, own = divmod(ends[0] or 0, 1 << 16)
                if near.node == far.node:
                    yield Ev(port, dst, carrier_of(block << FIRST_SHIFT + 16, [own, taken]))
                    continue
                for t1 in above[near.node]:
                    middle = _sid(fabric.tables[t1])
                    if middle is not None and t1 in above[far.node]:
                        usids = [own, middle & 0xFFFF, (ends[1] or 0) & 0xFFFF, taken]
                        yield Ev(port, dst, carrier_of(block << FIRST_SHIFT + 16, usids))


def _neighbours(fabric: Fabric) -> dict[str, list[str]]:
    """The T1s above each T0, in order."""
    above: dict[str, list[str]] = {}
    roles = {node.name: node.role for node in fabric.topology.nodes}
    for link in fabric.topology.links:
        if roles[link.a.node] is Role.T0 and link.b.node not in above.setdefault(link.a.node, []):
            above[link.a.node].append(link.b.node)
        if roles[link.a.node] is Role.HOST:
            above.setdefault(link.b.node, [])
    return above


def _sid(table: NodeTable) -> int | None:
    """Block and uSID of a switch's uN, the upper 48 bits."""
    return next((entry.prefix >> FIRST_SHIFT for entry in table.of(Action.UN) if entry.length == 48), None)


def _taken(fabric: Fabric, last: End, far: End) -> int | None:
    """The uSID by which a host, or its T0 for it, decapsulates; failing these, what its T0 sends to it."""
    host, t0 = fabric.tables[last.node], fabric.tables[far.node]
    block = (_sid(t0) or 0) >> 16
    own = [entry for entry in host.of(Action.DECAP) if entry.dev in (None, last.port, "lo")]
    sent = [entry for entry in t0.of(Action.FORWARD) if entry.dev == far.port]
    for entry in (*own, *sent, *t0.of(Action.DECAP)):
        if entry.length == 48 and entry.prefix >> FIRST_SHIFT + 16 == block:
            return entry.prefix >> FIRST_SHIFT & 0xFFFF
    return None
