"""The ways of frames as columns: each walked once, when its first frame leaves its host."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.wire.layout import INNER, OUTER
from mrcnet.plan.model import Plan
from mrcnet.plan.prefixes import is_plain
from mrcnet.sim.hashed import TUPLE, Hashed
from mrcnet.sim.layout import AT_HOST, NOWHERE, PortTable
from mrcnet.sim.routes import MOST_PORTS, Routes
from mrcnet.topology.model import End

_CARRIER = slice(OUTER + 24, OUTER + 40)
_BOTH = [*range(OUTER + 24, OUTER + 40), *range(INNER + 24, INNER + 40)]  # the inner destination, too
MOST_KEY = 34  # bytes
Column = npt.NDArray[np.int64]


class Ways:
    """Ways by number. `ports` (ways, hops): AT_HOST or NOWHERE behind the last; `node`: where each ends.

    `host` is the number of the host at which it ends and `host_port` its local port, -1 if it ends elsewhere.
    """

    def __init__(self, plan: Plan, table: PortTable) -> None:
        self.ports = np.zeros((0, MOST_PORTS + 1), np.int64)
        self.host = np.zeros(0, np.int64)
        self.host_port = np.zeros(0, np.int64)
        self.node: list[str] = []
        self._table = table
        self._hashed = Hashed(plan) if is_plain(plan) else None
        self._routes = self._hashed or Routes(plan)
        # the bytes of a frame that decide its way
        self.key: slice | list[int] = TUPLE if self._hashed else _CARRIER
        if not self._hashed and plan.wiring.sids.leaf_decap:
            self.key = _BOTH
        self._hosts = {name: number for number, name in enumerate(plan.hosts)}
        self._known: dict[tuple[int, bytes], int] = {}

    def prune(self, end: End, *, down: bool) -> None:
        """Where switches choose: a port went down, or is up again. Frames under way stay on theirs."""
        if self._hashed is not None:
            (self._hashed.down.add if down else self._hashed.down.discard)(end)
            self._known.clear()

    def choose(self, host: str, peer: bytes, source_port: int) -> int | None:
        """Where switches choose: the local port by which the host's own hash sends a datagram."""
        assert self._hashed is not None
        words = self._hashed.own(host) + peer + source_port.to_bytes(2, "big")
        end = self._hashed.hop(host, words)
        if end is None:
            return None
        ports: list[int] = self._table.of_host[host].tolist()
        return ports.index(self._table.number[end])

    def numbers(self, ports: Column, heads: npt.NDArray[np.uint8]) -> Column:
        """The ways of frames that leave by these ports, with these bytes, those of `key` (n, width)."""
        # as strings they lose the zeros at their ends, and stay different
        names = heads.view(f"S{heads.shape[1]}")[:, 0].tolist()
        keys = list(zip(ports.tolist(), names, strict=True))
        try:
            found = list(map(self._known.__getitem__, keys))
        except KeyError:
            found = [self._known[key] if key in self._known else self._walk(*key) for key in keys]
        return np.array(found, np.int64)

    def _walk(self, port: int, name: bytes) -> int:
        table, number = self._table, len(self.node)
        here = table.ends[port]
        trace = self._routes.trace(here.node, here.port, name.ljust(MOST_KEY, bytes(1)))
        way = [table.number[end] for end in trace.ports]
        row = np.full((1, self.ports.shape[1]), AT_HOST if trace.arrives else NOWHERE, np.int64)
        row[0, : len(way)] = way
        host, local = -1, -1
        if trace.arrives:
            host = self._hosts[trace.node]
            local = table.of_host[trace.node].tolist().index(table.peer[way[-1]])
        self.ports = np.concatenate((self.ports, row))
        self.host = np.append(self.host, host)
        self.host_port = np.append(self.host_port, local)
        self.node.append(trace.node)
        self._known[port, name] = number
        return number
