"""The receiving halves of all QPs of an end point: a row a QP, a column a fact; packets judged one by one.

A packet is taken if its PSN is the one expected; what comes early is dropped and answered with one NAK, what
comes again with an ACK. So bytes arrive in order, and a message needs no books but where it goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrcnet.compiled import Octets, compiled, copy, get16, get24, get32, get64, same
from mrcnet.mrc.intake import Admitted
from mrcnet.mrc.memory import Table, find
from mrcnet.mrc.wire.frames import RxBatch
from mrcnet.mrc.wire.layout import BTH, EXT, ICRC, INNER, OUTER, RETH_LEN
from mrcnet.mrc.wire.numbers import ECN_CE, PSN_MASK
from mrcnet.rocev2.wire import ACK_REQUEST, CREDITS_UNLIMITED, Nak, Opcode

Column = npt.NDArray[np.int64]

# the columns: expected PSN, a NAK is out, messages whole, region, offset in it, bytes that the message still
# wants, bytes of it, answer owed (0: none), CE seen, in error, and the books
EXPECTED, NAKED, MESSAGES, REGION, OFFSET, LEFT, OWED, MARKED, FAILED = range(9)
ARRIVED, DELIVERED, DUPLICATES, EARLY = range(9, 13)
COLUMNS = 13
ACK = CREDITS_UNLIMITED
_SEQUENCE, _INVALID, _ACCESS = int(Nak.SEQUENCE), int(Nak.INVALID_REQUEST), int(Nak.REMOTE_ACCESS)
_FIRST, _MIDDLE, _LAST, _ONLY = (
    int(opcode) for opcode in (Opcode.WRITE_FIRST, Opcode.WRITE_MIDDLE, Opcode.WRITE_LAST, Opcode.WRITE_ONLY)
)
_ROW, _IN, _AT, _SIZE, _HEAD = range(5)
_HALF = 1 << 23


@dataclass(frozen=True, slots=True)
class Taken:
    """What a batch brought: messages that became whole (QP, number in it), and packets refused unread."""

    whole: Column
    refused: int


@compiled
def _write(row: Octets, at: int, end: int, opcode: int, state: Column, regions: Table, payload: int) -> int:
    """Can an expected packet be carried out? 0, and where it goes in `state`; or the refusal."""
    begins = opcode in (_FIRST, _ONLY)
    head = at + EXT + (RETH_LEN if begins else 0)
    size = at + end - ICRC - (row[at + BTH + 1] >> 4 & 3) - head
    if begins != (state[LEFT] == 0) or size < 1 or size > payload:
        return _INVALID
    if begins:
        total = get32(row, at + EXT + 12)
        if total < 1:
            return _INVALID
        region, offset = find(regions, get32(row, at + EXT + 8), get64(row, at + EXT), total)
        if region < 0:
            return _ACCESS
        state[REGION], state[OFFSET], state[LEFT] = region, offset, total
    ends = opcode in (_LAST, _ONLY)
    if ends != (size == state[LEFT]) or size > state[LEFT] or (not ends and size != payload):
        return _INVALID
    return 0


@compiled
def _judge(
    batch: tuple[Octets, int, Column],
    admitted: tuple[Column, Column, Column, Column],
    which: Column,
    states: Column,
    peers: npt.NDArray[np.uint8],
    regions: Table,
    payload: int,
) -> tuple[Column, Column, int]:
    """-> (payloads to place: row, region, offset, size, first column), (messages: QP, number), refused.

    `which`: the QP of each packet, -1 if there is none. `peers` (QPs, ports, 16): addresses of the peers.
    """
    buffer, at, ports = batch
    rows, ends, opcodes, _ = admitted
    found, whole = np.empty((5, len(rows)), np.int64), np.empty((2, len(rows)), np.int64)
    kept = done = refused = 0
    for number in range(len(rows)):
        row, qp, opcode = buffer[rows[number]], which[number], opcodes[number]
        if qp < 0 or not same(row, at + INNER + 8, peers[qp, ports[rows[number]]]) or states[qp, FAILED]:
            refused += 1
            continue
        state = states[qp]
        state[ARRIVED] += 1
        if get16(row, at + OUTER) >> 4 & 3 == ECN_CE:  # marks are on the outer header
            state[MARKED] = 1
        ahead = (get24(row, at + BTH + 9) - state[EXPECTED]) & PSN_MASK
        if ahead >= _HALF:
            state[DUPLICATES] += 1
            if state[OWED] == 0:
                state[OWED] = ACK
            continue
        if ahead > 0:
            state[EARLY] += 1
            if not state[NAKED]:  # one NAK for a gap
                state[NAKED], state[OWED] = 1, _SEQUENCE
            continue
        verdict = _write(row, at, ends[number], opcode, state, regions, payload)
        if verdict != 0:
            state[OWED], state[FAILED] = verdict, 1
            continue
        head = at + EXT + (RETH_LEN if opcode in (_FIRST, _ONLY) else 0)
        size = at + ends[number] - ICRC - (row[at + BTH + 1] >> 4 & 3) - head
        column = found[:, kept]
        column[_ROW], column[_IN], column[_AT] = rows[number], state[REGION], state[OFFSET]
        column[_SIZE], column[_HEAD] = size, head
        kept += 1
        state[OFFSET] += size
        state[LEFT] -= size
        state[EXPECTED] = state[EXPECTED] + 1 & PSN_MASK
        state[NAKED] = 0
        state[DELIVERED] += 1
        if state[OWED] == _SEQUENCE or row[at + BTH + 8] & ACK_REQUEST:
            state[OWED] = ACK  # those of a batch are one
        if state[LEFT] == 0:
            whole[0, done], whole[1, done] = qp, state[MESSAGES]
            done += 1
            state[MESSAGES] += 1
    return found[:, :kept], whole[:, :done], refused


@compiled
def _place(
    data: Octets, region: int, buffer: Octets, ports: Column, found: Column, delivered: Column
) -> None:
    """Payloads of one region to their places."""
    for number in range(found.shape[1]):
        if found[_IN, number] == region:
            row, size = found[_ROW, number], found[_SIZE, number]
            copy(data, found[_AT, number], buffer[row], found[_HEAD, number], size)
            delivered[ports[row]] += size


class Responders:
    """`states` (QPs, columns) are to be read, and what is owed taken back, by the end point."""

    def __init__(self, ports: int, payload: int) -> None:
        self.states = np.zeros((0, COLUMNS), np.int64)
        self.delivered_bytes = np.zeros(ports, np.int64)
        self._peers = np.zeros((0, ports, 16), np.uint8)
        self._payload = payload

    def add(self, start_psn: int, peer: npt.NDArray[np.uint8]) -> int:
        """A QP whose peer has these addresses (ports, 16); returns its number."""
        state = np.zeros((1, COLUMNS), np.int64)
        state[0, EXPECTED] = start_psn & PSN_MASK
        self.states = np.concatenate((self.states, state))
        self._peers = np.concatenate((self._peers, peer[None]))
        return len(self.states) - 1

    def take(
        self, batch: RxBatch, writes: Admitted, which: Column, regions: Table, data: list[Octets]
    ) -> Taken:
        """Judge the packets of a batch in order, and write to memory what is taken."""
        admitted = (writes.rows, writes.ends, writes.opcode, writes.dqp)
        frames = (batch.buffer, batch.at, batch.port)
        found, whole, refused = _judge(
            frames, admitted, which, self.states, self._peers, regions, self._payload
        )
        for region in np.unique(found[_IN]).tolist():
            _place(data[region], region, batch.buffer, batch.port, found, self.delivered_bytes)
        return Taken(whole, refused)
