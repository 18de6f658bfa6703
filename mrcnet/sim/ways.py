"""The ways of frames as columns: each walked once, when its first frame leaves its host."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mrcnet.plan.model import Plan
from mrcnet.sim.layout import AT_HOST, NOWHERE, PortTable
from mrcnet.sim.routes import MOST_PORTS, Routes

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
        self._routes = Routes(plan)
        self._hosts = {name: number for number, name in enumerate(plan.hosts)}
        self._known: dict[tuple[int, bytes], int] = {}

    def numbers(self, ports: Column, carriers: npt.NDArray[np.uint8]) -> Column:
        """The ways of frames that leave by these ports, with these carriers (n, 16)."""
        # as strings they lose the zeros at their ends, and stay different
        names = carriers.view("S16")[:, 0].tolist()
        keys = list(zip(ports.tolist(), names, strict=True))
        try:
            found = list(map(self._known.__getitem__, keys))
        except KeyError:
            found = [self._known[key] if key in self._known else self._walk(*key) for key in keys]
        return np.array(found, np.int64)

    def _walk(self, port: int, carrier: bytes) -> int:
        table, number = self._table, len(self.node)
        here = table.ends[port]
        trace = self._routes.trace(here.node, here.port, carrier.ljust(16, bytes(1)))
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
        self._known[port, carrier] = number
        return number
