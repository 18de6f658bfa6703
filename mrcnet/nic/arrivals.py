"""What arrives at the receivers of TCP flows, looked at again and again: bytes by flow, plane and time."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from mrcnet.kernel import netns
from mrcnet.kernel.sockdiag import TcpDiag
from mrcnet.workload.job import Job
from mrcnet.workload.station import Bins


class Arrivals:
    """Of one receiving host. Payload is what TCP has in order, shared out to planes as frames came in."""

    def __init__(self, job: Job, host: str, flow_of: Callable[[int], int | None]) -> None:
        """`flow_of`: the number of the flow that a local port belongs to; None: of none."""
        ports = job.plan.nodes[host].ports
        path = netns.path_of(job.lab, host)
        self.at: dict[int, list[int]] = {}  # flow -> instants at which data came
        self.bytes = 0
        self._flow_of = flow_of
        self._names = [port.name for port in ports]
        self._planes = np.array([port.plane for port in ports])
        self._diag = TcpDiag(path)
        with netns.inside(path):
            self._devices = os.open("/proc/thread-self/net/dev", os.O_RDONLY | os.O_CLOEXEC)
        self._received: dict[bytes, int] = {}
        self._frames = self._came_in()

    def ready(self, ports: set[int]) -> bool:
        """Whether somebody listens at each of these ports."""
        return ports <= {one.port for one in self._diag.connections() if one.listens}

    def look(self, now: int, bins: Bins) -> None:
        """Note what has come since the last look, at fabric time `now`."""
        newly = 0
        for one in self._diag.connections():
            flow = self._flow_of(one.port)
            more = one.received - self._received.get(one.cookie, 0)
            if flow is not None and more > 0:
                self._received[one.cookie] = one.received
                self.at.setdefault(flow, []).append(now)
                newly += more
        if not newly:
            return
        frames = self._came_in()
        share = frames - self._frames
        self._frames = frames
        if share.sum() > 0:
            bins.add(now, self._planes, (newly * share / share.sum()).round().astype(np.int64))
            self.bytes += newly

    def _came_in(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Bytes that came in by each port."""
        words = os.pread(self._devices, 1 << 16, 0).decode()
        lines = (line.partition(":") for line in words.splitlines()[2:])
        found = {name.strip(): int(numbers.split()[0]) for name, _, numbers in lines}
        return np.array([found.get(name, 0) for name in self._names], np.int64)

    def close(self) -> None:
        """Let go of the namespace."""
        self._diag.close()
        os.close(self._devices)
