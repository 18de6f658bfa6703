"""Two end points and a deterministic network between them, for tests of the transport's core.

The network is a heap of (arrival time, frame). A `Fate` decides for each frame when it arrives, how often,
and with which bytes; the default delivers everything after a fixed delay. Frames leave all at once, or, with
`pace`, one after the other at each port's rate, from a queue of `depth` frames.

Promises that must hold at every instant are checked at every step: no PSN beyond the window, nothing
negative in flight, not a byte outside the region that the peer opened.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.endpoint import Endpoint
from mrcnet.mrc.events import Event
from mrcnet.mrc.evs import EvPath
from mrcnet.mrc.memory import Region
from mrcnet.mrc.qp import LocalPort, Qp, QpSpec
from mrcnet.mrc.requestor import NEVER
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.frames import RxBatch, TxBatch
from mrcnet.mrc.wire.numbers import Opcode
from mrcnet.rocev2.wire import Opcode as Roce

DELAY = 50_000
STRIDE = 4608
SETTLE = 20 * DELAY
GUARD = 1 << 13  # bytes on both sides of the target that nobody may touch


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
    def is_write(self) -> bool:
        mrc = Opcode.WRITE_FIRST <= self.opcode <= Opcode.WRITE_ONLY_IMM
        return mrc or Roce.WRITE_FIRST <= self.opcode <= Roce.WRITE_ONLY

    @property
    def psn(self) -> int:
        return int.from_bytes(self.data[111:114], "big")

    @property
    def ev(self) -> int:
        """The EV: its low half in the UDP source port, its high half in the inner flow label."""
        return int.from_bytes(self.data[56:58], "big") << 16 | int.from_bytes(self.data[94:96], "big")


E = TypeVar("E")
Fate = Callable[[Flight], list[tuple[int, bytes]]]


def deliver(flight: Flight) -> list[tuple[int, bytes]]:
    """Every frame arrives once, whole, after the delay."""
    return [(flight.sent_at + DELAY, flight.data)]


def address(host: int, plane: int) -> bytes:
    return bytes([0xFD, 0x4D, 0x52, 0, 0, plane, 0, host + 1]) + bytes(7) + b"\x01"


def local_ports(host: int, planes: int) -> tuple[LocalPort, ...]:
    return tuple(
        LocalPort(
            plane, bytes([2, 0, 0, 0, host, plane]), bytes([2, 0, 0, 1, host, plane]), address(host, plane)
        )
        for plane in range(planes)
    )


def ev_paths(planes: int, uplinks: int) -> tuple[EvPath, ...]:
    return tuple(
        EvPath(plane << 16 | uplink, plane, plane, bytes([0xFC, 0xBB, 0xBB, 0, plane, uplink]) + bytes(10))
        for plane in range(planes)
        for uplink in range(1, uplinks + 1)
    )


class Pair:
    """Host 0 writes to host 1 over `planes` x `uplinks` EVs, in virtual time.

    `pace`: frames per microsecond that each port sends; None: as many as are due, at once.
    """

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
        pace: float | None = None,
        depth: int = 16,
    ) -> None:
        self.settings = settings or Settings()
        self.fate = fate
        self.now = 1_000_000
        self.planes = planes
        self.ends = [self.make_end(host, np.random.default_rng((seed, host))) for host in (0, 1)]
        paths = ev_paths(planes, uplinks)
        for host, end in enumerate(self.ends):
            peer = {plane: address(1 - host, plane) for plane in range(planes)}
            end.connect(QpSpec(0x100 + host, 0x101 - host, start_psn, start_psn, peer, paths))
        content = np.random.default_rng(seed).integers(0, 256, memory, dtype=np.uint8)
        self.source: Region = self.ends[0].register(content, 0x10000)
        self.arena = np.zeros(memory + 2 * GUARD, np.uint8)
        self.target: Region = self.ends[1].register(self.arena[GUARD:-GUARD], 0x7F0000000000)
        self.image = np.zeros(memory, np.uint8)  # what the target shall hold in the end
        self.log: list[tuple[int, Event]] = []
        self.flights: list[Flight] = []
        self._gap = int(1_000 / pace) if pace else 0
        self._depth = depth if pace else 1 << 20
        self._free_at = np.zeros((2, planes), np.int64)  # when each port has sent all that it holds
        self._heap: list[tuple[int, int, int, int, bytes]] = []
        self._count = 0

    def make_end(self, host: int, rng: np.random.Generator) -> Any:
        """The end point of a host, without QPs."""
        return Endpoint(local_ports(host, self.planes), self.settings, rng)

    @property
    def over(self) -> bool:
        """Every message is complete, or the QP failed."""
        return self.qp.requestor.failed or not self.qp.requestor.outstanding

    @property
    def qp(self) -> Qp:
        qp: Qp = self.ends[0].qps[0x100]
        return qp

    @property
    def peer_qp(self) -> Qp:
        qp: Qp = self.ends[1].qps[0x101]
        return qp

    def write(self, offset: int, length: int, to: int | None = None, immediate: int | None = None) -> int:
        """Post a write of source bytes to the same place of the target, or to the offset `to`."""
        to = offset if to is None else to
        self.image[to : to + length] = self.source.data[offset : offset + length]
        where = self.source, offset, length, self.target.address + to, self.target.rkey
        number: int = self.ends[0].post_write(0x100, *where, *(() if immediate is None else (immediate,)))
        return number

    def seen(self, kind: type[E], host: int | None = None) -> list[E]:
        """The events of one kind so far, of one host or both."""
        return [event for at, event in self.log if isinstance(event, kind) and host in (None, at)]

    def run(self, until: int | None = None, steps: int = 200_000) -> None:
        """Advance until nothing is left to happen, or to the instant `until`."""
        for _ in range(steps):
            if not self._step(NEVER - 1 if until is None else until):
                self.now = until if until is not None else self.now
                return
        raise AssertionError("the schedule does not come to rest")

    def finish(self, within: int = 60_000_000_000, steps: int = 200_000) -> None:
        """Advance until every message is complete or the QP failed, and what is under way has arrived."""
        limit = self.now + within
        for _ in range(steps):
            if not self._step(limit) or self.over:
                break
        assert self.over, "stuck: neither complete nor failed"
        self.run(until=self.now + SETTLE)

    def _step(self, until: int) -> bool:
        """To the next instant at which something happens; False if that is later than `until`."""
        self._send()
        arrival = self._heap[0][0] if self._heap else NEVER
        timer = min(end.next_timer() for end in self.ends)
        upcoming = min(arrival, timer, self._room_at())
        if upcoming > until:
            return False
        self.now = max(self.now, upcoming)
        self._arrive()
        return True

    def check_guards(self) -> None:
        """Not a byte outside the region has changed."""
        assert not self.arena[:GUARD].any()
        assert not self.arena[-GUARD:].any()

    def inject(self, host: int, port: int, data: bytes) -> None:
        """A frame from nowhere reaches `host` now."""
        self.ends[host].receive(batch_of([(port, data)]), self.now)
        self._collect()

    def _queued(self, host: int) -> npt.NDArray[np.int64]:
        """Frames that wait in each port of a host."""
        if not self._gap:
            return np.zeros(self.planes, np.int64)
        return -(-np.maximum(self._free_at[host] - self.now, 0) // self._gap)

    def _room_at(self) -> int:
        """When a port that is full has sent half of its queue, if data waits for it; else NEVER."""
        if not self._gap:
            return NEVER
        times = [
            int(self._free_at[host, port]) - self._depth // 2 * self._gap
            for host, end in enumerate(self.ends)
            if end.waiting(self.now)
            for port in np.flatnonzero(self._queued(host) >= self._depth).tolist()
        ]
        return max(self.now + 1, min(times)) if times else NEVER

    def _send(self) -> None:
        for host, end in enumerate(self.ends):
            while True:
                out = end.frames_to_send(self.now, np.maximum(self._depth - self._queued(host), 0))
                self._check_window(end, out)
                for row in range(out.count):
                    self._launch(host, int(out.port[row]), out.buffer[row, : out.length[row]].tobytes())
                if out.room:  # less than a batch: that was all
                    break
        self._collect()

    def _launch(self, host: int, port: int, data: bytes) -> None:
        leaves = max(self.now, int(self._free_at[host, port])) + self._gap
        self._free_at[host, port] = leaves
        flight = Flight(host, port, data, leaves)
        self.flights.append(flight)
        for when, body in self.fate(flight):
            self._count += 1
            heapq.heappush(self._heap, (when, self._count, 1 - host, port, body))

    def _check_window(self, end: Any, out: TxBatch) -> None:
        for qp in end.qps.values():
            assert qp.requestor.in_flight >= 0
            assert qp.requestor.next_psn <= qp.requestor.cack + 1 + self.settings.mpr_most
        assert (out.length[: out.count] <= out.stride).all()

    def _arrive(self) -> None:
        batches: tuple[list[tuple[int, bytes]], ...] = ([], [])
        while self._heap and self._heap[0][0] <= self.now:
            _, _, host, port, data = heapq.heappop(self._heap)
            batches[host].append((port, data))
        for host, frames in enumerate(batches):
            if frames:
                self.ends[host].receive(batch_of(frames), self.now)
        self._collect()

    def _collect(self) -> None:
        for host, end in enumerate(self.ends):
            self.log += [(host, event) for event in end.events()]
        self.check_guards()


def batch_of(frames: list[tuple[int, bytes]]) -> RxBatch:
    """(port, frame) pairs -> a batch as a NIC would hand it in."""
    stride = max(STRIDE, *(len(data) for _, data in frames))
    buffer = np.zeros((len(frames), stride), np.uint8)
    for row, (_, data) in enumerate(frames):
        buffer[row, : len(data)] = np.frombuffer(data, np.uint8)
    return RxBatch(
        buffer, 0, np.array([len(data) for _, data in frames]), np.array([port for port, _ in frames])
    )
