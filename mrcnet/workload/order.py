"""What a controller says to a host in the middle of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """To `host`: `deny` (not `on`: allow) EVs, each with the number of its QP; or `port status`: whether it
    tells its peers of ports that go down.
    """

    host: str
    kind: str
    on: bool
    evs: tuple[tuple[int, int], ...] = ()
