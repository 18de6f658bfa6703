"""Write packets as frames: the headers of RoCEv2 around a piece of a message."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrcnet.compiled import Octets, compiled, copy, put16, put32, put64
from mrcnet.mrc.flight import Message
from mrcnet.mrc.wire.frames import TxBatch
from mrcnet.mrc.wire.layout import BTH, EXT, ICRC, INNER, OUTER, RETH_LEN, UDP
from mrcnet.rocev2.wire import ACK_REQUEST, Opcode

Column = npt.NDArray[np.int64]

_FIRST, _MIDDLE, _LAST, _ONLY = (
    int(opcode) for opcode in (Opcode.WRITE_FIRST, Opcode.WRITE_MIDDLE, Opcode.WRITE_LAST, Opcode.WRITE_ONLY)
)


@dataclass(frozen=True, slots=True)
class Head:
    """What all data packets of a QP begin with (114 bytes), and the local port by which they leave."""

    first: Octets
    port: int


@compiled
def _frame(
    out: tuple[Octets, Column, Column, int],
    packets: tuple[int, int, int, int],
    message: tuple[int, int, int, int, int, int],
    payload: int,
    head: tuple[Octets, int],
    source: Octets,
) -> None:
    """Frames of the packets [begin, end) of one message into a batch.

    `out`: buffer, lengths, ports, first row. `packets`: begin, end, how often an ACK is asked for, and from
    which packet on each asks. `message`: offset, length, address, rkey, first and last PSN.
    """
    buffer, lengths, ports, first_row = out
    begin, end, every, ask_from = packets
    offset, total, address, rkey, first, last = message
    common, port = head
    for psn in range(begin, end):
        at_row = first_row + psn - begin
        row = buffer[at_row]
        copy(row, 0, common, 0, EXT)
        piece = (psn - first) * payload
        size = min(total - piece, payload)
        start = EXT
        if psn == first:
            row[BTH] = _ONLY if first == last else _FIRST
            put64(row, EXT, address)
            put32(row, EXT + 8, rkey)
            put32(row, EXT + 12, total)
            start += RETH_LEN
        else:
            row[BTH] = _LAST if psn == last else _MIDDLE
        ask = psn == last or psn % every == every - 1 or psn >= ask_from
        put32(row, BTH + 8, (ACK_REQUEST << 24 if ask else 0) | (psn & 0xFFFFFF))
        copy(row, start, source, offset + piece, size)
        pad = -size & 3
        for place in range(pad):
            row[start + size + place] = 0
        row[BTH + 1] = pad << 4
        length = start + size + pad + ICRC
        put16(row, OUTER + 4, length - INNER)
        put16(row, INNER + 4, length - UDP)
        put16(row, UDP + 4, length - UDP)
        lengths[at_row] = length
        ports[at_row] = port


def frame_writes(
    out: TxBatch, message: Message, begin: int, end: int, payload: int, head: Head, every: int, ask_from: int
) -> None:
    """Append the packets [begin, end) of a message, unsealed; those from `ask_from` on ask for an ACK."""
    address = message.address - (message.address >> 63 << 64)  # as 64 bits with a sign
    _frame(
        (out.buffer, out.length, out.port, out.count),
        (begin, end, every, ask_from),
        (message.offset, message.length, address, message.rkey, message.first, message.last),
        payload,
        (head.first, head.port),
        message.source.data,
    )
    out.count += end - begin
