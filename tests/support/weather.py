"""What a network does to frames, as a `Fate` for `Pair`: loss, delay, duplication, corruption, outages.

All of it is drawn from one seeded generator, so a run repeats exactly. What was done is counted: the books
of a run must balance against these numbers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.wire import DELAY, Flight

Match = Callable[[Flight], bool]


@dataclass(frozen=True)
class Outage:
    """Frames sent in [start, stop) that `match` vanish; nobody is told."""

    match: Match
    start: int = 0
    stop: int = 1 << 62


@dataclass
class Weather:
    """Shares are of frames; `jitter` is the largest extra delay in ns and reorders what it touches."""

    seed: int = 1
    loss: float = 0.0  # of writes
    control_loss: float = 0.0  # of everything else, both ways
    duplicate: float = 0.0
    corrupt: float = 0.0  # of writes: one byte behind the Ethernet header changes
    jitter: int = 0
    delay: int = DELAY
    slower: dict[int, int] = field(default_factory=dict)  # EV value -> extra delay of the writes on it
    outages: list[Outage] = field(default_factory=list)
    dropped: int = 0  # writes that vanished
    repeated: int = 0  # extra copies of writes
    corrupted: int = 0  # copies of writes that were changed

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    def __call__(self, flight: Flight) -> list[tuple[int, bytes]]:
        """The fate of one frame."""
        rng = self._rng
        gone = any(o.start <= flight.sent_at < o.stop and o.match(flight) for o in self.outages)
        if gone or rng.random() < (self.loss if flight.is_write else self.control_loss):
            self.dropped += flight.is_write
            return []
        copies = 1 + (rng.random() < self.duplicate)
        self.repeated += (copies - 1) * flight.is_write
        return [(self._arrival(flight), self._bytes(flight)) for _ in range(copies)]

    def _arrival(self, flight: Flight) -> int:
        extra = self.slower.get(flight.ev, 0) if flight.is_write else 0
        return flight.sent_at + self.delay + extra + (self._rng.randrange(self.jitter) if self.jitter else 0)

    def _bytes(self, flight: Flight) -> bytes:
        if not flight.is_write or self._rng.random() >= self.corrupt:
            return flight.data
        self.corrupted += 1
        data = bytearray(flight.data)
        data[self._rng.randrange(14, len(data))] ^= self._rng.randrange(1, 256)
        return bytes(data)


def writes_on(*evs: int) -> Match:
    """Matches the forward frames, probes included, on these EV values."""
    return lambda flight: flight.sender == 0 and flight.ev in evs


def to_plane(*planes: int, sender: int | None = None) -> Match:
    """Matches frames of these planes, both ways or of one sender."""
    return lambda flight: flight.port in planes and sender in (None, flight.sender)


def everything(_: Flight) -> bool:
    """Matches every frame."""
    return True
