"""A fabric's counters made into its books."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from mrcnet.port.model import DROPS, Count
from mrcnet.sim.layout import PortTable
from mrcnet.workload.books import Books, Drop, PortBooks


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
