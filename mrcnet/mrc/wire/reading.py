"""One frame as records, for people who watch: an end point reads batches (`intake`, spec 2.1-2.13).

The frame may be cut short by whoever captured it: what is not there is None.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mrcnet.mrc.wire import icrc, layout
from mrcnet.mrc.wire.control import Nack, Sack, TransportAck, unpack_probe, unpack_request
from mrcnet.mrc.wire.frames import EvFormat
from mrcnet.mrc.wire.numbers import (
    FLAG_ACK_REQUEST,
    FLAG_RETRANSMISSION,
    FLAG_TIMESTAMP,
    PSN_MASK,
    UDP_PORTS_ACCEPTED,
    Dscp,
    EndpointOp,
    Opcode,
)

_IMMEDIATE = (Opcode.WRITE_LAST_IMM, Opcode.WRITE_ONLY_IMM)
_WRITES = range(Opcode.WRITE_FIRST, Opcode.WRITE_ONLY_IMM + 1)


@dataclass(frozen=True, slots=True)
class Write:
    """spec 2.6: METH, TSETH (`timestamp` None: there is none), RETH, ImmDt. `length`: bytes of payload, of a
    trimmed packet None.
    """

    rqmsn: int
    msn: int
    timestamp: int | None
    address: int
    rkey: int
    dma_length: int
    immediate: int | None
    length: int | None


@dataclass(frozen=True, slots=True)
class Probe:
    """spec 2.9: PETH."""

    probe_id: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class Request:
    """spec 2.10: ERTH. The mask has a bit for each port that is up."""

    op: int
    mask: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class Response:
    """spec 2.11: EETH."""

    op: int
    timestamp: int


Body = Write | Sack | Nack | TransportAck | Probe | Request | Response


@dataclass(frozen=True, slots=True)
class Packet:
    """An MRC packet. `source` and `target`: inner addresses. `sound`: its ICRC holds; None: there is none."""

    source: bytes
    target: bytes
    traffic_class: int
    ev: int
    opcode: Opcode
    dqp: int
    psn: int
    ack_request: bool
    retransmission: bool
    trimmed: bool
    sound: bool | None
    body: Body | None

    @property
    def name(self) -> str:
        """WRITE_ONLY -> write only."""
        return self.opcode.name.replace("_", " ").lower()


def read(frame: bytes, length: int, form: EvFormat | None = None, dscp: Dscp | None = None) -> Packet | None:
    """The first bytes of a frame that was `length` bytes long; None if it is no MRC under a carrier."""
    if len(frame) < layout.EXT:
        return None
    head = np.frombuffer(frame, layout.COMMON, 1)[0]
    if (
        head["ethertype"] != layout.ETHERTYPE_IPV6
        or head["outer_next"] != layout.NEXT_IPV6
        or head["inner_next"] != layout.NEXT_UDP
        or int(head["dport"]) not in UDP_PORTS_ACCEPTED
        or int(head["opcode"]) not in list(Opcode)
    ):
        return None
    dscp = dscp or Dscp()
    outer, flags = int(head["outer_class"]), int(head["flags"])
    trimmed = outer >> 22 & 0x3F in (dscp.trimmed, dscp.trimmed_lasthop)
    end = min(layout.UDP + int(head["udp_length"]), length)
    whole = not trimmed and end <= len(frame) and end >= layout.EXT + layout.ICRC
    opcode, psn = Opcode(int(head["opcode"])), int(head["psn"]) & PSN_MASK
    rest = frame[layout.EXT : len(frame) if trimmed else end - layout.ICRC]
    pad = int(head["pad"]) >> 4 & 3
    size = None if trimmed else end - layout.ICRC - layout.EXT - pad
    sport, label = int(head["sport"]), int(head["inner_class"])
    return Packet(
        source=frame[layout.INNER + 8 : layout.INNER + 24],
        target=frame[layout.INNER + 24 : layout.INNER + 40],
        traffic_class=outer >> 20 & 0xFF,
        ev=(form or EvFormat()).join(sport, label),
        opcode=opcode,
        dqp=int(head["dqp"]) & 0xFFFFFF,
        psn=psn,
        ack_request=bool(flags & FLAG_ACK_REQUEST),
        retransmission=bool(flags & FLAG_RETRANSMISSION),
        trimmed=trimmed,
        sound=_sound(frame, end) if whole else None,
        body=_write(opcode, rest, bool(flags & FLAG_TIMESTAMP), size)
        if opcode in _WRITES
        else _control(opcode, rest, psn),
    )


def _sound(frame: bytes, end: int) -> bool:
    buffer = np.frombuffer(frame, np.uint8)[None].copy()
    return bool(icrc.check(buffer, 0, np.array([0]), np.array([end]))[0])


def _write(opcode: Opcode, rest: bytes, stamped: bool, size: int | None) -> Write | None:
    stamp = layout.METH_LEN  # where TSETH stands, if BTH.ts (spec 2.1)
    reth = stamp + layout.TSETH_LEN * stamped
    data = reth + layout.RETH_LEN
    behind = data + layout.IMM_LEN * (opcode in _IMMEDIATE)
    if len(rest) < behind:
        return None

    def number(at: int, length: int) -> int:
        return int.from_bytes(rest[at : at + length], "big")

    return Write(
        rqmsn=number(0, 2),
        msn=number(2, 2),
        timestamp=number(stamp, 2) if stamped else None,
        address=number(reth, 8),
        rkey=number(reth + 8, 4),
        dma_length=number(reth + 12, 4),
        immediate=number(data, 4) if opcode in _IMMEDIATE else None,
        length=None if size is None else size - behind,
    )


def _control(opcode: Opcode, rest: bytes, psn: int) -> Body | None:
    length = _LENGTHS[opcode]
    if len(rest) < length:
        return None
    rest = rest[:length]
    match opcode:
        case Opcode.SACK:
            return Sack.unpack(rest)
        case Opcode.NACK:
            return Nack.unpack(rest)
        case Opcode.PROBE:
            return Probe(*unpack_probe(rest))
        case Opcode.ENDPOINT_REQUEST:
            return Request(*unpack_request(rest))
        case Opcode.ENDPOINT_RESPONSE:
            bits, stamp = layout.EETH.unpack(rest)
            return Response(bits >> 2 & 3, stamp)
    return TransportAck.unpack(rest, psn)


_LENGTHS = {
    Opcode.TRANSPORT_ACK: layout.AETH_LEN,
    Opcode.ENDPOINT_REQUEST: layout.ERTH_LEN,
    Opcode.ENDPOINT_RESPONSE: layout.EETH_LEN,
    Opcode.SACK: layout.SACK_LEN,
    Opcode.NACK: layout.NETH_LEN,
    Opcode.PROBE: layout.PETH_LEN,
}


def words(packet: Packet) -> str:
    """A packet in a line, without its addresses."""
    return f"{packet.name} QP {packet.dqp:#x} EV {packet.ev:#010x} {_told(packet)}{_flags(packet)}".rstrip()


def _told(packet: Packet) -> str:
    match packet.body:
        case Write(msn=msn, length=length, immediate=immediate):
            size = "" if length is None else f", {length} B"
            return f"PSN {packet.psn}, MSN {msn}{size}" + (
                f", imm {immediate:#x}" if immediate is not None else ""
            )
        case Sack(cack=cack, probe=probe, trigger=trigger, bitmap=bitmap, mark=mark, entropy=entropy):
            asked = f"answers probe {trigger:#x}" if probe else f"answers {(cack + trigger) & PSN_MASK}"
            held = f", {bitmap.bit_count()} beyond" if bitmap else ""
            skip = f", {_MARKS[mark]}" if mark else ""
            return f"up to PSN {cack}{held}, {asked} on {entropy:#010x}{skip}"
        case Nack(reason=reason, psn=psn, entropy=entropy):
            return f"PSN {psn} on {entropy:#010x}, reason {reason:#04x}"
        case Probe(probe_id=number):
            return f"id {number:#x}"
        case Request(op=op, mask=mask):
            asked = f"ports {mask:#x}" if op == EndpointOp.PORT_STATUS_UPDATE else "EV probe"
            return f"id {packet.psn & 0xFFFF:#x}, {asked}"
        case Response(op=op):
            asked = "ports" if op == EndpointOp.PORT_STATUS_UPDATE else "EV probe"
            return f"id {packet.psn & 0xFFFF:#x}, {asked}"
        case TransportAck(psn=psn, msn=msn):
            return f"up to PSN {psn}, MSN {msn}"
    return f"PSN {packet.psn}, cut short"


_MARKS = {1: "SKIP_ONCE", 2: "ALWAYS_SKIP"}


def _flags(packet: Packet) -> str:
    told = {"rtx": packet.retransmission, "trimmed": packet.trimmed, "wrong ICRC": packet.sound is False}
    return "".join(f", {word}" for word, so in told.items() if so)
