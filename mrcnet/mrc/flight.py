"""What a requestor has sent and not yet seen acknowledged: a column a fact, a row a packet.

Columns are indexed by PSN modulo their size, a power of two. An entry is valid from the packet's first
transmission until the cumulative acknowledgement passes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.memory import Pick, Region, pick
from mrcnet.mrc.wire.layout import ICRC, UDP, WRITE_HEAD
from mrcnet.mrc.wire.numbers import NOMINAL_OVERHEAD, Opcode

Column = npt.NDArray[Any]
Psns = npt.NDArray[np.int64]
OVERHEAD = WRITE_HEAD - UDP + ICRC + NOMINAL_OVERHEAD  # nominal size of a write less its payload


class Slot(IntEnum):
    """What a PSN's column entry says."""

    IN_FLIGHT = 0
    LOST = 1
    ARRIVED = 2


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


@dataclass(frozen=True, slots=True)
class Columns:
    """Packets to be framed: offsets in the source region, target addresses, payload sizes, ..."""

    source: Column
    address: Column
    size: Column
    message: Column
    opcode: Column
    rkey: Column
    total: Column  # bytes of the whole message (section 9 no. 8)
    again: Column  # bool: a retransmission


class Flight:
    """Packets on their way. `in_flight` counts nominal bytes, `lost` packets that wait to be sent again."""

    def __init__(self, window: int, payload: int, evs: int) -> None:
        """For windows of up to `window` PSN, messages cut at `payload` bytes, over `evs` EVs."""
        size = 1 << (window - 1).bit_length()
        self.in_flight = 0
        self.lost = 0
        self._payload = payload
        self._mask = size - 1
        self._slot = np.full(size, Slot.ARRIVED, np.uint8)
        self._ev = np.zeros(size, np.int64)
        self._sent_at = np.zeros(size, np.int64)
        self._order = np.zeros(size, np.int64)  # counts transmissions: tells what was sent later
        self._tries = np.zeros(size, np.int64)
        self._size = np.zeros(size, np.int64)
        self._source = np.zeros(size, np.int64)
        self._address = np.zeros(size, np.uint64)
        self._message = np.zeros(size, np.int64)
        self._opcode = np.zeros(size, np.uint8)
        self._rkey = np.zeros(size, np.uint32)
        self._total = np.zeros(size, np.uint32)
        self._transmissions = 0
        self._arrived_order = np.full(evs, -1, np.int64)  # newest transmission that arrived, per EV

    def _at(self, psn: Column) -> Pick:
        """Where PSNs stand in the columns."""
        return pick(psn & self._mask)

    # ---- sending -------------------------------------------------------------------------------

    def describe(self, message: Message, start: int, end: int) -> None:
        """Fill the columns of the packets [start, end) of a message, which go for the first time."""
        mtu = self._payload
        at = self._at(np.arange(start, end))
        piece = np.arange(start - message.first, end - message.first) * mtu  # spec 2.6: base + k x MTU
        self._source[at] = message.offset + piece
        self._address[at] = np.uint64(message.address) + piece.astype(np.uint64)
        self._size[at] = np.minimum(message.length - piece, mtu)
        self._message[at] = message.number
        self._rkey[at] = message.rkey
        self._total[at] = message.length
        self._tries[at] = 0
        self._opcode[at] = Opcode.WRITE_MIDDLE
        if start == message.first:
            self._opcode[start & self._mask] = Opcode.WRITE_FIRST
        if end == message.last + 1:
            last = message.last & self._mask
            only = message.first == message.last
            self._opcode[last] = Opcode.WRITE_ONLY if only else Opcode.WRITE_LAST
            if message.immediate is not None:
                self._opcode[last] += 1  # spec 2.4: each has a sister with an immediate

    def send(self, psn: Psns, ev: Psns, again: int, now: int) -> int:
        """Packets leave at `now`, the first `again` of them not for the first time; their nominal bytes."""
        at = self._at(psn)
        self._slot[at] = Slot.IN_FLIGHT
        self._ev[at] = ev
        self._sent_at[at] = now
        self._order[at] = np.arange(self._transmissions, self._transmissions + len(psn))
        self._tries[at] += 1
        self._transmissions += len(psn)
        self.lost -= again
        size = int(self._size[at].sum()) + OVERHEAD * len(psn)
        self.in_flight += size
        return size

    def columns(self, psn: Psns) -> Columns:
        """What the frames of packets in flight must say; good until the next packets are described."""
        at = self._at(psn)
        return Columns(
            self._source[at],
            self._address[at],
            self._size[at],
            self._message[at],
            self._opcode[at],
            self._rkey[at],
            self._total[at],
            self._tries[at] > 1,
        )

    def holes(self, start: int, end: int) -> Psns:
        """The PSNs of [start, end) that wait to be sent again, oldest first."""
        if not self.lost:
            return np.empty(0, np.int64)
        return self._that_are(Slot.LOST, start, end)

    def flying(self, start: int, end: int) -> tuple[Psns, Psns]:
        """(PSN, time of sending) of those of [start, end) that are under way."""
        psn = self._that_are(Slot.IN_FLIGHT, start, end)
        return psn, self._sent_at[psn & self._mask]

    def _that_are(self, slot: Slot, start: int, end: int) -> Psns:
        psn = np.arange(start, end)
        return np.asarray(psn[self._slot[psn & self._mask] == slot])

    # ---- learning ------------------------------------------------------------------------------

    def sent_at(self, psn: int, rtx: bool) -> int | None:
        """When the copy of a packet that arrived was sent, where that is certain (spec 5.4): it was sent
        once, or repeated once and its acknowledgement says so.
        """
        at = psn & self._mask
        tries = int(self._tries[at])
        return int(self._sent_at[at]) if tries == 1 or (tries == 2 and rtx) else None

    def has_arrived(self, psn: int) -> bool:
        """Whether a packet is known to have arrived."""
        return bool(self._slot[psn & self._mask] == Slot.ARRIVED)

    def arrive(self, psn: Psns) -> bool:
        """Packets arrived; True if that was not known of all of them."""
        at = psn & self._mask
        at = at[self._slot[at] != Slot.ARRIVED]
        if not len(at):
            return False
        flying = at[self._slot[at] == Slot.IN_FLIGHT]
        self.lost -= len(at) - len(flying)
        self._slot[at] = Slot.ARRIVED
        self.in_flight -= int(self._size[flying].sum()) + OVERHEAD * len(flying)
        once = flying[self._tries[flying] == 1]  # which copy of a repeated packet arrived is not known
        np.maximum.at(self._arrived_order, self._ev[once], self._order[once])
        return True

    def unexplained(self, missing: Psns, proof: int | None, base_rtt: int, now: int) -> Psns:
        """Those of the `missing` packets that are lost, not late (spec 4.5).

        A hole is lost when a packet sent later on the same EV has arrived, or one sent at least a base RTT
        later on any (at `proof`); a repeated packet gets the same patience from its last sending.
        """
        at = missing & self._mask
        flying = self._slot[at] == Slot.IN_FLIGHT
        missing, at = missing[flying], at[flying]
        lost = self._order[at] < self._arrived_order[self._ev[at]]
        if proof is not None:
            lost |= self._sent_at[at] + base_rtt <= proof
        lost &= (self._tries[at] == 1) | (self._sent_at[at] + base_rtt <= now)
        return np.asarray(missing[lost])

    def lose(self, psn: Psns) -> tuple[Psns, Psns, int]:
        """Packets under way are given up: (their EVs, when they were sent, their nominal bytes)."""
        at = psn & self._mask
        self._slot[at] = Slot.LOST
        self.lost += len(psn)
        size = int(self._size[at].sum()) + OVERHEAD * len(psn)
        self.in_flight -= size
        return self._ev[at], self._sent_at[at], size

    def clear(self) -> None:
        """Nothing is under way any more."""
        self._slot[:] = Slot.ARRIVED
        self.in_flight = self.lost = 0
