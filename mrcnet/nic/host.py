"""One host inside a worker: its end point, its sockets, and the flows that begin or end there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.endpoint import Endpoint
from mrcnet.mrc.events import EvChanged, Event, MessageArrived, MessageCompleted, PacketsLost, QpFailed
from mrcnet.mrc.requestor import NEVER
from mrcnet.nic.ring import Ring
from mrcnet.nic.sender import Sender
from mrcnet.workload.flow import Sink, Source

_BATCH = 128  # frames taken in at once
_UNBOUNDED = 1 << 20  # a veth has no queue of its own: room without end until a port model says otherwise


class Host:
    """Moves frames between a host's sockets and its end point; hands messages to sources and sinks."""

    def __init__(self, name: str, endpoint: Endpoint, ring: Ring, sender: Sender, bins: Bins) -> None:
        self.name = name
        self.endpoint = endpoint
        self.ring = ring
        self.sender = sender
        self.sources: dict[int, Source] = {}
        self.sinks: dict[int, Sink] = {}
        self.events: list[tuple[str, EvChanged | PacketsLost | QpFailed]] = []
        self.arrivals: dict[int, list[int]] = {}  # responder QP -> instants at which data came
        self._bins = bins
        self._seen = np.zeros(len(endpoint.ports), np.int64)
        self._planes = np.array([port.plane for port in endpoint.ports], np.int64)
        self._delivered: dict[int, int] = {}
        self._refused = np.zeros(len(endpoint.ports), np.int64)
        self._room = np.full(len(endpoint.ports), _UNBOUNDED, np.int64)

    def step(self, now: int) -> bool:
        """One turn: take in, act, send. True if there was anything to do."""
        busy = False
        batch = self.ring.read(_BATCH)
        if batch is not None:
            busy = True
            self.endpoint.receive(batch, now)
            self.ring.release()
            self._account(now)
        self._act(now)
        out = self.endpoint.frames_to_send(now, self._room)
        if out.count:
            busy = True
            self.sender.send(out)
        return busy

    def _account(self, now: int) -> None:
        """Where and when payload came: bytes per plane, instants per QP."""
        delivered = self.endpoint.delivered_bytes
        newly = delivered - self._seen
        if newly.any():
            self._bins.add(now, self._planes, newly)
            self._seen = delivered.copy()
        for qpn in self.sinks:
            count = self.endpoint.qps[qpn].responder.counters.delivered
            if count != self._delivered.get(qpn, 0):
                self._delivered[qpn] = count
                self.arrivals.setdefault(qpn, []).append(now)

    def _act(self, now: int) -> None:
        for event in self.endpoint.events():
            self._on_event(event)
        for source in self.sources.values():
            source.step(now)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, MessageCompleted):
            self.sources[event.qpn].on_completed(event.message, event.at)
        elif isinstance(event, MessageArrived):
            if event.qpn in self.sinks:
                self.sinks[event.qpn].on_arrived(event.message)
        else:
            self.events.append((self.name, event))
            if isinstance(event, QpFailed) and event.qpn in self.sources:
                self.sources[event.qpn].failure = event.reason

    def next_timer(self) -> int:
        """Fabric time of the next thing to do without new frames."""
        due = [self.endpoint.next_timer()]
        due += [at for source in self.sources.values() if (at := source.next_timer()) is not None]
        return min(due, default=NEVER)

    def close(self) -> None:
        """Let go of the sockets."""
        self.ring.close()
        self.sender.close()


class Bins:
    """Payload bytes delivered, by plane and time: `data` (planes, bins), one bin every `width` ns."""

    def __init__(self, planes: int, start: int, width: int) -> None:
        self.start = start
        self.width = width
        self.data = np.zeros((planes, 1024), np.int64)

    def add(
        self, now: int, planes: Sequence[int] | npt.NDArray[np.int64], size: npt.NDArray[np.int64]
    ) -> None:
        """`size` bytes came at `now` in `planes` (each at most once)."""
        at = (now - self.start) // self.width
        if at < 0:
            return
        while at >= self.data.shape[1]:
            self.data = np.concatenate((self.data, np.zeros_like(self.data)), axis=1)
        self.data[planes, at] += size
