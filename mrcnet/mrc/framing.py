"""Write packets as frames: what a packet in flight says, around its payload (spec 2)."""

from __future__ import annotations

from dataclasses import dataclass

from mrcnet.compiled import Octets, compiled, copy, get16, put16, put32, put64
from mrcnet.mrc.flight import ADDRESS, MESSAGE, OPCODE, RKEY, SIZE, SOURCE, TOTAL, TRIES, Column, Psns
from mrcnet.mrc.requestor import Requestor
from mrcnet.mrc.wire.frames import TxBatch
from mrcnet.mrc.wire.layout import BTH, EXT, ICRC, IMM_LEN, INNER, METH_LEN, OUTER, UDP, WRITE_HEAD
from mrcnet.mrc.wire.numbers import FLAG_ACK_REQUEST, FLAG_RETRANSMISSION, FLAG_TIMESTAMP, Opcode

_TSETH, _RETH = EXT + METH_LEN, WRITE_HEAD - 16
_LAST, _ONLY = int(Opcode.WRITE_LAST), int(Opcode.WRITE_ONLY)
_LAST_IMM, _ONLY_IMM = int(Opcode.WRITE_LAST_IMM), int(Opcode.WRITE_ONLY_IMM)


@dataclass(frozen=True, slots=True)
class Heads:
    """By EV: the first bytes of its writes (EVs, 138), their local port (EVs), and, for all, what is to be
    exclusive-or-ed into the traffic class of a repeated packet.
    """

    rows: Octets
    port: Column
    again: int


@compiled
def _run(facts: Column, psn: Psns, begin: int) -> int:
    """Where the packets of another message begin."""
    mask, end = len(facts) - 1, begin + 1
    while end < len(psn) and facts[psn[end] & mask, MESSAGE] == facts[psn[begin] & mask, MESSAGE]:
        end += 1
    return end


@compiled
def _frame(
    out: tuple[Octets, Column, Column, int],
    packets: tuple[Psns, Column, int, int],
    facts: Column,
    heads: tuple[Octets, Column, int],
    source: Octets,
    words: tuple[int, int, int, int],
    room: Column,
) -> None:
    """Frames of packets of one message into a batch.

    `out`: buffer, lengths, ports, first row. `packets`: PSNs, EVs, and which of them: from, to. `words`:
    timestamp, RQMSN, immediate, and from which packet on an acknowledgement is asked for.
    """
    buffer, lengths, ports, first_row = out
    psns, evs, begin, end = packets
    head_rows, port_of, again = heads
    timestamp, rqmsn, immediate, ask_from = words
    for number in range(begin, end):
        psn, ev, at_row = psns[number], evs[number], first_row + number
        fact, row = facts[psn & len(facts) - 1], buffer[at_row]
        opcode, size, head = fact[OPCODE], fact[SIZE], WRITE_HEAD
        copy(row, 0, head_rows[ev], 0, WRITE_HEAD)
        flags = FLAG_TIMESTAMP
        if opcode in (_LAST, _LAST_IMM, _ONLY, _ONLY_IMM) or number >= ask_from:  # spec 5.2
            flags |= FLAG_ACK_REQUEST
        if fact[TRIES] > 1:
            flags |= FLAG_RETRANSMISSION
            put16(row, OUTER, get16(row, OUTER) ^ again << 4)
            put16(row, INNER, get16(row, INNER) ^ again << 4)
        row[BTH] = opcode
        put32(row, BTH + 8, flags << 24 | (psn & 0xFFFFFF))
        put16(row, EXT, rqmsn)  # spec 2.6: in all packets of a WriteIMM
        put16(row, EXT + 2, fact[MESSAGE])
        put16(row, _TSETH, timestamp)
        put64(row, _RETH, fact[ADDRESS])
        put32(row, _RETH + 8, fact[RKEY])
        put32(row, _RETH + 12, fact[TOTAL])
        if opcode in (_LAST_IMM, _ONLY_IMM):  # spec 2.1: ImmDt after RETH in the last packet
            put32(row, WRITE_HEAD, immediate)
            head += IMM_LEN
        copy(row, head, source, fact[SOURCE], size)
        pad = -size & 3  # spec 2.5
        for place in range(pad):
            row[head + size + place] = 0
        row[BTH + 1] = pad << 4
        length = head + size + pad + ICRC
        put16(row, OUTER + 4, length - INNER)
        put16(row, INNER + 4, length - UDP)
        put16(row, UDP + 4, length - UDP)
        lengths[at_row] = length
        ports[at_row] = port_of[ev]
        room[port_of[ev]] -= 1


def frame_writes(
    out: TxBatch,
    psn: Psns,
    ev: Column,
    requestor: Requestor,
    heads: Heads,
    timestamp: int,
    ask: int,
    room: Column,
) -> None:
    """Append the packets `psn` of a requestor, in ascending order, on the EVs `ev`.

    The last `ask` of them want to be acknowledged; `room` shrinks by what each port takes. The frames are not
    sealed.
    """
    begin, facts = 0, requestor.flight.facts
    while begin < len(psn):
        end = _run(facts, psn, begin)
        message = requestor.message(int(facts[psn[begin] & len(facts) - 1, MESSAGE]))
        _frame(
            (out.buffer, out.length, out.port, out.count),
            (psn, ev, begin, end),
            facts,
            (heads.rows, heads.port, heads.again),
            message.source.data,
            (timestamp, message.rqmsn, message.immediate or 0, len(psn) - ask),
            room,
        )
        begin = end
    out.count += len(psn)
