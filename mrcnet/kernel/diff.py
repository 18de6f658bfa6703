"""From what is there to what is planned: a pure function of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import fields, replace

from mrcnet.kernel.desired import HASH_SEED, PORT_SYSCTLS, desired
from mrcnet.kernel.model import Cable, Change, Device, Kind, NodeState, Op, Part, PortQueue, Setting, Sysctl
from mrcnet.plan.model import Action, Keeper, Plan, Route
from mrcnet.topology.model import End
from mrcnet.units import format_rate

ChangeSet = tuple[Change, ...]

_MISSING = "planned, not there"
_UNPLANNED = "there, not planned"
_FAULTS = ("up", "silenced", "faults")


def diff(plan: Plan, found: Mapping[str, NodeState], without: Set[Part] = frozenset()) -> ChangeSet:
    """The changes that make the lab what the plan says, removals first; empty if it is that already.

    `found` holds the nodes whose namespaces exist; `without`: the parts of ports that this machine lacks.
    """
    dilation = plan.topology.dilation
    wanted = {name: desired(node, dilation, without) for name, node in plan.nodes.items()}
    doomed = _doomed(wanted, found)
    changes = [*_stray_links(doomed, wanted, found)]
    for name in sorted(found.keys() - wanted.keys()):
        changes.append(Change(Op.REMOVE, Kind.NAMESPACE, name, name, _UNPLANNED))
    for name in wanted:
        if name not in found:
            changes.append(Change(Op.ADD, Kind.NAMESPACE, name, name, _MISSING))
    changes += _new_links(plan, wanted, found, doomed)
    for name, state in wanted.items():
        changes += _node(state, found.get(name), doomed, plan.keepers.get(name))
    return tuple(changes)


def ours(plan: Plan, change: Change) -> bool:
    """Whether mrcnet makes this change itself: not what is its keeper's."""
    if not plan.keepers:
        return True
    if change.kind in (Kind.NAMESPACE, Kind.LINK):
        return False
    return change.kind is not Kind.ROUTE or plan.keepers[change.node] is Keeper.SCRIPT


def node_changes(plan: Plan, found: NodeState) -> ChangeSet:
    """The changes inside one node, its links being as planned; those of ports' queues are none of them."""
    changes = _node(desired(plan.nodes[found.name]), found, {}, plan.keepers.get(found.name))
    return tuple(change for change in changes if change.kind is not Kind.QUEUE)


def _doomed(wanted: Mapping[str, NodeState], found: Mapping[str, NodeState]) -> dict[End, str]:
    """Every found end of a link that is not as planned, or whose far end is not, with the reason."""
    doomed: dict[End, str] = {}
    for node, state in found.items():
        planned = wanted[node].devices if node in wanted else {}
        for device in state.devices.values():
            if device.kind == "veth" and (reason := _unlike(planned.get(device.name), device)):
                doomed[End(node, device.name)] = reason
    for node, state in found.items():
        for device in state.devices.values():
            if device.peer is not None and device.peer in doomed:
                doomed.setdefault(End(node, device.name), doomed[device.peer])
    return doomed


def _unlike(planned: Device | None, device: Device) -> str | None:
    if planned is None:
        return _UNPLANNED
    if planned.mac != device.mac or planned.kind != device.kind:
        return "another link is planned here"
    if planned.peer != device.peer:
        return f"leads to {device.peer or 'nowhere'}, planned {planned.peer}"
    return None


def _stray_links(
    doomed: Mapping[End, str], wanted: Mapping[str, NodeState], found: Mapping[str, NodeState]
) -> Iterator[Change]:
    """Each link that goes, once: at its end in a node that goes too, if there is one."""
    gone: set[End] = set()
    for end in sorted(doomed, key=lambda end: end.node in wanted):
        if end not in gone:  # the other end goes with the first
            peer = found[end.node].devices[end.port].peer
            gone |= {end} if peer is None else {end, peer}
            yield Change(Op.REMOVE, Kind.LINK, end.node, end, doomed[end])


def _new_links(
    plan: Plan, wanted: Mapping[str, NodeState], found: Mapping[str, NodeState], doomed: Mapping[End, str]
) -> Iterator[Change]:
    for link in plan.topology.links:
        if link.a in doomed or not _has(found, link.a) or not _has(found, link.b):
            a, b = wanted[link.a.node].devices[link.a.port], wanted[link.b.node].devices[link.b.port]
            cable = Cable(link.a, link.b, a.mac, b.mac, link.mtu)
            yield Change(Op.ADD, Kind.LINK, link.a.node, cable, _MISSING)


def _has(found: Mapping[str, NodeState], end: End) -> bool:
    return end.node in found and end.port in found[end.node].devices


def _node(
    wanted: NodeState, found: NodeState | None, doomed: Mapping[End, str], keeper: Keeper | None
) -> Iterator[Change]:
    """What changes inside a namespace, but for what is its keeper's alone."""
    changes = _changes(wanted, found, doomed, keeper)
    if keeper in (None, Keeper.SCRIPT):
        return changes
    return (one for one in changes if _shows(one, keeper))


def _shows(change: Change, keeper: Keeper | None) -> bool:
    """Whether a change concerns a port's faults or queue, which are mrcnet's on anybody's node; or what a
    program keeps in the kernel: its routes, and addresses, which FRR does not put back after a port was down.
    """
    is_address = change.kind is Kind.ADDRESS and change.op is Op.ADD
    if keeper is Keeper.KERNEL and (change.kind is Kind.ROUTE or is_address):
        return True
    return change.kind is Kind.QUEUE or (isinstance(change.item, Setting) and change.item.name in _FAULTS)


def _changes(
    wanted: NodeState, found: NodeState | None, doomed: Mapping[End, str], keeper: Keeper | None
) -> Iterator[Change]:
    """What differs inside a namespace; a link that goes takes along all that stands on it."""
    name = wanted.name
    held: Set[Route] = frozenset()
    if found is not None:
        held = found.routes if keeper is None else found.routes | _of_neighbours(wanted, found.others)
    kept = {} if found is None else found.devices
    kept = {port: device for port, device in kept.items() if End(name, port) not in doomed}
    for port, planned in wanted.devices.items():
        if port in kept:
            yield from _settings(name, planned, kept[port])
        elif planned.kind == "bridge":
            yield Change(Op.ADD, Kind.PORT, name, planned, _MISSING)
        elif planned.rate or planned.queue:
            yield Change(Op.ADD, Kind.QUEUE, name, PortQueue(port, planned.rate, planned.queue), _MISSING)
    yield from _sysctls(wanted, found, kept)
    if found is not None:
        for odd in found.odd_routes:
            yield Change(Op.REMOVE, Kind.ROUTE, name, odd, "ours, but no shape of ours")
        spare = held if keeper is Keeper.KERNEL else found.routes
        for route in sorted(spare - wanted.routes, key=str):
            if route.dev in kept:
                yield Change(Op.REMOVE, Kind.ROUTE, name, route, _UNPLANNED)
        for neighbour in sorted(found.neighbours - wanted.neighbours, key=str):
            if neighbour.port in kept:
                yield Change(Op.REMOVE, Kind.NEIGHBOUR, name, neighbour, _UNPLANNED)
        for address in sorted(found.addresses - wanted.addresses, key=str):
            # on `lo` we tell ours from others' only where the plan has one there
            if address.port in kept and (address.port != "lo" or _has_loopback(wanted)):
                yield Change(Op.REMOVE, Kind.ADDRESS, name, address, _UNPLANNED)
    for address in wanted.addresses:
        if found is None or address.port not in kept or address not in found.addresses:
            yield Change(Op.ADD, Kind.ADDRESS, name, address, _MISSING)
    for neighbour in wanted.neighbours:
        if found is None or neighbour.port not in kept or neighbour not in found.neighbours:
            yield Change(Op.ADD, Kind.NEIGHBOUR, name, neighbour, _MISSING)
    for route in wanted.routes:
        if route.dev not in kept or route not in held:
            yield Change(Op.ADD, Kind.ROUTE, name, route, _MISSING)
    yield from _daemons(wanted, found)


def _of_neighbours(wanted: NodeState, routes: Set[Route]) -> Set[Route]:
    """Routes with the planned address of a port's only neighbour: BGP learns whichever it speaks from."""
    at = {one.port: one.address for one in wanted.neighbours}
    return frozenset(
        replace(one, via=at.get(one.dev, one.via)) if one.action is Action.ECMP and one.via else one
        for one in routes
    )


def _daemons(wanted: NodeState, found: NodeState | None) -> Iterator[Change]:
    have = {} if found is None else {one.name: one for one in found.daemons}
    for one in wanted.daemons:
        if one.name not in have:
            yield Change(Op.ADD, Kind.DAEMON, wanted.name, one, "planned, does not run")
        elif have[one.name] != one:
            yield Change(Op.SET, Kind.DAEMON, wanted.name, one, "runs with another configuration")
    for name in have.keys() - {one.name for one in wanted.daemons}:
        yield Change(Op.REMOVE, Kind.DAEMON, wanted.name, have[name], "runs, not planned")


def _has_loopback(wanted: NodeState) -> bool:
    return any(address.port == "lo" for address in wanted.addresses)


def _settings(node: str, planned: Device, found: Device) -> Iterator[Change]:
    if planned.mtu != found.mtu:
        reason = f"is {found.mtu}"
        yield Change(Op.SET, Kind.PORT, node, Setting(planned.name, "mtu", planned.mtu), reason)
    if not found.up:
        yield Change(Op.SET, Kind.PORT, node, Setting(planned.name, "up", 1), "port is down (cut)")
    if found.silenced:
        reason = "port is silent (cut --silent)"
        yield Change(Op.SET, Kind.PORT, node, Setting(planned.name, "silenced", 0), reason)
    if found.faults:
        reason = f"port has faults: {', '.join(found.faults)}"
        yield Change(Op.SET, Kind.PORT, node, Setting(planned.name, "faults", 0), reason)
    if (planned.rate, planned.queue) != (found.rate, found.queue):
        was = PortQueue(found.name, found.rate, found.queue)
        queue = PortQueue(planned.name, planned.rate, planned.queue, was)
        has, wants = bool(found.rate or found.queue), bool(planned.rate or planned.queue)
        op = Op.SET if has and wants else Op.ADD if wants else Op.REMOVE
        yield Change(op, Kind.QUEUE, node, queue, _unlike_queue(planned, found))


def _unlike_queue(planned: Device, found: Device) -> str:
    """Why a queue must change: the settings that differ."""
    if not (found.rate or found.queue) or not (planned.rate or planned.queue):
        return _UNPLANNED if found.rate or found.queue else _MISSING
    reasons = [f"rate is {format_rate(8 * found.rate)}"] if planned.rate != found.rate else []
    if planned.queue is None or found.queue is None:
        odd = "the program is told nothing" if planned.queue else "the program is not wanted"
        return "; ".join((*reasons, odd) if planned.queue != found.queue else reasons)
    reasons += [
        f"{one.name} is {getattr(found.queue, one.name)}"
        for one in fields(planned.queue)
        if getattr(planned.queue, one.name) != getattr(found.queue, one.name)
    ]
    return "; ".join(reasons)


def _sysctls(wanted: NodeState, found: NodeState | None, kept: Mapping[str, Device]) -> Iterator[Change]:
    """A new port takes its own settings from `default`: they are no change."""
    is_now = {} if found is None else {(one.scope, one.name): one.value for one in found.sysctls}
    for one in _in_order(wanted):
        inherits = one.scope not in ("all", "default", "") and one.scope not in kept
        unknown = found is not None and one.name == HASH_SEED and not is_now.get((one.scope, one.name))
        if not inherits and not unknown and is_now.get((one.scope, one.name)) != one.value:
            reason = _MISSING if found is None else f"is {is_now.get((one.scope, one.name)) or 'missing'}"
            yield Change(Op.SET, Kind.SYSCTL, wanted.name, one, reason)


def _in_order(wanted: NodeState) -> list[Sysctl]:
    """`all` before `default` before ports: writing to `all` overwrites the others."""
    rank = {"all": 0, "default": 1, "": 1}
    return sorted(
        wanted.sysctls, key=lambda one: (rank.get(one.scope, 2), one.name not in PORT_SYSCTLS, one.name)
    )
