"""What arrives at the receivers of TCP flows, looked at again and again: bytes by flow, plane and time."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping

import numpy as np

from mrcnet.kernel import netns
from mrcnet.kernel.sockdiag import TcpDiag
from mrcnet.workload.job import Job
from mrcnet.workload.station import Bins


class Arrivals:
    """Of one receiving host. Payload is what TCP has in order, shared out to planes as frames came in."""

    def __init__(self, job: Job, host: str, flows: Mapping[int, int]) -> None:
        """`flows`: {port from which a flow is sent: its number}."""
        ports = job.plan.nodes[host].ports
        path = netns.path_of(job.lab, host)
        self.at: dict[int, list[int]] = {}  # flow -> instants at which data came
        self._flows = flows
        self._names = [port.name for port in ports]
        self._planes = np.array([port.plane for port in ports])
        self._diag = TcpDiag(path)
        with netns.inside(path):
            self._devices = os.open("/proc/thread-self/net/dev", os.O_RDONLY | os.O_CLOEXEC)
        self._received: dict[bytes, int] = {}
        self._seen: Counter[int] = Counter()
        self._frames = self._came_in()
        self._share = np.zeros(len(ports))

    @property
    def bytes(self) -> int:
        """All that came, of all flows."""
        return self._seen.total()

    def look(self, now: int, bins: Bins) -> None:
        """Note what has come since the last look, at fabric time `now`."""
        newly: Counter[int] = Counter()
        for one in self._diag.connections():
            flow = self._flows.get(one.peer_port)
            more = one.received - self._received.get(one.cookie, 0)
            if flow is not None and more > 0:
                self._received[one.cookie] = one.received
                newly[flow] += more
        self._note(newly, now, bins)

    def settle(self, received: Mapping[int, int], now: int, bins: Bins) -> None:
        """Note what was not seen of `received`, {flow: bytes in all}: its connection is gone since."""
        self._note(Counter(received) - self._seen, now, bins)

    def _note(self, newly: Counter[int], now: int, bins: Bins) -> None:
        if not newly:
            return
        for flow in newly:
            self.at.setdefault(flow, []).append(now)
        frames = self._came_in()
        if (frames > self._frames).any():  # else they came before the look at which their bytes were in order
            self._share = (frames - self._frames) / (frames - self._frames).sum()
        self._frames = frames
        bins.add(now, self._planes, (newly.total() * self._share).round().astype(np.int64))
        self._seen += newly

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
