"""How much may be in flight: the congestion controller's place, with the plainest one in it.

A controller is asked through five hooks, so that another can take its place. Sizes are nominal bytes
(spec 5.2: UDP length + 40).
"""

from __future__ import annotations

from typing import Protocol


class Controller(Protocol):
    """The five hooks of a congestion controller."""

    def window(self) -> int:
        """Nominal bytes that may be in flight now."""

    def on_send(self, size: int, now: int) -> None:
        """`size` nominal bytes left."""

    def on_ack(self, newly: int, rtt: int | None, marked: bool, now: int) -> None:
        """A SACK reported `newly` bytes received; `rtt` in ns where it could be measured (spec 5.4)."""

    def on_trim(self, size: int, now: int) -> None:
        """A NACK reported trimmed packets of `size` nominal bytes."""

    def on_loss(self, size: int, now: int) -> None:
        """Packets of `size` nominal bytes were inferred lost or timed out."""


class FixedWindow:
    """A window that never changes: for comparison, and where nothing in the fabric is shaped."""

    def __init__(self, size: int) -> None:
        self._size = size

    def window(self) -> int:
        return self._size

    def on_send(self, size: int, now: int) -> None: ...

    def on_ack(self, newly: int, rtt: int | None, marked: bool, now: int) -> None: ...

    def on_trim(self, size: int, now: int) -> None: ...

    def on_loss(self, size: int, now: int) -> None: ...
