"""What ports had sent and received when somebody looked, again and again during a run. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_MOST = 20_000  # looks that are kept; then every second one goes, and half as many follow

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PortSamples:
    """Frames that `ports` (m) had sent and received at the instants `at` (n, fabric ns): (n, m) each."""

    ports: tuple[str, ...]
    at: Counts
    sent: Counts
    received: Counts

    def between(self, edges: Counts) -> tuple[Counts, Counts]:
        """Frames sent, and received, from edge to edge: (m, edges - 1) each; even between looks."""
        return self._between(edges, self.sent), self._between(edges, self.received)

    def _between(self, edges: Counts, counts: Counts) -> Counts:
        upto = np.array([np.interp(edges, self.at, column) for column in counts.T])
        return np.asarray(np.diff(np.rint(upto)), np.int64)


class PortLog:
    """Gathers looks in bounded memory."""

    def __init__(self, ports: Sequence[str], every_ns: int) -> None:
        self._ports = tuple(ports)
        self._rows: list[tuple[int, Sequence[int], Sequence[int]]] = []
        self.every_ns = every_ns
        self.due = 0  # when it is worth looking again

    def add(self, at: int, sent: Sequence[int], received: Sequence[int]) -> None:
        """What each port had sent and received at an instant."""
        self._rows.append((at, sent, received))
        if len(self._rows) >= _MOST:
            self._rows = self._rows[::2]
            self.every_ns *= 2
        self.due = at + self.every_ns

    def samples(self) -> PortSamples | None:
        """All of it; None if nobody looked twice."""
        if len(self._rows) < 2 or not self._ports:
            return None
        at, sent, received = (np.array(column, np.int64) for column in zip(*self._rows, strict=True))
        return PortSamples(self._ports, at, sent, received)
