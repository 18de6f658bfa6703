"""One packet through tables that were read: where it goes at each node, and where it stops and why."""

from __future__ import annotations

from dataclasses import dataclass

from mrcnet.errors import Where
from mrcnet.foreign.fabric import Fabric, NodeTable, is_switch
from mrcnet.foreign.table import Entry
from mrcnet.plan.addressing import to_text
from mrcnet.plan.model import Action, Hop
from mrcnet.plan.usid import FIRST_SHIFT, shift
from mrcnet.topology.model import End

MOST_STEPS = 32


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a packet did not go on."""

    code: str
    where: Where
    message: str


@dataclass(frozen=True, slots=True)
class Way:
    """The nodes that a packet came by, with its address there; `stop` is None if it reached its host."""

    hops: tuple[Hop, ...]
    stop: Stop | None


def follow(fabric: Fabric, src: End, dst: str, carrier: int, inner: int | None = None) -> Way:
    """Send a packet out of `src`, and follow the tables until host `dst` or a dead end (spec 6.2).

    `inner`: its inner destination, by which a switch that decapsulates sends it on; None: it is not known.
    """
    hops = [Hop(src.node, to_text(carrier))]
    end, address = fabric.far[src], carrier
    for _ in range(MOST_STEPS):
        hops.append(Hop(end.node, to_text(address)))
        table = fabric.tables[end.node]
        if not is_switch(table.node):
            return Way(tuple(hops), _arrive(table, end, dst, address))
        if not table.read:
            return Way(tuple(hops), Stop("no-table", table.where, f"nothing of {end.node}'s table was found"))
        entry, address, stop = _decide(table, address)
        if entry is None:
            return Way(tuple(hops), stop)
        if entry.action is Action.DECAP:
            far, wrong = _decapsulated(fabric, table, entry, dst, inner)
            return Way((*hops, Hop(far.node, to_text(inner))) if far and inner else tuple(hops), wrong)
        port = port_of(fabric, table, entry)
        if port is None:
            message = f"{end.node} sends {entry.text} where nothing is plugged in"
            return Way(tuple(hops), Stop("no-way", entry.where, message))
        if port.port in table.down:
            return Way(tuple(hops), Stop("shutdown", table.down[port.port], f"{port} is shut down"))
        end = fabric.far[port]
    stop = Stop("circle", fabric.tables[end.node].where, f"{to_text(carrier)} goes in circles by {end.node}")
    return Way(tuple(hops), stop)


def port_of(fabric: Fabric, table: NodeTable, entry: Entry) -> End | None:
    """The plugged port out of which an entry sends; None if there is none."""
    end = End(table.node.name, entry.dev or "")
    return end if end in fabric.far else None


def _decide(table: NodeTable, address: int) -> tuple[Entry | None, int, Stop]:
    """The entry that takes the packet out of the node, and its address then; the stop counts without one."""
    arrived = address
    while found := table.find(address):
        entry = found[0]
        if entry.action is Action.UN:
            if (address := shift(address)) >> FIRST_SHIFT & 0xFFFF == 0:
                message = f"{to_text(arrived)} ends at {table.node.name}, a switch"
                return None, address, Stop("carrier-ends", entry.where, message)
            continue
        return entry, shift(address) if entry.action is Action.UA else address, Stop("", entry.where, "")
    message = f"{table.node.name} has no route for {to_text(address >> FIRST_SHIFT << FIRST_SHIFT)}/48"
    return None, address, Stop("no-route", _anchor(table), message)


def _anchor(table: NodeTable) -> Where:
    """Where a route that is not there would stand: behind the last one."""
    routes = [entry.where for entry in table.entries if entry.action is Action.FORWARD]
    own = [where for where in routes if where.file == table.where.file]
    return (own or routes or [table.where])[-1]


def _arrive(table: NodeTable, end: End, dst: str, address: int) -> Stop | None:
    if end.node != dst:
        return Stop("wrong-host", table.where, f"{to_text(address)} comes to {end.node}, not to {dst}")
    if not table.read:
        return None  # nothing is known of that host: it may well
    entry = next(iter(table.find(address)), None)
    if entry is None or entry.action is not Action.DECAP or (entry.dev not in (None, end.port, "lo")):
        return Stop("no-decap", table.where, f"{dst} does not decapsulate {to_text(address)} on {end.port}")
    return None


def _decapsulated(
    fabric: Fabric, table: NodeTable, entry: Entry, dst: str, inner: int | None
) -> tuple[End | None, Stop | None]:
    """A switch may take the carrier off for hosts of its own, unless these do that themselves.

    -> (where it sends the packet, if that can be told; why it does not arrive).
    """
    near = {far.node for end, far in fabric.far.items() if end.node == table.node.name}
    theirs = any(entry.action is Action.DECAP for entry in fabric.tables[dst].entries)
    if dst not in near or theirs:
        message = f"{table.node.name} decapsulates {entry.text}, which is for {dst}"
        return None, Stop("early-decap", entry.where, message)
    if inner is None:
        return None, None
    route = next(iter(table.find(inner)), None)
    if route is None:
        message = f"{table.node.name} decapsulates and has no route for {to_text(inner)}"
        return None, Stop("no-route", _anchor(table), message)
    port = port_of(fabric, table, route)
    if port is None:
        message = f"{table.node.name} sends {route.text} where nothing is plugged in"
        return None, Stop("no-way", route.where, message)
    if port.port in table.down:
        return None, Stop("shutdown", table.down[port.port], f"{port} is shut down")
    far = fabric.far[port]
    if far.node != dst:
        message = f"{table.node.name} sends {to_text(inner)} to {far.node}, not to {dst}"
        return far, Stop("wrong-host", route.where, message)
    return far, None
