"""Control packets as records: SACK, reliability probe, endpoint request and response (spec 2.7-2.11)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mrcnet.compiled import Octets, compiled, copy, put16, put32
from mrcnet.mrc.wire import icrc, layout
from mrcnet.mrc.wire.frames import TxBatch
from mrcnet.mrc.wire.numbers import PSN_MASK, EndpointOp, Mark, Opcode


@dataclass(frozen=True, slots=True)
class Sack:
    """spec 2.7: SETH and CC_STATE. `trigger` is ack_psn_offset, or the probe id if `probe`."""

    mark: int
    probe: bool
    trigger: int
    entropy: int
    spdcid: int
    dpdcid: int
    cack: int
    mpr: int
    offset: int
    bitmap: int
    timestamp: int
    ooo_count: int
    rcvd_bytes: int
    penalty: int = 0
    restore: bool = False

    def pack(self) -> bytes:
        """-> 36 bytes."""
        return layout.SACK.pack(
            self.mark << 5 | self.probe << 1,
            self.trigger & 0xFFFF,
            self.entropy,
            self.spdcid & 0xFFFF,
            self.dpdcid & 0xFFFF,
            self.cack & PSN_MASK,
            0,  # cc_type NSCC, cc_fl 0 (section 9 no. 6)
            self.mpr,
            self.offset,
            self.bitmap,
            self.timestamp,
            min(self.ooo_count, 0x7FFF),
            self.restore << 31 | self.penalty << 24 | (self.rcvd_bytes & 0xFFFFFF),
        )

    @classmethod
    def unpack(cls, data: bytes) -> Sack:
        """36 bytes -> record. Any bytes give a record; the mark 3 reads as NONE (spec 3.5)."""
        (bits, trigger, entropy, spdcid, dpdcid, cack, _, mpr, offset, bitmap, stamp, ooo, last) = (
            layout.SACK.unpack(data)
        )
        mark = bits >> 5 & 3
        probe = bool(bits >> 1 & 1)
        if not probe and trigger >= 0x8000:
            trigger -= 0x10000
        return cls(
            mark=mark if mark != 3 else Mark.NONE,
            probe=probe,
            trigger=trigger,
            entropy=entropy,
            spdcid=spdcid,
            dpdcid=dpdcid,
            cack=cack & PSN_MASK,
            mpr=mpr,
            offset=offset,
            bitmap=bitmap,
            timestamp=stamp,
            ooo_count=ooo & 0x7FFF,
            rcvd_bytes=last & 0xFFFFFF,
            penalty=last >> 24 & 0x7F,
            restore=bool(last >> 31),
        )


@dataclass(frozen=True, slots=True)
class Nack:
    """spec 2.8, NETH: `psn` (24 bit) was not taken, for `reason` (spec 2.13, unknown ones included)."""

    reason: int
    entropy: int
    spdcid: int
    dpdcid: int
    psn: int
    timestamp: int

    def pack(self) -> bytes:
        """-> 20 bytes; cc_type is 2 (section 9 no. 6)."""
        return layout.NETH.pack(
            0,
            self.reason,
            0,
            self.entropy,
            self.spdcid & 0xFFFF,
            self.dpdcid & 0xFFFF,
            self.psn & PSN_MASK,
            0x20,
            0,
            self.timestamp,
        )

    @classmethod
    def unpack(cls, data: bytes) -> Nack:
        """20 bytes -> record."""
        _, reason, _, entropy, spdcid, dpdcid, psn, _, _, stamp = layout.NETH.unpack(data)
        return cls(reason, entropy, spdcid, dpdcid, psn & PSN_MASK, stamp)


@dataclass(frozen=True, slots=True)
class TransportAck:
    """spec 2.6, AETH: all up to `psn` is there; `msn` counts messages. The syndrome 0x1F is a plain one."""

    psn: int
    msn: int
    syndrome: int = 0x1F  # credits are not used

    def pack(self) -> bytes:
        """-> 4 bytes; the PSN travels in the BTH (spec 2.12)."""
        return layout.AETH.pack(self.syndrome << 24 | (self.msn & 0xFFFFFF))

    @classmethod
    def unpack(cls, data: bytes, psn: int) -> TransportAck:
        """4 bytes and the BTH's PSN -> record."""
        (word,) = layout.AETH.unpack(data)
        return cls(psn, word & 0xFFFFFF, word >> 24)

    @property
    def refuses(self) -> bool:
        """A NAK that ends the QP; the NAK of a sequence error (code 0) does not."""
        return self.syndrome >> 5 == 0b011 and self.syndrome & 0x1F != 0


def pack_probe(probe_id: int, spdcid: int, dpdcid: int, stamp: int, unit: int) -> bytes:
    """spec 2.9: PETH, 16 bytes."""
    return layout.PETH.pack(
        0, 0, 0, probe_id, 0, spdcid & 0xFFFF, dpdcid & 0xFFFF, stamp, unit | layout.TIMESTAMP_FTYPE
    )


def unpack_probe(data: bytes) -> tuple[int, int]:
    """16 bytes -> (probe id, timestamp)."""
    fields = layout.PETH.unpack(data)
    return fields[3], fields[7]


def pack_request(op: EndpointOp, mask: int, stamp: int, unit: int) -> bytes:
    """spec 2.10: ERTH, 16 bytes."""
    return layout.ERTH.pack(op, 0, 0, mask, stamp, unit | layout.TIMESTAMP_FTYPE)


def unpack_request(data: bytes) -> tuple[int, int, int]:
    """16 bytes -> (op, port status mask, timestamp)."""
    op, _, _, mask, stamp, _ = layout.ERTH.unpack(data)
    return op & 3, mask, stamp


def pack_response(op: EndpointOp, stamp: int) -> bytes:
    """spec 2.11: EETH, 36 bytes; the op sits in bits 3:2 (section 9 no. 25)."""
    return layout.EETH.pack(op << 2, stamp)


@compiled
def _write(row: Octets, head: Octets, body: Octets, opcode: int, word: int) -> int:
    """The frame without its ICRC; its length with it."""
    copy(row, 0, head, 0, layout.EXT)
    copy(row, layout.EXT, body, 0, len(body))
    length = layout.EXT + len(body) + layout.ICRC
    put16(row, layout.OUTER + 4, length - layout.INNER)
    put16(row, layout.INNER + 4, length - layout.UDP)
    put16(row, layout.UDP + 4, length - layout.UDP)
    row[layout.BTH] = opcode
    put32(row, layout.BTH + 8, word)
    return length


def append(
    out: TxBatch, head: bytes, port: int, opcode: Opcode, body: bytes, psn: int = 0, flags: int = 0
) -> None:
    """Write one control frame, sealed, into the next row of `out` (which must have room)."""
    row = out.count
    octets = np.frombuffer(head, np.uint8), np.frombuffer(body, np.uint8)
    out.length[row] = _write(out.buffer[row], *octets, int(opcode), flags << 24 | (psn & PSN_MASK))
    out.port[row] = port
    if out.icrc:
        icrc.seal(out.buffer, np.array([row]), out.length[row : row + 1])
    out.count += 1
