"""The numbers of the wire format: opcodes, reasons, marks, code points (spec 2.4, 2.7, 2.13, 2.14)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

UDP_PORT = 4791  # spec 2.2: the other reading of the standard is 4971, so receivers accept both
UDP_PORTS_ACCEPTED = (4791, 4971)
QPN_ENDPOINT = 2  # spec 2.12: endpoint operations, not a QP
PSN_BITS = 24
PSN_MASK = (1 << PSN_BITS) - 1
MPR_UNIT = 128  # PSN per unit of the window advertised (spec 1.2)
NOMINAL_OVERHEAD = 40  # spec 5.2: a packet counts as its UDP length + 40 bytes
P_KEY = 0xFFFF


class Opcode(IntEnum):
    """spec 2.4: upper three bits 0b110."""

    WRITE_FIRST = 0xC6
    WRITE_MIDDLE = 0xC7
    WRITE_LAST = 0xC8
    WRITE_LAST_IMM = 0xC9
    WRITE_ONLY = 0xCA
    WRITE_ONLY_IMM = 0xCB
    TRANSPORT_ACK = 0xD1
    ENDPOINT_REQUEST = 0xD8
    ENDPOINT_RESPONSE = 0xD9
    SACK = 0xDC
    NACK = 0xDD
    PROBE = 0xDE


class Mark(IntEnum):
    """spec 2.7: the responder's verdict on the reflected EV."""

    NONE = 0
    SKIP_ONCE = 1
    ALWAYS_SKIP = 2


class NackReason(IntEnum):
    """spec 2.13."""

    TRIMMED = 0x01
    TRIMMED_LASTHOP = 0x02
    NO_BITMAP = 0x06
    NO_PKT_BUFFER = 0x07
    NO_RESOURCE = 0x0A
    PSN_OOR_WINDOW = 0x0B
    UNEXP_EVENT = 0x19


class EndpointOp(IntEnum):
    """spec 2.10: what an endpoint request asks."""

    PORT_STATUS_UPDATE = 0
    EV_PROBE = 1


# spec 2.5: byte 8 of the BTH
FLAG_ACK_REQUEST = 0x80
FLAG_RETRANSMISSION = 0x20
FLAG_TIMESTAMP = 0x10

ECN_ECT0 = 0b10
ECN_CE = 0b11


@dataclass(frozen=True, slots=True)
class Dscp:
    """spec 2.14, section 9 no. 20: code points are deployment settings."""

    trimmable: int = 8
    trimmable_retx: int = 10
    trimmed: int = 12
    trimmed_lasthop: int = 14
    no_trim: int = 0
    control: int = 46
