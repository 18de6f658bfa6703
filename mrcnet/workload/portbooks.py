"""The books of a fabric whose ports count, from what ports, nodes and NICs counted while a run lasted. Pure.

Nothing is a remainder: a frame that went in somewhere must have been counted where it came out, or by what
dropped it. What no counter explains keeps the books from balancing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from mrcnet.workload.books import Books, Drop, PortBooks, WayBooks
from mrcnet.workload.report import HostFrames, WayFrames

Trail = Callable[[str, str, int], Collection[str]]


@dataclass(frozen=True, slots=True)
class PortDelta:
    """What a port did meanwhile, in frames. `port` and `peer` are `node:port`; `drops` by cause.

    `received`: frames that came in here, by the kernel's count; `flipped`: its link came or went.
    """

    port: str
    peer: str
    sent: int
    drops: tuple[tuple[str, int], ...]
    marked: int
    trimmed: int
    deepest: int
    received: int
    flipped: bool

    @property
    def node(self) -> str:
        """Whose port it is."""
        return self.port.partition(":")[0]

    @property
    def dropped(self) -> int:
        """Frames that the port dropped before it sent them."""
        return sum(frames for _, frames in self.drops)


@dataclass(frozen=True, slots=True)
class SwitchDelta:
    """Frames for which a switch's kernel had no way meanwhile, and frames that it made itself."""

    node: str
    astray: int
    made: int


def balance(
    ports: Sequence[PortDelta],
    switches: Sequence[SwitchDelta],
    hosts: Sequence[HostFrames],
    ways: Sequence[WayFrames],
    held: Sequence[tuple[str, int]],
    trail: Trail,
) -> Books:
    """The books of a run. `held`: what ports still hold; `trail`: the places at which frames of an EV
    (source, destination, value) may end.
    """
    refused = tuple(_refused(hosts, ports))
    drops = [
        *refused,
        *(Drop(port.port, cause, frames) for port in ports for cause, frames in port.drops),
        *_cut_off(ports),
        *_no_route(ports, switches),
        *(Drop(f"{host.host}:ring", "no room", host.ring_drops) for host in hosts),
    ]
    return Books(
        sent=sum(sum(host.sent) for host in hosts),
        duplicated=0,
        delivered=sum(host.arrived for host in hosts),
        in_flight=sum(frames for _, frames in held),
        drops=tuple(drop for drop in drops if drop.frames),
        ports=tuple(_port(port) for port in ports if port.dropped or port.marked or port.trimmed),
        foreign=_foreign(
            ports,
            switches,
            sum(sum(host.sent) for host in hosts) - sum(drop.frames for drop in refused),
        ),
        ways=_ways(ways, [*drops, *(Drop(port, "in flight", frames) for port, frames in held)], trail),
    )


def _refused(hosts: Sequence[HostFrames], ports: Sequence[PortDelta]) -> Iterator[Drop]:
    """What the kernel did not take from NICs, less what a port dropped: of that it says the same."""
    dropped = {port.port: port.dropped for port in ports}
    for host in hosts:
        for name, frames in zip(host.ports, host.refused, strict=True):
            place = f"{host.host}:{name}"
            yield Drop(place, "refused", max(0, frames - dropped.get(place, 0)))


def _cut_off(ports: Sequence[PortDelta]) -> Iterator[Drop]:
    """What a port sent and its far end did not receive, while their link came or went."""
    by_name = {port.port: port for port in ports}
    for port in ports:
        far = by_name.get(port.peer)
        if far is not None and (port.flipped or far.flipped):
            yield Drop(port.port, "link down", max(0, port.sent - far.received))


def _no_route(ports: Sequence[PortDelta], switches: Sequence[SwitchDelta]) -> Iterator[Drop]:
    """What came into a switch and did not leave it, as far as its kernel says that it had no way for it."""
    for switch in switches:
        own = [port for port in ports if port.node == switch.node]
        left = sum(port.sent + port.dropped for port in own) - switch.made
        stayed = sum(port.received for port in own) - left
        yield Drop(switch.node, "no route", max(0, min(stayed, switch.astray)))


def _foreign(ports: Sequence[PortDelta], switches: Sequence[SwitchDelta], own: int) -> int:
    """What came to hosts' ports to be sent, less what the run's NICs gave them, and what switches made."""
    names = {switch.node for switch in switches}
    offered = sum(port.sent + port.dropped for port in ports if port.node not in names)
    return max(0, offered - own) + sum(switch.made for switch in switches)


def _port(port: PortDelta) -> PortBooks:
    return PortBooks(
        port=port.port,
        sent=port.sent,
        marked=port.marked,
        trimmed=port.trimmed,
        duplicated=0,
        corrupted=0,
        reordered=0,
        deepest=port.deepest,
    )


def _ways(ways: Sequence[WayFrames], drops: Sequence[Drop], trail: Trail) -> tuple[WayBooks, ...]:
    """What the two ends of each EV counted, put together."""
    found: dict[tuple[str, str, int], list[int]] = {}
    for way in ways:
        sums = found.setdefault((way.src, way.dst, way.ev), [0, 0, 0])
        for number, frames in enumerate((way.sent, way.arrived, way.trimmed)):
            sums[number] += frames
    return tuple(
        WayBooks(
            *key, sent, arrived - trimmed, trimmed, _explained(key, drops, trail) if sent > arrived else 0
        )
        for key, (sent, arrived, trimmed) in found.items()
        if sent or arrived
    )


def _explained(way: tuple[str, str, int], drops: Sequence[Drop], trail: Trail) -> int:
    places = trail(*way)
    return sum(drop.frames for drop in drops if drop.place in places)
