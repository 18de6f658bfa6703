"""RoCEv2's packets (InfiniBand's transport headers over UDP/IPv6), inside the carrier of the fabric.

The frame begins as MRC's does: Ethernet, outer IPv6, inner IPv6, UDP, BTH. Data packets bear a RETH in the
first one of a message only; the others go on where it ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from mrcnet.mrc.wire.frames import EvFormat, FlowAddress, Halves, TxBatch, head
from mrcnet.mrc.wire.layout import AETH_LEN, BTH, EXT, ICRC, INNER, UDP

ACK_REQUEST = 0x80  # byte 8 of the BTH
BECN = 0x40  # byte 4 of the BTH
CREDITS_UNLIMITED = 0x1F  # AETH of an ACK: no end-to-end flow control
_CNP_PADDING = 16
_LABEL_BITS = 20


class Opcode(IntEnum):
    """Of reliable connections; and the congestion notification packet's."""

    WRITE_FIRST = 0x06
    WRITE_MIDDLE = 0x07
    WRITE_LAST = 0x08
    WRITE_ONLY = 0x0A
    ACKNOWLEDGE = 0x11
    CNP = 0x81


class Nak(IntEnum):
    """Syndromes of an AETH that refuse: the code of a NAK, 0b011, and why."""

    SEQUENCE = 0x60
    INVALID_REQUEST = 0x61
    REMOTE_ACCESS = 0x62


@dataclass(frozen=True, slots=True)
class FlowLabel(EvFormat):
    """A QP's UDP source port is its own, so the path's EV rides in the flow label: its low 20 bits, in which
    a plan's plane and uplink fit.
    """

    def split(self, ev: int) -> tuple[int, int]:
        """EV -> (source port, left open; flow label)."""
        return 0, ev & (1 << _LABEL_BITS) - 1

    def join(self, sport: Halves, label: Halves) -> Halves:  # noqa: ARG002
        """(source ports, flow labels with what stands before them) -> EVs."""
        return label & (1 << _LABEL_BITS) - 1


def path_of(source_port: int, paths: int) -> int:
    """The number of the path that a fabric hashes a source port to."""
    return (source_port * 0x9E37_79B1 & 0xFFFF_FFFF) * paths >> 32


def begin(flow: FlowAddress, udp_port: int, traffic_class: int, dqp: int, source_port: int) -> bytes:
    """The first 114 bytes of a QP's frames; lengths, opcode and PSN are left open."""
    made = head(flow, FlowLabel(), udp_port, traffic_class, dqp)
    return made[:UDP] + source_port.to_bytes(2, "big") + made[UDP + 2 :]


def put_ack(out: TxBatch, first: bytes, port: int, syndrome: int, psn: int, msn: int) -> None:
    """Append an ACK or NAK. `psn` of an ACK: the last in order; of a NAK: the one that is wanted."""
    aeth = (syndrome << 24 | msn & 0xFF_FFFF).to_bytes(AETH_LEN, "big")
    _put(out, first, port, Opcode.ACKNOWLEDGE, psn, aeth)


def put_cnp(out: TxBatch, first: bytes, port: int) -> None:
    """Append a congestion notification packet."""
    marked = bytearray(first)
    marked[BTH + 4] |= BECN
    _put(out, bytes(marked), port, Opcode.CNP, 0, bytes(_CNP_PADDING))


def _put(out: TxBatch, first: bytes, port: int, opcode: int, psn: int, rest: bytes) -> None:
    length = EXT + len(rest) + ICRC
    frame = bytearray(first)
    frame[18:20] = (length - INNER).to_bytes(2, "big")
    frame[INNER + 4 : INNER + 6] = frame[UDP + 4 : UDP + 6] = (length - UDP).to_bytes(2, "big")
    frame[BTH] = opcode
    frame[BTH + 9 : BTH + 12] = (psn & 0xFF_FFFF).to_bytes(3, "big")
    row = out.buffer[out.count]
    row[:length] = np.frombuffer(frame + rest + bytes(ICRC), np.uint8)
    out.length[out.count] = length
    out.port[out.count] = port
    out.count += 1
