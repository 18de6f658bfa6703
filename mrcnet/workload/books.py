"""The books of a fabric that counts every frame: where each one went, by name of port and cause."""

from __future__ import annotations

from dataclasses import dataclass

FULL = "shaper full"  # the one cause that is the machine's


@dataclass(frozen=True, slots=True)
class Drop:
    """Frames that ended at a port (`p0-t0-0:eth5`), or at a node without a route, and why."""

    place: str
    cause: str
    frames: int


@dataclass(frozen=True, slots=True)
class PortBooks:
    """What a port did, in frames; `deepest` is the most bytes that a frame found before it."""

    port: str
    sent: int
    marked: int
    trimmed: int
    duplicated: int
    corrupted: int
    reordered: int
    deepest: int


@dataclass(frozen=True, slots=True)
class WayBooks:
    """Frames of one EV of an ordered pair: sent, delivered whole, delivered trimmed.

    `explained`: those on the EV's way that ports, nodes and NICs own up to have dropped, or still hold.
    """

    src: str
    dst: str
    ev: int
    sent: int
    delivered: int
    trimmed: int
    explained: int

    @property
    def lost(self) -> int:
        """Those that did not come."""
        return self.sent - self.delivered - self.trimmed

    @property
    def balanced(self) -> bool:
        """None came that was not sent, and whatever did not come was dropped on the way."""
        return 0 <= self.lost <= self.explained


@dataclass(frozen=True, slots=True)
class Books:
    """A fabric's books, in frames. What hosts sent is somewhere.

    `ways`: where each EV is counted apart; `foreign`: frames that came into the fabric meanwhile from others,
    some of which may stand among the dropped.
    """

    sent: int
    duplicated: int
    delivered: int
    in_flight: int
    drops: tuple[Drop, ...]
    ports: tuple[PortBooks, ...]
    ways: tuple[WayBooks, ...] = ()
    foreign: int = 0

    @property
    def dropped(self) -> int:
        """All frames that were dropped."""
        return sum(drop.frames for drop in self.drops)

    @property
    def balanced(self) -> bool:
        """Sent and duplicated = delivered + dropped + in flight, and so for every EV."""
        odd = self.delivered + self.dropped + self.in_flight - self.sent - self.duplicated
        return 0 <= odd <= self.foreign and all(way.balanced for way in self.ways)
