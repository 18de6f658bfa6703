"""How much may be in flight: the congestion controller's place, with the plainest one in it.

A controller is asked through five hooks, so that another can take its place. Sizes are nominal bytes
(spec 5.2: UDP length + 40). What is in flight is the requestor's to count, packet by packet; it is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Feedback:
    """What one SACK says of a path's congestion.

    `newly`: nominal bytes that the peer has received since the SACK before (spec 5.2); `rtt`: ns, where it
    could be measured (spec 5.4); `marked`: m = SKIP_ONCE (spec 5.3); `in_flight`: nominal bytes, this SACK
    merged; `penalty`, `restore`: what the receiver asks for (spec 5.6).
    """

    newly: int
    rtt: int | None
    marked: bool
    in_flight: int
    penalty: int = 0
    restore: bool = False


class Controller(Protocol):
    """The five hooks of a congestion controller."""

    def window(self) -> int:
        """Nominal bytes that may be in flight now."""

    def on_send(self, size: int, now: int) -> None:
        """`size` nominal bytes left."""

    def on_ack(self, feedback: Feedback, now: int) -> None:
        """A SACK came."""

    def on_trim(self, size: int, in_flight: int, now: int) -> None:
        """A NACK reported a trimmed packet of `size` nominal bytes; `in_flight` is what is left."""

    def on_loss(self, size: int, now: int) -> None:
        """Packets of `size` nominal bytes were inferred lost or timed out."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a controller is fitted to: a destination reached at `rate_bps` over all planes together.

    `mtu`: nominal bytes of a full packet; `base_rtt_ns`: of an idle fabric; `trimming`: switches trim.
    """

    rate_bps: int
    base_rtt_ns: int
    mtu: int
    trimming: bool


@dataclass(frozen=True, slots=True)
class Control:
    """A congestion control from elsewhere: `make` gives each destination its controller."""

    make: Callable[[Reach], Controller]
    reach: Reach


class FixedWindow:
    """A window that never changes: for comparison, and where nothing in the fabric is shaped."""

    def __init__(self, size: int) -> None:
        self._size = size

    def window(self) -> int:
        return self._size

    def on_send(self, size: int, now: int) -> None: ...

    def on_ack(self, feedback: Feedback, now: int) -> None: ...

    def on_trim(self, size: int, in_flight: int, now: int) -> None: ...

    def on_loss(self, size: int, now: int) -> None: ...
