"""The sending half of a QP (spec 4): what may go, what was heard, what is lost, when time is up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mrcnet.mrc.events import (
    Event,
    Failure,
    MessageCompleted,
    MessageFailed,
    NackReceived,
    PacketsLost,
    QpFailed,
    Retransmitted,
    SackReceived,
    WindowChanged,
)
from mrcnet.mrc.evs import Cause, EvSet
from mrcnet.mrc.flight import OVERHEAD, Bitmap, Column, Flight, Message, Psns
from mrcnet.mrc.memory import Region
from mrcnet.mrc.psn import unwrap
from mrcnet.mrc.sendqueue import SendQueue
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.spray import Spray
from mrcnet.mrc.window import Controller, Feedback
from mrcnet.mrc.wire.control import Nack, Sack, TransportAck
from mrcnet.mrc.wire.numbers import MPR_UNIT, Mark, NackReason

NEVER = 1 << 62
_REASONS = {int(reason): reason.name for reason in NackReason}
_FORGETS = 32  # the longest RTT of late goes towards each new one by so small a part
_RCVD_UNIT = 256  # spec 2.7: rcvd_bytes counts in units of 256 bytes ...
_RCVD_HALF = 1 << 23  # ... modulo 2^24
_MARKS = {int(mark): mark.name for mark in Mark}
_TRIMS = (NackReason.TRIMMED, NackReason.TRIMMED_LASTHOP)


@dataclass(slots=True)
class Counters:
    """Books of the sending half, in packets."""

    sent: int = 0
    retransmitted: int = 0
    lost: int = 0
    probes: int = 0
    nacked: int = 0
    nonsense: int = 0  # SACKs that speak of PSNs never sent


class Requestor:
    """Sends messages as packets; learns from SACKs, probes and timers."""

    def __init__(
        self,
        qpn: int,
        start_psn: int,
        evs: EvSet,
        spray: Spray,
        controller: Controller,
        settings: Settings,
        emit: Callable[[Event], None],
    ) -> None:
        self.qpn = qpn
        self.evs = evs
        self.counters = Counters()
        self.failed = False
        self._spray = spray
        self._controller = controller
        self._settings = settings
        self._emit = emit
        self._trace = settings.trace
        self._told_window = controller.window()
        self._queue = SendQueue(start_psn, settings.payload)
        self.next_psn = start_psn
        self.cack = start_psn - 1
        self._mpr = settings.mpr
        self.flight = Flight(settings.mpr_most, settings.payload, len(evs.paths))
        self._rcvd = 0  # spec 5.2: rcvd_bytes of the newest SACK, in its units
        self._attempt = 0  # spec 4.6: one retry counter
        self._timer = NEVER
        self.heard_at = 0
        self.base_rtt = settings.base_rtt_ns
        self._slowest = 0  # the longest RTT of late, ns

    # ---- posting -------------------------------------------------------------------------------

    def post(
        self,
        source: Region,
        offset: int,
        length: int,
        address: int,
        rkey: int,
        immediate: int | None = None,
    ) -> int:
        """Queue a write; returns its number, which counts from 0 in post order (spec 2.6, MSN)."""
        return self._queue.post(source, offset, length, address, rkey, immediate)

    @property
    def in_flight(self) -> int:
        """Nominal bytes under way."""
        return self.flight.in_flight

    @property
    def outstanding(self) -> int:
        """Messages posted and not completed."""
        return len(self._queue)

    @property
    def immediates(self) -> int:
        """WriteIMM posted and not completed."""
        return self._queue.immediates

    def message(self, number: int) -> Message:
        """A message that is not completed yet, by its number."""
        return self._queue.message(number)

    # ---- sending -------------------------------------------------------------------------------

    def sendable(self) -> int:
        """Packets that may go now (spec 4.4): holes first, then new ones inside both windows."""
        if self.failed:
            return 0
        packet = self._settings.payload + OVERHEAD
        space = self._controller.window() - self.in_flight
        by_window = max(0, -(-space // packet))  # send while cwnd > inflight
        fresh = min(self._queue.limit(self._settings.max_wimm), self.cack + 1 + self._mpr) - self.next_psn
        return min(by_window, self._lost_in_window() + max(0, fresh))

    def take(self, count: int, room: Column, now: int) -> tuple[Column, Column]:
        """Choose up to `count` packets and their EVs, and record them as sent at `now`.

        Returns (psn, ev), two columns of equal length; retransmissions come first (spec 4.4).
        """
        drawn = self._spray.draw(min(count, self.sendable()), room, now)
        if not len(drawn):
            if self._timer == NEVER and self.evs.stranded:
                self._timer = now + self._settings.timeout_of(self._attempt)
            return drawn, drawn
        again = self._holes(len(drawn))
        fresh = np.arange(self.next_psn, self.next_psn + len(drawn) - len(again))
        self._describe(self.next_psn + len(fresh))
        psn = np.concatenate((again, fresh)) if len(again) else fresh
        size = self.flight.send(psn, drawn, len(again), now, self.evs.sent)
        self._controller.on_send(size, now)
        self.counters.sent += len(psn)
        self.counters.retransmitted += len(again)
        if self._trace and len(again):
            self._emit(Retransmitted(now, self.qpn, again, drawn[: len(again)]))
        if self._timer == NEVER:
            self._timer = now + self._settings.timeout_of(self._attempt)
            self.heard_at = now
        return psn, drawn

    def near_full(self, count: int) -> int:
        """How many of the `count` packets just taken, the last ones, ask for an acknowledgement (spec 5.2).

        Those after which less than one MTU of the window is left, or all, if the peer would not send a SACK
        by itself before the window is full.
        """
        window = self._controller.window()
        if window < self._settings.sack_threshold:
            return count
        packet = self._settings.payload + OVERHEAD
        left = window - self.in_flight
        return min(count, 1 - left // packet) if left < packet else 0

    def _holes(self, most: int) -> Psns:
        """spec 4.4: the oldest holes first; after the window shrank, some have to wait (spec 3.7)."""
        return self.flight.holes(self.cack + 1, min(self.next_psn, self.cack + 1 + self._mpr), most)

    def _lost_in_window(self) -> int:
        """How many holes may be sent again."""
        if self.next_psn <= self.cack + 1 + self._mpr:
            return self.flight.lost
        return len(self._holes(self.flight.lost))

    def _describe(self, stop: int) -> None:
        """Cut messages into the packets up to the PSN `stop`, which is the next to be sent then."""
        for message, begin, end in self._queue.cut(self.next_psn, stop):
            self.flight.describe(message, begin, end)
        self.next_psn = stop

    # ---- learning ------------------------------------------------------------------------------

    def on_sack(self, sack: Sack, rtx: bool, probe_sent_at: int | None, now: int) -> None:
        """Merge one SACK (spec 3.4, 4.5). `probe_sent_at`: when the probe that it answers left, if any."""
        if self.failed:
            return
        cack = unwrap(sack.cack, self.cack)
        if cack >= self.next_psn:
            self.counters.nonsense += 1  # a peer that acknowledges what was never sent
            return
        self.heard_at = now
        if sack.mpr and cack >= self.cack and self._settings.dynamic_mpr:
            self._mpr = min(sack.mpr * MPR_UNIT, self._settings.mpr_most)  # spec 3.7
        trigger = cack + sack.trigger
        proof = probe_sent_at if sack.probe else self._proof(trigger, rtx, now)
        self._mark(sack)
        rtt = None if proof is None else now - proof
        self._hear(sack, cack, rtt, now)
        bitmap = Bitmap.of(cack + sack.offset, sack.bitmap)
        newly, missing = self.flight.hear(self.cack, cack, bitmap, self.next_psn)
        if cack > self.cack:
            self.cack = cack
            self._attempt = 0  # spec 4.6: reset on progress of cack
            self._complete(now)
        if newly:
            self._timer = now + self._settings.timeout_of(self._attempt)
        self._steer(sack, rtt, now)
        if missing:
            self._infer(bitmap, max(cack, self.cack) + 1, proof, now)
        if self.next_psn - 1 == self.cack:
            self._timer = NEVER

    def _steer(self, sack: Sack, rtt: int | None, now: int) -> None:
        """spec 5.2: what is newly received is a difference modulo 2^24; an older SACK says nothing new."""
        units = (sack.rcvd_bytes - self._rcvd + _RCVD_HALF) % (2 * _RCVD_HALF) - _RCVD_HALF
        if units < 0:
            return
        self._rcvd = sack.rcvd_bytes
        marked = sack.mark == Mark.SKIP_ONCE
        self._controller.on_ack(
            Feedback(units * _RCVD_UNIT, rtt, marked, self.in_flight, sack.penalty, sack.restore), now
        )
        self._tell_window("SACK", now)

    def _hear(self, sack: Sack, cack: int, rtt: int | None, now: int) -> None:
        """What a SACK tells of its EV's RTT (spec 5.4), and of itself."""
        number = self.evs.index.get(sack.entropy)
        if number is not None and rtt is not None:
            self.evs.measured(number, rtt)
        if rtt is not None:
            self._slowest = max(rtt, self._slowest - (self._slowest - rtt) // _FORGETS)
        if self._trace:
            psn = sack.trigger if sack.probe else cack + sack.trigger
            mark = _MARKS.get(sack.mark, Mark.NONE.name)  # spec 3.5: 3 is as good as NONE
            self._emit(SackReceived(now, self.qpn, cack, psn, sack.entropy, mark, sack.probe, rtt))

    def _tell_window(self, cause: str, now: int) -> None:
        if self._trace and (window := self._controller.window()) != self._told_window:
            self._told_window = window
            self._emit(WindowChanged(now, self.qpn, cause, window, self.in_flight))

    def on_transport_ack(self, ack: TransportAck, now: int) -> None:
        """A cumulative acknowledgement without a bitmap (spec 2.6, 3.2), or a NAK that ends the QP."""
        cack = unwrap(ack.psn, self.cack)
        if self.failed or cack >= self.next_psn:
            self.counters.nonsense += not self.failed
            return
        self.heard_at = now
        if ack.refuses:
            self.fail(Failure.REMOTE, now)
        elif cack > self.cack:
            self.flight.hear(self.cack, cack, Bitmap.of(cack + 1, 0), cack + 1)
            self.cack = cack
            self._attempt = 0
            self._complete(now)
            idle = cack == self.next_psn - 1
            self._timer = NEVER if idle else now + self._settings.timeout_of(self._attempt)

    def _proof(self, trigger: int, rtx: bool, now: int) -> int | None:
        """When the packet that triggered a SACK was sent, where that is certain (spec 5.4)."""
        if not self.cack < trigger < self.next_psn:
            return None
        sent_at = self.flight.sent_at(trigger, rtx)
        if sent_at is not None and not self.flight.has_arrived(trigger) and now > sent_at:
            self.base_rtt = min(self.base_rtt, now - sent_at)
        return sent_at

    def _mark(self, sack: Sack) -> None:
        number = self.evs.index.get(sack.entropy)
        if number is None:  # spec 4.3: not in the universe
            return
        if sack.mark == Mark.SKIP_ONCE and not sack.probe:
            self.evs.move(number, Cause.SKIP_ONCE, self.heard_at)
        elif sack.mark == Mark.ALWAYS_SKIP:
            self.evs.move(number, Cause.ALWAYS_SKIP, self.heard_at)

    def _complete(self, now: int) -> None:
        """spec 3.2: sender completions in posting order."""
        for number in self._queue.acknowledge(self.cack):
            self._emit(MessageCompleted(now, self.qpn, number))

    def _infer(self, bitmap: Bitmap, start: int, proof: int | None, now: int) -> None:
        """spec 4.5. Only PSNs that a bitmap shows as missing are judged: a lost SACK makes no false loss."""
        # paths differ by as much as RTTs do: where queues are long, what seems overtaken is only late
        patience = max(self.base_rtt, self._slowest - self.base_rtt)
        lost = self.flight.unexplained(bitmap, start, self.next_psn, proof, patience, now)
        self._lose(lost, Cause.LOSS, now)

    def _lose(self, psn: Psns, cause: Cause, now: int) -> None:
        if not len(psn):
            return
        evs, sent_at, size = self.flight.lose(psn)
        self._controller.on_loss(size, now)
        self._tell_window(cause, now)
        self.counters.lost += len(psn)
        self.evs.lost += np.bincount(evs, minlength=len(self.evs.lost))
        self._emit(PacketsLost(now, self.qpn, cause, psn, evs, sent_at))
        for number in np.unique(evs).tolist():
            self.evs.move(number, cause, now)

    # ---- NACKs ---------------------------------------------------------------------------------

    def on_nack(self, nack: Nack, now: int) -> None:
        """spec 2.13: send the packet again, on another EV; what else follows depends on the reason."""
        psn = unwrap(nack.psn, self.cack)
        if self.failed or not self.cack < psn < self.next_psn:
            self.counters.nonsense += not self.failed
            return
        self.heard_at = now
        self.counters.nacked += 1
        reason = _REASONS.get(nack.reason, "unknown reason")
        self._emit(NackReceived(now, self.qpn, psn, reason))
        if nack.reason == NackReason.UNEXP_EVENT:
            self.fail(Failure.REMOTE, now)
            return
        size = self._give_up(psn)
        if nack.reason in _TRIMS:
            self._controller.on_trim(size, self.in_flight, now)
            self._tell_window(reason, now)
            number = self.evs.index.get(nack.entropy)
            if nack.reason == NackReason.TRIMMED and number is not None:
                self.evs.move(number, Cause.TRIMMED, now)
        elif size:
            self._charge(now)

    def _give_up(self, psn: int) -> int:
        """A packet that the peer refused waits to be sent again; returns its nominal size, 0 if it does
        so already, or has arrived after all.
        """
        flying, _ = self.flight.flying(psn, psn + 1)
        return self.flight.lose(flying)[2] if len(flying) else 0

    def _charge(self, now: int) -> bool:
        """spec 4.6: one retry counter for timeouts and retried NACKs; False if the budget is spent."""
        self._attempt += 1
        budget = self._settings.retry_budget
        if budget is not None and self._attempt > budget:
            self.fail(Failure.RETRY, now)
            return False
        return True

    # ---- timers --------------------------------------------------------------------------------

    def next_timer(self) -> int:
        """When the local ACK timeout may have passed; NEVER when nothing is in flight."""
        if self.failed:
            return 0 if len(self._queue) else NEVER
        return self._timer

    def on_timer(self, now: int) -> None:
        """spec 4.6: packets in flight for a whole timeout are lost, and so is their EV's good name."""
        if self.failed and len(self._queue):
            self.stop(Failure.FLUSHED, now)  # posted in ERROR
        if self.failed or now < self._timer:
            return
        psn, sent_at = self.flight.flying(self.cack + 1, self.next_psn)
        limit = self._settings.timeout_of(self._attempt)
        expired = psn[sent_at + limit <= now]
        # A peer that shows every packet as arrived but never moves cack would hold the QP for ever.
        withheld = not len(psn) and not self.flight.lost and self.cack < self.next_psn - 1
        stranded = not len(psn) and len(self._queue) > 0 and self.evs.stranded  # nor may it wait for ever
        if len(expired) or withheld or stranded:
            if not self._charge(now):
                return
            self._lose(expired, Cause.TIMEOUT, now)
            self._timer = now + self._settings.timeout_of(self._attempt)
        elif len(psn):
            self._timer = int(sent_at.min()) + limit
        else:
            self._timer = now + limit if self.flight.lost else NEVER

    def fail(self, reason: Failure, now: int) -> None:
        """The QP goes to ERROR: the oldest message fails for `reason`, the others are flushed."""
        self.stop(reason, now)
        self._emit(QpFailed(now, self.qpn, reason))

    def stop(self, reason: Failure, now: int) -> None:
        """Nothing more is sent; what is posted fails, in posting order."""
        self.failed = True
        self._timer = NEVER
        for number in self._queue.abandon():
            self._emit(MessageFailed(now, self.qpn, number, reason))
            reason = Failure.FLUSHED
        self.flight.clear()
