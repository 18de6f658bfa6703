"""What goes wrong on links: loss, duplicates, changed bytes, late frames; all drawn from one generator."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mrcnet.port.model import Count
from mrcnet.sim.flight import Flight, Rows
from mrcnet.sim.model import Impairment
from mrcnet.sim.port import PS

_FROM = 14  # no byte of the Ethernet header changes: the frame would go elsewhere

Instants = npt.NDArray[np.int64]


class Impairments:
    """The impaired ports, and what they do to frames."""

    def __init__(
        self, ports: int, flight: Flight, counts: npt.NDArray[np.int64], rng: np.random.Generator
    ) -> None:
        self.any = False
        self._is = np.zeros(ports, np.bool_)
        self._of: dict[int, Impairment] = {}
        self._flight = flight
        self._counts = counts
        self._rng = rng

    def set(self, port: int, impairment: Impairment) -> None:
        """From now on; the one that does nothing takes the port out."""
        self._of[port] = impairment
        if impairment == Impairment():
            del self._of[port]
        self._is[:] = False
        self._is[list(self._of)] = True
        self.any = bool(self._of)

    def strike(self, rows: Rows, port: Rows, leaves: Instants) -> tuple[Rows, Rows, Instants]:
        """Frames that leave their ports -> those that come out of the links, and when as if they had left."""
        if not self._is[port].any():
            return rows, port, leaves
        leaves = leaves.copy()
        gone = np.zeros(len(rows), np.bool_)
        twins: list[tuple[Rows, Rows, Instants]] = []
        for number in np.unique(port[self._is[port]]).tolist():
            what = self._of[number]
            at = np.flatnonzero(port == number)
            lost = self._some(what.loss, len(at))
            gone[at[lost]] = True
            at = at[~lost]
            self._count(Count.LOSS, number, lost)
            late = self._some(what.reorder, len(at))
            leaves[at] += what.delay_ns * PS
            leaves[at[late]] += what.reorder_ns * PS
            self._count(Count.REORDERED, number, late)
            twice = self._some(what.duplicate, len(at))
            self._count(Count.DUPLICATED, number, twice)
            if twice.any():
                twins.append((self._flight.copy(rows[at[twice]]), port[at[twice]], leaves[at[twice]]))
            wrong = self._some(what.corrupt, len(at))
            self._count(Count.CORRUPTED, number, wrong)
            self._corrupt(rows[at[wrong]])
        self._flight.drop(rows[gone])
        kept = rows[~gone], port[~gone], leaves[~gone]
        if not twins:
            return kept
        rows, port, leaves = (np.concatenate(parts) for parts in zip(kept, *twins, strict=True))
        return rows, port, leaves

    def _some(self, share: float, count: int) -> npt.NDArray[np.bool_]:
        """Which of `count` frames are struck."""
        return self._rng.random(count) < share if share else np.zeros(count, np.bool_)

    def _count(self, what: Count, port: int, struck: npt.NDArray[np.bool_]) -> None:
        self._counts[what, port] += int(struck.sum())

    def _corrupt(self, rows: Rows) -> None:
        """One byte of each becomes another. The frame keeps its way: it was changed behind the look-ups."""
        if len(rows):
            where = self._rng.integers(_FROM, self._flight.length[rows])
            self._flight.bytes[rows, where] ^= self._rng.integers(1, 256, len(rows), dtype=np.uint8)
