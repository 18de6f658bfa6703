"""Batches of frames: what the NIC hands in, what the end point hands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.wire import layout
from mrcnet.mrc.wire.numbers import P_KEY

Halves = TypeVar("Halves", int, npt.NDArray[np.int64])
HEADROOM = layout.WRITE_HEAD + layout.IMM_LEN + 3 + layout.ICRC  # with immediate, pad and ICRC


@dataclass(frozen=True, slots=True)
class RxBatch:
    """Received frames: `buffer` (n, stride) uint8, C-contiguous; every frame begins at column `at`.

    `length` (n) frame lengths in bytes, `port` (n) the index of the local port (-1: none of ours).
    """

    buffer: npt.NDArray[np.uint8]
    at: int
    length: npt.NDArray[Any]
    port: npt.NDArray[Any]


class TxBatch:
    """Room for up to `capacity` outgoing frames; `count` of them are filled. Reused between calls."""

    def __init__(self, capacity: int, payload: int, *, icrc: bool = True) -> None:
        self.capacity = capacity
        self.icrc = icrc  # False: the four bytes stay 0, as when hardware fills them in
        self.stride = -(-(payload + HEADROOM) // 64) * 64
        self.buffer = np.zeros((capacity, self.stride), np.uint8)
        self.length = np.zeros(capacity, np.int64)
        self.port = np.zeros(capacity, np.int64)
        self.count = 0

    @property
    def room(self) -> int:
        """Frames that still fit."""
        return self.capacity - self.count


@dataclass(frozen=True, slots=True)
class FlowAddress:
    """All that the headers outside the BTH need for one EV (spec 6.1): MACs, carrier, inner addresses."""

    source_mac: bytes
    next_mac: bytes
    carrier: bytes
    source: bytes
    target: bytes
    ev: int


@dataclass(frozen=True, slots=True)
class EvFormat:
    """Which half of the EV rides where (spec 2.3, section 9 no. 2)."""

    low_half_in_port: bool = True

    def split(self, ev: int) -> tuple[int, int]:
        """EV -> (UDP source port, flow label)."""
        low, high = ev & 0xFFFF, ev >> 16
        return (low, high) if self.low_half_in_port else (high, low)

    def join(self, sport: Halves, label: Halves) -> Halves:
        """(UDP source ports, flow labels), int or int64, -> EVs; a label's top four bits carry nothing."""
        label = label & 0xFFFF
        return label << 16 | sport if self.low_half_in_port else sport << 16 | label


def head(flow: FlowAddress, form: EvFormat, udp_port: int, traffic_class: int, dqp: int) -> bytes:
    """The first 114 bytes of a frame on one EV: lengths, opcode, flags and PSN are left zero.

    The flow label is the same in both IPv6 headers (spec 2.3, last rows); the UDP checksum is 0 (2.2).
    """
    sport, label = form.split(flow.ev)
    first = (6 << 28 | traffic_class << 20 | label).to_bytes(4, "big")
    ether = flow.next_mac + flow.source_mac + layout.ETHERTYPE_IPV6.to_bytes(2, "big")
    outer = first + bytes((0, 0, layout.NEXT_IPV6, 64)) + flow.source + flow.carrier
    inner = first + bytes((0, 0, layout.NEXT_UDP, 64)) + flow.source + flow.target
    udp = sport.to_bytes(2, "big") + udp_port.to_bytes(2, "big") + bytes(4)
    bth = bytes((0, 0)) + P_KEY.to_bytes(2, "big") + dqp.to_bytes(4, "big") + bytes(4)
    return ether + outer + inner + udp + bth


def set_lengths(head: npt.NDArray[Any], frame: npt.NDArray[Any] | int) -> None:
    """Write the three length fields of `head` (COMMON or WRITE records) for frames of `frame` bytes."""
    head["outer_length"] = frame - layout.INNER
    head["inner_length"] = frame - layout.UDP
    head["udp_length"] = frame - layout.UDP


def view(buffer: npt.NDArray[np.uint8], at: int, kind: np.dtype[np.void]) -> npt.NDArray[Any]:
    """`buffer` rows from column `at` on as records of `kind`; shape (n)."""
    return buffer[:, at : at + kind.itemsize].view(kind)[:, 0]
