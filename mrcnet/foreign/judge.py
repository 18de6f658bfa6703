"""What is wrong with tables that were read: by entry, between neighbours, and by EVs that do not arrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mrcnet.foreign.carriers import Ev, evs
from mrcnet.foreign.fabric import Fabric, NodeTable, is_switch
from mrcnet.foreign.table import Entry, Remark
from mrcnet.foreign.way import Stop, follow, port_of
from mrcnet.plan.addressing import to_text
from mrcnet.plan.model import Action, Plan
from mrcnet.plan.usid import BLOCK_SHIFT as BLOCK
from mrcnet.topology.model import End, Role

SIDS = (Action.UN, Action.UA)


@dataclass(frozen=True, slots=True)
class Verdict:
    """All remarks, errors first, and how many EVs were walked and arrived."""

    remarks: tuple[Remark, ...]
    evs: int
    arrived: int


def judge(fabric: Fabric, plan: Plan | None) -> Verdict:
    """Judge all tables. `plan`: what was to be there; without it EVs follow from the SIDs there are."""
    remarks = [*fabric.remarks]
    linked = {end.node for end in fabric.far}
    for table in fabric.tables.values():
        if table.node.name in linked and not table.read and (plan is not None or is_switch(table.node)):
            message = f"nothing of {table.node.name}'s table was found"
            remarks.append(Remark("error", "no-table", table.where, message))
        remarks += _of_node(fabric, table)
    remarks += [*_blocks(fabric, plan), *_duplicates(fabric), *_one_sided(fabric)]
    walked, arrived, stops = _walk(fabric, plan)
    for (stop, example), count in stops.items():
        if stop.code != "no-table":
            remarks.append(Remark("error", stop.code, stop.where, f"{stop.message} (like {example})", count))
    remarks += _encaps(fabric)
    order = sorted(
        dict.fromkeys(remarks), key=lambda one: (one.severity, one.where.file, one.where.line, one.code)
    )
    return Verdict(tuple(order), walked, arrived)


def _walk(fabric: Fabric, plan: Plan | None) -> tuple[int, int, Mapping[tuple[Stop, str], int]]:
    """Walk every EV: how many, how many arrived, and how many stopped at each place for each reason."""
    walked = arrived = 0
    counts: Counter[Stop] = Counter()
    examples: dict[Stop, Ev] = {}
    for ev in evs(fabric, plan):
        walked += 1
        stop = follow(fabric, ev.src, ev.dst, ev.carrier, ev.inner).stop
        if stop is None:
            arrived += 1
        else:
            counts[stop] += 1
            examples.setdefault(stop, ev)
    return walked, arrived, {(stop, str(examples[stop])): count for stop, count in counts.items()}


def _of_node(fabric: Fabric, table: NodeTable) -> Iterator[Remark]:
    """What entries of one node say that cannot be."""
    names = {locator.name: locator for locator in table.locators}
    for entry in table.entries:
        if entry.action in (Action.FORWARD, Action.UA) and is_switch(table.node):
            yield from _next_hop(fabric, table, entry)
        if entry.locator is not None and names:
            locator = names.get(entry.locator)
            if locator is None:
                message = (
                    f"{entry.text} names the locator {entry.locator}, which {table.node.name} does not have"
                )
                yield Remark("error", "no-locator", entry.where, message)
            elif entry.action is Action.UN and (locator.prefix, locator.length) != (
                entry.prefix,
                entry.length,
            ):
                has = f"{to_text(locator.prefix)}/{locator.length}"
                message = f"{entry.text} is not the locator {entry.locator}: {has}"
                yield Remark("error", "sid-outside-locator", entry.where, message)
    if is_switch(table.node) and table.read and not any(table.of(Action.UN)):
        where = table.locators[0].where if table.locators else table.where
        yield Remark("error", "no-un", where, f"{table.node.name} has no uN")
    for port, where in table.down.items():
        if End(table.node.name, port) in fabric.far:
            yield Remark("error", "shutdown", where, f"{table.node.name}:{port} is shut down")


def _next_hop(fabric: Fabric, table: NodeTable, entry: Entry) -> Iterator[Remark]:
    port = port_of(fabric, table, entry)
    if port is None:
        if entry.dev is not None or _is_sid(fabric, entry):
            way = f"port {entry.dev}" if entry.dev else "a next hop"
            message = f"{entry.text} leaves {table.node.name} by {way} that is plugged in nowhere"
            yield Remark("error", "no-port", entry.where, message)
        return
    far = fabric.far[port]
    there = fabric.tables[far.node]
    known = there.addresses.get(far.port, ())
    if entry.via is not None and there.addresses and all(one.address != entry.via for one in known):
        has = ", ".join(to_text(one.address) for one in known) or "none"
        message = f"{entry.text} goes via {to_text(entry.via)}, but the address of {far} is {has}"
        yield Remark("error", "wrong-next-hop", entry.where, message)
    if entry.action is Action.FORWARD:
        yield from _wrong_way(fabric, table, entry, far)


def _is_sid(fabric: Fabric, entry: Entry) -> bool:
    blocks = {one.prefix >> BLOCK for table in fabric.tables.values() for one in table.of(Action.UN)}
    return entry.prefix >> BLOCK in blocks


def _wrong_way(fabric: Fabric, table: NodeTable, entry: Entry, far: End) -> Iterator[Remark]:
    """A SID of one neighbour sent to another; a host's SID that the host does not take."""
    key = entry.prefix, entry.length
    owners = [
        other.node
        for end, other in fabric.far.items()
        if end.node == table.node.name and key in _own_sids(fabric.tables[other.node], other.port)
    ]
    several = len(table.lookup[entry.length][entry.prefix]) > 1
    if owners and far.node not in owners and not several:
        message = f"{entry.text} is {owners[0]}'s, and {table.node.name} sends it to {far.node}"
        yield Remark("error", "wrong-way", entry.where, message)
    there = fabric.tables[far.node]
    if not owners and not is_switch(there.node) and there.read and _is_sid(fabric, entry):
        message = f"{entry.text} goes to {far}, where nobody decapsulates it"
        yield Remark("error", "no-decap", entry.where, message)


def _own_sids(table: NodeTable, port: str) -> set[tuple[int, int]]:
    """What a node takes in: a switch its uN, a host what it decapsulates on that port."""
    if is_switch(table.node):
        return {(entry.prefix, entry.length) for entry in table.of(Action.UN)}
    taken = (entry for entry in table.of(Action.DECAP) if entry.dev in (None, port, "lo"))
    return {(entry.prefix, entry.length) for entry in taken}


def _blocks(fabric: Fabric, plan: Plan | None) -> Iterator[Remark]:
    """SIDs of another block than those of the plane, or of the plan."""
    for plane in range(fabric.topology.planes):
        tables = [table for table in fabric.tables.values() if table.node.plane == plane]
        sids = [(table, entry) for table in tables for entry in table.entries if entry.action in SIDS]
        count = Counter(entry.prefix >> BLOCK for _, entry in sids)
        if not count:
            continue
        usual = count.most_common(1)[0][0]
        if plan is not None:
            usual = plan.wiring.sids.blocks[plane] >> BLOCK
        for table, entry in sids:
            if entry.prefix >> BLOCK != usual:
                message = (
                    f"{entry.text} of {table.node.name} is not in plane {plane}'s block, {_block(usual)}"
                )
                yield Remark("error", "wrong-block", entry.where, message)
        for table in tables:
            for locator in table.locators:
                if locator.prefix >> BLOCK != usual:
                    shown = f"{to_text(locator.prefix)}/{locator.length}"
                    block = f"plane {plane}'s block, {_block(usual)}"
                    message = f"locator {shown} of {table.node.name} is not in {block}"
                    yield Remark("error", "wrong-block", locator.where, message)


def _block(top: int) -> str:
    return f"{to_text(top << BLOCK)}/32"


def _duplicates(fabric: Fabric) -> Iterator[Remark]:
    """A uN that two switches take for their own."""
    first: dict[tuple[int, int], tuple[NodeTable, Entry]] = {}
    for table in fabric.tables.values():
        for entry in table.of(Action.UN):
            owner, other = first.setdefault((entry.prefix, entry.length), (table, entry))
            if owner is not table:
                message = f"{entry.text} is {table.node.name}'s and {owner.node.name}'s ({other.where})"
                yield Remark("error", "duplicate-sid", entry.where, message)


def _one_sided(fabric: Fabric) -> Iterator[Remark]:
    """T0 and T1 that are joined: if one has a route to the other's uN, the other must have one, too."""
    roles = {node.name: node.role for node in fabric.topology.nodes}
    for link in fabric.topology.links:
        if roles[link.a.node] is not Role.T0:
            continue
        low, high = fabric.tables[link.a.node], fabric.tables[link.b.node]
        there, back = _route_to(low, high), _route_to(high, low)
        if (there is None) != (back is None) and low.read and high.read:
            have, lack = (low, high) if there is not None else (high, low)
            entry = there if there is not None else back
            assert entry is not None
            message = (
                f"{have.node.name} has a route to {lack.node.name}, which has none back ({lack.where.file})"
            )
            yield Remark("error", "asymmetric", entry.where, message)


def _route_to(table: NodeTable, other: NodeTable) -> Entry | None:
    keys = {(entry.prefix, entry.length) for entry in other.of(Action.UN)}
    return next((entry for entry in table.of(Action.FORWARD) if (entry.prefix, entry.length) in keys), None)


def _encaps(fabric: Fabric) -> Iterator[Remark]:
    """Carriers that hosts' kernels put on: each must lead to who has the address."""
    hosts = {
        one.address: name
        for name, table in fabric.tables.items()
        if not is_switch(table.node)
        for own in table.addresses.values()
        for one in own
    }
    for name, table in fabric.tables.items():
        for entry in table.of(Action.ENCAP):
            dst = hosts.get(entry.prefix)
            if is_switch(table.node) or entry.length != 128 or len(entry.segs) != 1 or dst in (None, name):
                continue
            src = port_of(fabric, table, entry)
            if src is None:
                message = f"{entry.text} leaves {name} by a port {entry.dev} that is plugged in nowhere"
                yield Remark("error", "no-port", entry.where, message)
                continue
            assert dst is not None
            stop = follow(fabric, src, dst, entry.segs[0], entry.prefix).stop
            if stop is not None:
                message = f"{name}'s own packets to {dst} do not arrive: {stop.message} ({stop.where})"
                yield Remark("error", "encap", entry.where, message)
