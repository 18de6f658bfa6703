"""Two end points and a deterministic network between them, for tests of the transport's core.

The network is a heap of (arrival time, frame). A `Fate` decides for each frame when it arrives, how often,
and with which bytes; the default delivers everything after a fixed delay.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mrcnet.mrc.endpoint import Endpoint
from mrcnet.mrc.events import Event
from mrcnet.mrc.evs import EvPath
from mrcnet.mrc.memory import Region
from mrcnet.mrc.qp import LocalPort, QpSpec
from mrcnet.mrc.requestor import NEVER
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.frames import RxBatch

DELAY = 50_000
STRIDE = 4608


@dataclass(frozen=True)
class Flight:
    """A frame as the network sees it."""

    sender: int  # 0 or 1
    port: int
    data: bytes
    sent_at: int

    @property
    def opcode(self) -> int:
        return self.data[102]

    @property
    def uplink(self) -> int:
        """The EV's low half, from the UDP source port."""
        return int.from_bytes(self.data[94:96], "big")


Fate = Callable[[Flight], list[tuple[int, bytes]]]


def deliver(flight: Flight) -> list[tuple[int, bytes]]:
    """Every frame arrives once, whole, after the delay."""
    return [(flight.sent_at + DELAY, flight.data)]


def address(host: int, plane: int) -> bytes:
    return bytes([0xFD, 0x4D, 0x52, 0, 0, plane, 0, host + 1]) + bytes(7) + b"\x01"


def local_ports(host: int, planes: int) -> tuple[LocalPort, ...]:
    return tuple(
        LocalPort(plane, bytes([2, 0, 0, 0, host, plane]), bytes([2, 0, 0, 1, host, plane]), address(host, plane))
        for plane in range(planes)
    )


def ev_paths(planes: int, uplinks: int) -> tuple[EvPath, ...]:
    return tuple(
        EvPath(plane << 16 | uplink, plane, plane, bytes([0xFC, 0xBB, 0xBB, 0, plane, uplink]) + bytes(10))
        for plane in range(planes)
        for uplink in range(1, uplinks + 1)
    )


class Pair:
    """Host 0 writes to host 1 over `planes` x `uplinks` EVs, in virtual time."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        planes: int = 2,
        uplinks: int = 4,
        start_psn: int = 100,
        memory: int = 1 << 20,
        fate: Fate = deliver,
        seed: int = 1,
    ) -> None:
        self.settings = settings or Settings()
        self.fate = fate
        self.now = 1_000_000
        self.planes = planes
        self.ends = [
            Endpoint(local_ports(host, planes), self.settings, np.random.default_rng((seed, host))) for host in (0, 1)
        ]
        for host, end in enumerate(self.ends):
            peer = {plane: address(1 - host, plane) for plane in range(planes)}
            end.connect(QpSpec(0x100 + host, 0x101 - host, start_psn, start_psn, peer, ev_paths(planes, uplinks)))
        content = np.random.default_rng(seed).integers(0, 256, memory, dtype=np.uint8)
        self.source: Region = self.ends[0].register(content, 0x10000)
        self.target: Region = self.ends[1].register(np.zeros(memory, np.uint8), 0x7F0000000000)
        self.room = np.full(planes, 1 << 20, np.int64)
        self.log: list[tuple[int, Event]] = []
        self.flights: list[Flight] = []
        self._heap: list[tuple[int, int, int, int, bytes]] = []
        self._count = 0

    @property
    def qp(self):
        return self.ends[0].qps[0x100]

    @property
    def peer_qp(self):
        return self.ends[1].qps[0x101]

    def write(self, offset: int, length: int) -> int:
        return self.ends[0].post_write(
            0x100, self.source, offset, length, self.target.address + offset, self.target.rkey
        )

    def run(self, until: int | None = None, steps: int = 200_000) -> None:
        """Advance until nothing is left to happen, or to the instant `until`."""
        for _ in range(steps):
            self._send()
            arrival = self._heap[0][0] if self._heap else NEVER
            timer = min(end.next_timer() for end in self.ends)
            upcoming = min(arrival, timer)
            if upcoming >= NEVER or (until is not None and upcoming > until):
                self.now = until if until is not None else self.now
                return
            self.now = max(self.now, upcoming)
            self._arrive()
        raise AssertionError("the schedule does not come to rest")

    def _send(self) -> None:
        for host, end in enumerate(self.ends):
            while True:
                out = end.frames_to_send(self.now, self.room)
                for row in range(out.count):
                    data = out.buffer[row, : out.length[row]].tobytes()
                    flight = Flight(host, int(out.port[row]), data, self.now)
                    self.flights.append(flight)
                    for when, body in self.fate(flight):
                        self._count += 1
                        heapq.heappush(self._heap, (when, self._count, 1 - host, flight.port, body))
                if not out.count:
                    break

    def _arrive(self) -> None:
        batches: tuple[list[tuple[int, bytes]], ...] = ([], [])
        while self._heap and self._heap[0][0] <= self.now:
            _, _, host, port, data = heapq.heappop(self._heap)
            batches[host].append((port, data))
        for host, frames in enumerate(batches):
            if frames:
                self.ends[host].receive(batch_of(frames), self.now)
        for host, end in enumerate(self.ends):
            self.log += [(host, event) for event in end.events()]


def batch_of(frames: list[tuple[int, bytes]]) -> RxBatch:
    """(port, frame) pairs -> a batch as a NIC would hand it in."""
    buffer = np.zeros((len(frames), STRIDE), np.uint8)
    for row, (_, data) in enumerate(frames):
        buffer[row, : len(data)] = np.frombuffer(data, np.uint8)
    return RxBatch(
        buffer, 0, np.array([len(data) for _, data in frames]), np.array([port for port, _ in frames])
    )
