"""The receiving half of a QP (spec 3): what has arrived, where it goes, what the peer is told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.arrived import SPAN, Arrived, Column, Recorded
from mrcnet.mrc.events import Event, Failure, MessageArrived, QpFailed, ReceiveCompleted, ReceiveFailed
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.control import Nack, Sack, TransportAck
from mrcnet.mrc.wire.numbers import MPR_UNIT, Mark, NackReason

_REFUSALS = 4  # NACKs of one batch for packets beyond the window: a peer that floods is not answered in kind
_OLDEST = -(1 << 15)  # ack_psn_offset has 16 bits: older replays must not look like newer packets
_WAITING = 1 << 10  # SACKs that wait to be sent: a storm of probes drops the oldest, as a network would
_NEWS = 1 << 10  # PSNs that one step shows as newly missing: a far jump is not told hole by hole


@dataclass(frozen=True, slots=True)
class Immediate:
    """What the last packet of a WriteIMM brings (spec 2.6): its row in the batch, RQMSN and value."""

    row: int
    rqmsn: int
    value: int


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Write packets of one QP, in order of arrival, as columns (n)."""

    psn: Column  # 24 bits
    entropy: Column
    timestamp: Column
    udp_length: Column
    urgent: Column  # 1: rtx or acknowledge request set (spec 3.3)
    rtx: Column
    marked: Column  # 1: ECN CE on the outer header
    last: Column  # 1: the last packet of its message
    immediates: tuple[Immediate, ...] = ()


@dataclass(slots=True)
class Counters:
    """Books of the receiving half, in packets."""

    arrived: int = 0
    delivered: int = 0
    duplicates: int = 0
    out_of_window: int = 0
    trimmed: int = 0  # came as headers only (spec 3.1 step 1): not among the arrived


@dataclass(frozen=True, slots=True)
class Report:
    """A SACK to send and whether its BTH carries rtx (spec 2.12)."""

    sack: Sack
    rtx: bool


class Responder:
    """Keeps the window of one QP; says which packets are new and which SACKs to send."""

    def __init__(
        self, qpn: int, peer_qpn: int, start_psn: int, settings: Settings, emit: Callable[[Event], None]
    ) -> None:
        self.qpn = qpn
        self.counters = Counters()
        self._peer_qpn = peer_qpn
        self._settings = settings
        self._emit = emit
        self.units = settings.mpr_units  # spec 1.2: the window offered
        self._arrived = Arrived(start_psn, settings.mpr, settings.mpr_most)
        self._penalty, self._restore = 0, False
        self._acked = start_psn - 1  # what the last Transport ACK said
        self._rcvd_bytes = 0
        self._trigger = 0
        self._messages = 0
        self.failed = False
        self._receives: deque[int] = deque()  # requests posted for the immediates to come
        self._stash: dict[int, Immediate] = {}  # spec 3.2: by PSN, until all before it has arrived
        self._delivered_imm = 0  # WriteIMM completed
        self._pending: deque[Report | Nack | TransportAck] = deque(maxlen=_WAITING)
        self._untold: list[Column] = []  # PSNs that arrived since the last SACK
        self._told_max = start_psn - 1  # max_rcv at the last SACK
        self._walk = start_psn  # spec 3.4: where the next look at older holes begins
        self._low_turn = True

    @property
    def cack(self) -> int:
        """All packets up to this PSN have arrived (spec 3.1)."""
        return self._arrived.cack

    @property
    def max_rcv(self) -> int:
        """The highest PSN that has arrived."""
        return self._arrived.max_rcv

    def accept(self, arrivals: Arrivals, place: Callable[[npt.NDArray[np.bool_]], None], now: int) -> None:
        """Take a batch of packets whose headers are in order (spec 3.1).

        `place` is called with the rows that are new, to write them to memory, after their PSNs are
        recorded (step 5 before step 6) and before any completion or SACK speaks of them.
        """
        if self.failed:  # tell it again, should the first NACK have been lost
            self.refuse(
                NackReason.UNEXP_EVENT,
                int(arrivals.psn[0]),
                int(arrivals.entropy[0]),
                int(arrivals.timestamp[0]),
            )
            return
        batch = self._arrived.record(
            arrivals.psn,
            arrivals.udp_length,
            arrivals.urgent,
            arrivals.marked,
            arrivals.last,
            self._settings.sack_minimum,
        )
        self.counters.arrived += len(batch.psn)
        self.counters.delivered += batch.new
        self.counters.duplicates += batch.again
        self._rcvd_bytes += batch.nominal
        if batch.beyond:
            self._refuse(arrivals, batch)
        if batch.new:
            place(batch.fresh)
        for immediate in arrivals.immediates:
            row = immediate.row
            if batch.fresh[row] and not self._keep(int(batch.psn[row]), immediate, arrivals, now):
                return
        before = self._arrived.cack
        ended = self._arrived.advance()
        if self._stash and ended:
            if not self._complete(before, arrivals, now):
                return
        else:
            for _ in range(ended):
                self._emit(MessageArrived(now, self.qpn, self._messages))
                self._messages += 1
        self._decide(batch, arrivals)

    def _refuse(self, arrivals: Arrivals, batch: Recorded) -> None:
        """spec 3.1 step 3, section 9 no. 11: what lies beyond the window gets NACK 0x0B."""
        self.counters.out_of_window += batch.beyond
        for row in np.flatnonzero(~(batch.fresh | batch.repeated))[:_REFUSALS].tolist():
            self.refuse(
                NackReason.PSN_OOR_WINDOW,
                int(batch.psn[row]),
                int(arrivals.entropy[row]),
                int(arrivals.timestamp[row]),
            )

    # ---- flow control -------------------------------------------------------------------------

    def set_window(self, units: int) -> None:
        """spec 3.7: change the window, in units of 128 PSN; the SACKs to come tell the peer.

        What it was allowed before is taken still. ValueError unless both sides agreed on changing windows.
        """
        if not self._settings.dynamic_mpr:
            raise ValueError("this QP's window is fixed: dynamic MPR was not agreed on")
        if not 1 <= units * MPR_UNIT <= self._settings.mpr_most:
            raise ValueError(f"a window has 1 to {self._settings.mpr_most // MPR_UNIT} units, not {units}")
        self.units = units
        self._arrived.widen(units * MPR_UNIT)

    def set_penalty(self, penalty: int, *, restore: bool = False) -> None:
        """spec 3.6: ask the peer to slow down, 0 (not at all) to 127 (about a packet per RTT).

        `restore`: it shall save its window at the start, and have it back at the end.
        """
        if not 0 <= penalty <= 127:
            raise ValueError(f"a penalty is 0 to 127, not {penalty}")
        self._penalty, self._restore = penalty, restore

    def stop(self, now: int) -> None:
        """Nothing more is taken; receives that wait are flushed."""
        self.failed = True
        self._stash.clear()
        while self._receives:
            self._emit(ReceiveFailed(now, self.qpn, self._receives.popleft(), Failure.FLUSHED))

    # ---- WriteIMM (spec 3.2) ------------------------------------------------------------------

    def post_receive(self, request: int) -> None:
        """A receive for one immediate; they are consumed in the order of posting."""
        self._receives.append(request)

    def _keep(self, psn: int, immediate: Immediate, arrivals: Arrivals, now: int) -> bool:
        """Stash an immediate; False if the peer has more WriteIMM in flight than it may."""
        if (immediate.rqmsn - self._delivered_imm) & 0xFFFF >= self._settings.max_wimm:
            self._reject(psn, immediate.row, arrivals, "too many WriteIMM in flight", now)
            return False
        self._stash[psn] = immediate
        return True

    def _complete(self, before: int, arrivals: Arrivals, now: int) -> bool:
        """Messages that became whole when cack moved on from `before`, in send order; False on an error."""
        psn = np.arange(before + 1, self.cack + 1)
        for last in psn[self._arrived.ends_message(psn)].tolist():
            immediate = self._stash.pop(last, None)
            if immediate is not None:
                in_order = immediate.rqmsn == self._delivered_imm & 0xFFFF
                if not in_order or not self._receives:
                    reason = "no receive for a WriteIMM" if in_order else "a WriteIMM out of order"
                    self._reject(last, len(arrivals.psn) - 1, arrivals, reason, now)
                    return False
                self._delivered_imm += 1
            self._emit(MessageArrived(now, self.qpn, self._messages))
            if immediate is not None:
                request = self._receives.popleft()
                self._emit(ReceiveCompleted(now, self.qpn, request, self._messages, immediate.value))
            self._messages += 1
        return True

    def _reject(self, psn: int, row: int, arrivals: Arrivals, reason: str, now: int) -> None:
        """spec 2.13, 3.2: the QP goes to ERROR, and a NACK tells the peer that it shall not retry."""
        self.failed = True
        entropy, stamp = int(arrivals.entropy[row]), int(arrivals.timestamp[row])
        self.refuse(NackReason.UNEXP_EVENT, psn, entropy, stamp)
        self._emit(QpFailed(now, self.qpn, reason))

    def refuse(self, reason: NackReason, psn: int, entropy: int, timestamp: int) -> None:
        """Owe the peer a NACK (spec 2.8)."""
        self._pending.append(Nack(reason, entropy, self.qpn, self._peer_qpn, psn, timestamp))

    # ---- SACK generation (spec 3.3, 3.4) ------------------------------------------------------

    def _decide(self, batch: Recorded, arrivals: Arrivals) -> None:
        """spec 3.3, spec 3.1 step 7. What a batch triggers leaves when all of it is recorded."""
        self._trigger += batch.weight
        if not batch.new + batch.again:
            return
        told = batch.fresh | batch.repeated
        if batch.marked:
            marked = np.flatnonzero((arrivals.marked != 0) & told)
            for row in marked.tolist():  # a mark names its own EV, so it is never coalesced
                psn = int(batch.psn[row])
                self._report(psn, row, arrivals, Mark.SKIP_ONCE, self._base_for(psn))
        rows = np.flatnonzero(told)
        self._untold.append(batch.psn[rows])
        if self._settings.transport_ack and self.cack > self._acked and batch.urgent:
            self._pending.append(TransportAck(self.cack, self._messages))  # section 9 no. 30
            self._acked = self.cack
        if self._trigger < self._settings.sack_threshold and not batch.urgent and not batch.again:
            return
        for base, row in self._windows(batch.psn, rows):
            self._report(int(batch.psn[row]), row, arrivals, Mark.NONE, base)
        self._trigger = 0
        self._untold.clear()
        self._told_max = self.max_rcv

    def _base_for(self, psn: int) -> int:
        """spec 3.4: the window that contains the packet."""
        return self.cack + 1 if psn <= self.cack + SPAN else psn - SPAN + 1

    def _windows(self, psn: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
        """Bitmap bases of the SACKs to send, each with the row that serves as its trigger: the last arrival
        it contains, or else the last of all (spec 3.4, "Build").

        Together they show all that arrived since the last SACK and all that it passed over; before that, in
        turn, the lowest hole and a walk over the older ones in steps of 64, so that no hole stays untold.
        """
        if self.max_rcv <= self.cack + SPAN:
            return [(self.cack + 1, int(rows[-1]))]
        bases = [self._older()]
        passed = np.arange(max(self._told_max + 1, self.max_rcv - _NEWS), self.max_rcv + 1)
        above = np.unique(np.concatenate((*self._untold, passed)))
        above = above[(above > self.cack) & ((above < bases[0]) | (above >= bases[0] + SPAN))]
        while len(above):
            bases.append(int(above[0]))
            above = above[above >= bases[-1] + SPAN]
        arrived = psn[rows]
        windows: list[tuple[int, int]] = []
        for base in bases:
            inside = rows[(arrived >= base) & (arrived < base + SPAN)]
            windows.append((base, int(inside[-1]) if len(inside) else int(rows[-1])))
        return windows

    def _older(self) -> int:
        """A base for what was told before: just above cack, or the next step of the walk."""
        self._low_turn = not self._low_turn
        if not self._low_turn:
            return self.cack + 1
        self._walk += SPAN
        if not self.cack + SPAN < self._walk <= self.max_rcv:
            self._walk = self.cack + 1 + SPAN
        return self._walk

    def _report(self, psn: int, row: int, arrivals: Arrivals, mark: Mark, base: int) -> None:
        self._pending.append(
            Report(
                self._sack(
                    max(psn - self.cack, _OLDEST),
                    base,
                    int(arrivals.entropy[row]),
                    int(arrivals.timestamp[row]),
                    mark=mark,
                    probe=False,
                ),
                bool(arrivals.rtx[row]),
            )
        )

    def answer_probe(self, probe_id: int, entropy: int, timestamp: int, marked: bool) -> None:
        """spec 3.3: a reliability probe is answered at once, with the present bitmap above cack."""
        mark = Mark.SKIP_ONCE if marked else Mark.NONE
        base = self.cack + 1
        self._pending.append(
            Report(self._sack(probe_id, base, entropy, timestamp, mark=mark, probe=True), False)
        )

    def _sack(
        self, trigger: int, base: int, entropy: int, timestamp: int, *, mark: Mark, probe: bool
    ) -> Sack:
        return Sack(
            mark=mark,
            probe=probe,
            trigger=trigger,
            entropy=entropy,
            spdcid=self.qpn,
            dpdcid=self._peer_qpn,
            cack=self.cack,
            mpr=self.units if self._settings.dynamic_mpr else 0,  # spec 3.7
            offset=base - self.cack,
            bitmap=self._arrived.bitmap(base),
            timestamp=timestamp,
            ooo_count=self._arrived.held,  # section 9 no. 12: packets held above cack
            rcvd_bytes=-(-self._rcvd_bytes // 256),  # spec 2.7: units of 256 bytes, rounded up
            penalty=self._penalty,
            restore=self._restore,
        )

    def reports(self, most: int) -> list[Report | Nack | TransportAck]:
        """Up to `most` of the SACKs, NACKs and Transport ACKs due, oldest first; handed over once."""
        return [self._pending.popleft() for _ in range(min(most, len(self._pending)))]

    @property
    def has_reports(self) -> bool:
        """Whether a SACK, NACK or Transport ACK waits to be sent."""
        return bool(self._pending)
