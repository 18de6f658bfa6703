"""Two RoCEv2 end points and the deterministic network of `wire` between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.frames import TxBatch
from mrcnet.rocev2.connection import Connection
from mrcnet.rocev2.endpoint import Endpoint
from mrcnet.rocev2.requestor import Requestor
from mrcnet.rocev2.settings import Roce
from mrcnet.rocev2.wire import Opcode

from .wire import Fate, Flight, Pair, deliver, local_ports

LINE = 10**9
MTU = 1024


class RocePair(Pair):
    """Host 0 writes to host 1 over a connection of `roce.qps` QPs."""

    def __init__(self, roce: Roce | None = None, payload: int = MTU, **network: Any) -> None:
        self.roce = roce or Roce()
        super().__init__(Settings(payload=payload), **network)

    def make_end(self, host: int, rng: np.random.Generator) -> Endpoint:
        lines = [LINE] * self.planes
        return Endpoint(local_ports(host, self.planes), lines, self.settings, self.roce, rng)

    @property
    def connection(self) -> Connection:
        made: Connection = self.ends[0].connections[0x100]
        return made

    @property
    def requestor(self) -> Requestor:
        """The sending half of the first QP."""
        return self.connection.qps[0].requestor

    @property
    def over(self) -> bool:
        return self.connection.failed or not any(qp.requestor.outstanding for qp in self.connection.qps)

    def _check_window(self, end: Endpoint, out: TxBatch) -> None:  # noqa: ARG002
        for qp in self.connection.qps:
            under_way = qp.requestor.next_psn - qp.requestor.una
            assert 0 <= under_way <= max(1, self.roce.window_bytes // self.settings.payload)
        assert (out.length[: out.count] <= out.stride).all()

    @property
    def whole(self) -> bool:
        """Every byte is where it shall be."""
        return bool(np.array_equal(self.image, self.target.data))


def is_write(flight: Flight) -> bool:
    """As opposed to an ACK or a CNP."""
    return flight.is_write


def is_answer(flight: Flight) -> bool:
    """An ACK or a NAK."""
    return flight.opcode == Opcode.ACKNOWLEDGE


def losing(*numbers: int, of: Callable[[Flight], bool] = is_write) -> Fate:
    """Of a kind of frames, those with these numbers are lost; they count from 0 in order of sending."""
    seen = 0

    def fate(flight: Flight) -> list[tuple[int, bytes]]:
        nonlocal seen
        if of(flight):
            seen += 1
            if seen - 1 in numbers:
                return []
        return deliver(flight)

    return fate


def psns(pair: Pair) -> list[int]:
    """The PSNs of all writes, in the order in which they left."""
    return [flight.psn for flight in pair.flights if flight.is_write]


def answers(pair: Pair) -> list[tuple[int, int]]:
    """(syndrome, PSN) of all ACKs and NAKs, in the order in which they left."""
    return [(flight.data[114], flight.psn) for flight in pair.flights if is_answer(flight)]
