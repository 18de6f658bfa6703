"""What a requestor has sent and not yet seen acknowledged: a row a packet, a column a fact.

Rows are PSNs modulo their number, a power of two. A row is valid from the packet's first transmission until
the cumulative acknowledgement passes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrcnet.compiled import compiled
from mrcnet.mrc.memory import Region
from mrcnet.mrc.wire.layout import ICRC, UDP, WRITE_HEAD
from mrcnet.mrc.wire.numbers import NOMINAL_OVERHEAD, Opcode

Column = npt.NDArray[np.int64]
Psns = npt.NDArray[np.int64]
OVERHEAD = WRITE_HEAD - UDP + ICRC + NOMINAL_OVERHEAD  # nominal size of a write less its payload

# where a packet stands
_IN_FLIGHT, _LOST, _ARRIVED = range(3)
# the columns; `order` counts transmissions: it tells what was sent later
SLOT, EV, SENT_AT, ORDER, TRIES, SIZE, SOURCE, ADDRESS, MESSAGE, OPCODE, RKEY, TOTAL = range(12)
_FACTS = 12

_FIRST, _MIDDLE, _LAST, _ONLY = (
    int(opcode) for opcode in (Opcode.WRITE_FIRST, Opcode.WRITE_MIDDLE, Opcode.WRITE_LAST, Opcode.WRITE_ONLY)
)


@dataclass(slots=True)
class Message:
    """A posted write: `length` bytes of `source` from `offset` on, to `address` in the peer's region."""

    number: int
    source: Region
    offset: int
    length: int
    address: int
    rkey: int
    first: int  # PSN of its first packet
    last: int
    immediate: int | None = None
    rqmsn: int = 0  # spec 2.6: counts WriteIMM; 0 in plain writes


@compiled
def _describe(facts: Column, start: int, end: int, message: tuple[int, ...], payload: int) -> None:
    number, offset, length, address, rkey, first, last, immediate = message
    mask = len(facts) - 1
    for psn in range(start, end):
        row = facts[psn & mask]
        piece = (psn - first) * payload  # spec 2.6: base + k x MTU
        row[SOURCE] = offset + piece
        row[ADDRESS] = address + piece
        row[SIZE] = min(length - piece, payload)
        row[MESSAGE] = number
        row[RKEY] = rkey
        row[TOTAL] = length
        row[TRIES] = 0
        if psn == last:
            # spec 2.4: each has a sister with an immediate
            row[OPCODE] = (_ONLY if first == last else _LAST) + immediate
        else:
            row[OPCODE] = _FIRST if psn == first else _MIDDLE


@compiled
def _send(facts: Column, psn: Psns, ev: Column, order: int, now: int, sent: Column) -> int:
    mask, size = len(facts) - 1, 0
    for number in range(len(psn)):
        row = facts[psn[number] & mask]
        row[SLOT] = _IN_FLIGHT
        row[EV] = ev[number]
        row[SENT_AT] = now
        row[ORDER] = order + number
        row[TRIES] += 1
        size += row[SIZE] + OVERHEAD
        sent[ev[number]] += 1
    return size


@compiled
def _that_are(facts: Column, slot: int, start: int, end: int, most: int) -> Psns:
    found = np.empty(max(min(end - start, most), 0), np.int64)
    mask, count = len(facts) - 1, 0
    for psn in range(start, end):
        if count == most:
            break
        if facts[psn & mask, SLOT] == slot:
            found[count] = psn
            count += 1
    return found[:count]


@compiled
def _arrive(facts: Column, psn: int, arrived_order: Column) -> tuple[int, int, int]:
    """(1 if that is news, 1 if it had been given up, nominal bytes that are no longer in flight)."""
    row = facts[psn & len(facts) - 1]
    slot = row[SLOT]
    if slot == _ARRIVED:
        return 0, 0, 0
    row[SLOT] = _ARRIVED
    if slot == _LOST:
        return 1, 1, 0
    if row[TRIES] == 1:  # which copy of a repeated packet arrived is not known
        arrived_order[row[EV]] = max(arrived_order[row[EV]], row[ORDER])
    return 1, 0, row[SIZE] + OVERHEAD


@compiled
def _hear(
    facts: Column, arrived_order: Column, cacks: tuple[int, int], stop: int, base: int, bitmap: Column
) -> tuple[int, int, int, int]:
    """(news, of these given up before, nominal bytes, packets in flight that the bitmap shows as missing)."""
    before, cack = cacks
    news = given_up = size = missing = 0
    for psn in range(before + 1, cack + 1):
        one, lost, octets = _arrive(facts, psn, arrived_order)
        news, given_up, size = news + one, given_up + lost, size + octets
    for psn in range(max(base, before + 1, cack + 1), min(base + 64, stop)):
        bit = psn - base
        if bitmap[bit >> 5] >> (bit & 31) & 1:
            one, lost, octets = _arrive(facts, psn, arrived_order)
            news, given_up, size = news + one, given_up + lost, size + octets
        elif facts[psn & len(facts) - 1, SLOT] == _IN_FLIGHT:
            missing += 1
    return news, given_up, size, missing


@compiled
def _unexplained(
    facts: Column,
    arrived_order: Column,
    window: tuple[int, int, int],
    bitmap: Column,
    proof: int,
    patience: int,
    now: int,
) -> Psns:
    base, start, stop = window
    found = np.empty(64, np.int64)
    count = 0
    for psn in range(max(base, start), min(base + 64, stop)):
        bit = psn - base
        row = facts[psn & len(facts) - 1]
        if bitmap[bit >> 5] >> (bit & 31) & 1 or row[SLOT] != _IN_FLIGHT:
            continue
        lost = row[ORDER] < arrived_order[row[EV]] or row[SENT_AT] + patience <= proof
        if lost and (row[TRIES] == 1 or row[SENT_AT] + patience <= now):
            found[count] = psn
            count += 1
    return found[:count]


@dataclass(frozen=True, slots=True)
class Bitmap:
    """A SACK's: 64 PSNs from `base` on, as two words, low half first."""

    base: int
    words: Column

    @classmethod
    def of(cls, base: int, bitmap: int) -> Bitmap:
        """From the 64 bits of the wire (section 9 no. 10: bit 0 is the first)."""
        return cls(base, np.array((bitmap & 0xFFFFFFFF, bitmap >> 32), np.int64))


class Flight:
    """Packets on their way. `in_flight` counts nominal bytes, `lost` packets that wait to be sent again.

    `facts` (rows, columns) is to be read only.
    """

    def __init__(self, window: int, payload: int, evs: int) -> None:
        """For windows of up to `window` PSN, messages cut at `payload` bytes, over `evs` EVs."""
        size = 1 << (window - 1).bit_length()
        self.in_flight = 0
        self.lost = 0
        self.facts = np.zeros((size, _FACTS), np.int64)
        self.facts[:, SLOT] = _ARRIVED
        self._payload = payload
        self._transmissions = 0
        self._arrived_order = np.full(evs, -1, np.int64)  # newest transmission that arrived, per EV

    def _of(self, psn: Psns) -> Column:
        """The rows of packets, copied."""
        return np.asarray(self.facts[psn & len(self.facts) - 1])

    # ---- sending -------------------------------------------------------------------------------

    def describe(self, message: Message, start: int, end: int) -> None:
        """Fill the rows of the packets [start, end) of a message, which go for the first time."""
        address = message.address - (message.address >> 63 << 64)  # as 64 bits with a sign
        immediate = int(message.immediate is not None)
        told = (message.number, message.offset, message.length, address, message.rkey)
        _describe(self.facts, start, end, (*told, message.first, message.last, immediate), self._payload)

    def send(self, psn: Psns, ev: Column, again: int, now: int, sent: Column) -> int:
        """Packets leave at `now`, the first `again` of them not for the first time; their nominal bytes.

        `sent` counts the packets of each EV.
        """
        size = int(_send(self.facts, psn, ev, self._transmissions, now, sent))
        self._transmissions += len(psn)
        self.lost -= again
        self.in_flight += size
        return size

    def holes(self, start: int, end: int, most: int) -> Psns:
        """The first `most` PSNs of [start, end) that wait to be sent again, oldest first."""
        if not self.lost:
            return np.empty(0, np.int64)
        return _that_are(self.facts, _LOST, start, end, min(most, self.lost))

    def flying(self, start: int, end: int) -> tuple[Psns, Column]:
        """(PSN, time of sending) of those of [start, end) that are under way."""
        psn = _that_are(self.facts, _IN_FLIGHT, start, end, end - start)
        return psn, self._of(psn)[:, SENT_AT]

    # ---- learning ------------------------------------------------------------------------------

    def sent_at(self, psn: int, rtx: bool) -> int | None:
        """When the copy of a packet that arrived was sent, where that is certain (spec 5.4): it was sent
        once, or repeated once and its acknowledgement says so.
        """
        row = self.facts[psn & len(self.facts) - 1]
        tries = row[TRIES]
        return int(row[SENT_AT]) if tries == 1 or (tries == 2 and rtx) else None

    def has_arrived(self, psn: int) -> bool:
        """Whether a packet is known to have arrived."""
        return bool(self.facts[psn & len(self.facts) - 1, SLOT] == _ARRIVED)

    def hear(self, before: int, cack: int, bitmap: Bitmap, stop: int) -> tuple[bool, int]:
        """What lies in (before, cack], and what a bitmap shows of the PSNs up to `stop`, has arrived.

        -> (whether that is news, how many packets in flight the bitmap shows as missing)
        """
        news, given_up, size, missing = _hear(
            self.facts, self._arrived_order, (before, cack), stop, bitmap.base, bitmap.words
        )
        self.lost -= given_up
        self.in_flight -= size
        return news > 0, missing

    def unexplained(
        self, bitmap: Bitmap, start: int, stop: int, proof: int | None, patience: int, now: int
    ) -> Psns:
        """Those of [start, stop) that a bitmap shows as missing and that are lost, not late (spec 4.5).

        A hole is lost when a packet sent later on the same EV has arrived, or one sent at least `patience`
        later on any (at `proof`); a repeated packet gets the same patience from its last sending.
        """
        latest = -1 << 62 if proof is None else proof
        window = (bitmap.base, start, stop)
        return _unexplained(self.facts, self._arrived_order, window, bitmap.words, latest, patience, now)

    def lose(self, psn: Psns) -> tuple[Column, Column, int]:
        """Packets under way are given up: (their EVs, when they were sent, their nominal bytes)."""
        self.facts[psn & len(self.facts) - 1, SLOT] = _LOST
        rows = self._of(psn)
        self.lost += len(psn)
        size = int(rows[:, SIZE].sum()) + OVERHEAD * len(psn)
        self.in_flight -= size
        return rows[:, EV], rows[:, SENT_AT], size

    def clear(self) -> None:
        """Nothing is under way any more."""
        self.facts[:, SLOT] = _ARRIVED
        self.in_flight = self.lost = 0
