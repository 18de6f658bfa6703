"""A fabric's books: where every frame is, by name of port and cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrcnet.sim.layout import PortTable
from mrcnet.sim.model import Count

DROPS = {
    Count.DOWN: "port down",
    Count.BLACKHOLE: "blackhole",
    Count.LOSS: "loss",
    Count.TAIL: "tail drop",
    Count.CONTROL_TAIL: "tail drop of control",
}


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
class Books:
    """A fabric's books, in frames. What hosts sent is somewhere."""

    sent: int
    duplicated: int
    delivered: int
    in_flight: int
    drops: tuple[Drop, ...]
    ports: tuple[PortBooks, ...]

    @property
    def dropped(self) -> int:
        """All frames that were dropped."""
        return sum(drop.frames for drop in self.drops)

    @property
    def balanced(self) -> bool:
        """Sent and duplicated = delivered + dropped + in flight."""
        return self.sent + self.duplicated == self.delivered + self.dropped + self.in_flight


def make_books(
    table: PortTable,
    counts: npt.NDArray[np.int64],
    deepest: npt.NDArray[np.int64],
    no_route: Mapping[str, int],
    *,
    sent: int,
    delivered: int,
    in_flight: int,
) -> Books:
    """From counters (Count, ports), deepest queues (ports, ps) and frames without a route by node.

    Ports that did nothing but send are left out.
    """
    drops = [
        Drop(str(table.ends[port]), word, int(counts[cause, port]))
        for cause, word in DROPS.items()
        for port in np.flatnonzero(counts[cause]).tolist()
    ]
    drops += [Drop(node, "no route", frames) for node, frames in sorted(no_route.items())]
    touched = counts[list(DROPS)].any(axis=0) | counts[Count.SENT + 1 :].any(axis=0)
    depth = deepest * table.rate // (8 * 10**12)
    return Books(
        sent=sent,
        duplicated=int(counts[Count.DUPLICATED].sum()),
        delivered=delivered,
        in_flight=in_flight,
        drops=tuple(drops),
        ports=tuple(
            _port_books(str(table.ends[port]), counts[:, port].tolist(), int(depth[port]))
            for port in np.flatnonzero(touched).tolist()
        ),
    )


def _port_books(name: str, counts: list[int], deepest: int) -> PortBooks:
    return PortBooks(
        port=name,
        sent=counts[Count.SENT],
        marked=counts[Count.MARKED],
        trimmed=counts[Count.TRIMMED],
        duplicated=counts[Count.DUPLICATED],
        corrupted=counts[Count.CORRUPTED],
        reordered=counts[Count.REORDERED],
        deepest=deepest,
    )
