"""The sending half of a QP: go-back-N on one path, at the rate that DCQCN leaves it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from mrcnet.mrc.events import (
    Event,
    Failure,
    MessageCompleted,
    MessageFailed,
    NackReceived,
    PacketsLost,
    Retransmitted,
)
from mrcnet.mrc.flight import Message
from mrcnet.mrc.memory import Region
from mrcnet.mrc.psn import unwrap
from mrcnet.mrc.requestor import NEVER, Counters
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.frames import TxBatch
from mrcnet.mrc.wire.layout import EXT, ICRC
from mrcnet.rocev2.dcqcn import ReactionPoint
from mrcnet.rocev2.framing import Head, frame_writes
from mrcnet.rocev2.settings import Roce
from mrcnet.rocev2.wire import CREDITS_UNLIMITED, Nak

_HEADERS = EXT + ICRC


class Requestor:
    """PSNs: all before `una` are acknowledged, `next_psn` is sent next, `_top` is what was never sent yet."""

    def __init__(
        self,
        qpn: int,
        start_psn: int,
        head: Head,
        path: int,
        settings: Settings,
        roce: Roce,
        line_bps: int,
        emit: Callable[[Event], None],
    ) -> None:
        """`qpn`: as events name it; `path`: the number of its EV; `line_bps`: what its port sends."""
        self.counters = Counters()
        self.failure: Failure | None = None
        self.una = self.next_psn = self._top = self._end = start_psn
        self.base_rtt = settings.base_rtt_ns
        self.reaction = ReactionPoint(roce.dcqcn, line_bps) if roce.dcqcn else None
        self.path = path
        self._qpn = qpn
        self._head = head
        self._settings = settings
        self._roce = roce
        self._emit = emit
        self._window = max(1, roce.window_bytes // settings.payload)
        self._messages: deque[Message] = deque()  # not acknowledged yet
        self._turn = 0  # the place among them of the one to which `next_psn` belongs
        self._sent_at = np.zeros(1 << (self._window - 1).bit_length(), np.int64)  # by PSN, modulo its length
        self._timed: int | None = None  # a PSN whose RTT is being taken: sent once
        self._attempt = 0  # repetitions since there was progress ...
        self._timeouts = 0  # ... and those that the timer asked for: they alone double it
        self._timer = NEVER
        self._pace_at = 0  # when a limited rate lets the next packet go

    def move(self, head: Head, path: int, line_bps: int) -> None:
        """From now on by another path; what is under way on the old one is not known to be lost."""
        self._head, self.path = head, path
        if self.reaction is not None:
            self.reaction.line(line_bps)

    # ---- posting -------------------------------------------------------------------------------

    def post(self, number: int, source: Region, offset: int, length: int, address: int, rkey: int) -> None:
        """Queue a write under the number by which its completion is told."""
        packets = -(-length // self._settings.payload)
        last = self._end + packets - 1
        self._messages.append(Message(number, source, offset, length, address, rkey, self._end, last))
        self._end += packets

    @property
    def failed(self) -> bool:
        """Whether it sends nothing any more."""
        return self.failure is not None

    @property
    def outstanding(self) -> int:
        """Messages posted and not completed."""
        return len(self._messages)

    # ---- sending -------------------------------------------------------------------------------

    def sendable(self, now: int) -> int:
        """Packets that may go now: inside the window, and as many as the rate lets go."""
        count = min(self._end, self.una + self._window) - self.next_psn
        if self.failed or count <= 0:
            return 0
        if self.reaction is None or not self.reaction.limited:
            return count
        self.reaction.advance(now)
        start = max(self._pace_at, now - self._roce.burst_ns)
        if start > now:
            return 0
        return min(count, 1 + int((now - start) * self.reaction.rate / self._bits))

    @property
    def _bits(self) -> float:
        """A full packet's, times a second in ns."""
        return (self._settings.payload + _HEADERS) * 8e9

    def fill(self, out: TxBatch, count: int, now: int) -> int:
        """Frame up to `count` packets, no more than are sendable; returns how many."""
        begin, start = self.next_psn, out.count
        stop = begin + min(count, self.sendable(now), out.room)
        closes = stop == self.una + self._window  # only an answer opens the window again
        while self.next_psn < stop:
            message = self._messages[self._turn]
            end = min(stop, message.last + 1)
            ask_from = stop - 1 if closes else NEVER
            every, payload = self._roce.ack_every, self._settings.payload
            frame_writes(out, message, self.next_psn, end, payload, self._head, every, ask_from)
            self.next_psn = end
            self._turn += end > message.last
        if stop > begin:
            self._note(begin, stop, int(out.length[start : out.count].sum()), now)
        return stop - begin

    def _note(self, begin: int, stop: int, size: int, now: int) -> None:
        self._sent_at[np.arange(begin, stop) % len(self._sent_at)] = now
        self.counters.sent += stop - begin
        again = min(stop, self._top) - begin
        if again > 0:
            self.counters.retransmitted += again
            if self._settings.trace:
                psn = np.arange(begin, begin + again)
                self._emit(Retransmitted(now, self._qpn, psn, np.full(again, self.path)))
        if stop > self._top:
            if self._timed is None:
                self._timed = max(begin, self._top)
            self._top = stop
        if self._timer == NEVER:
            self._timer = now + self._roce.timeout_of(self._timeouts)
        if self.reaction is not None and self.reaction.limited:
            start = max(self._pace_at, now - self._roce.burst_ns)
            self._pace_at = start + round(size * 8e9 / self.reaction.rate)
            self.reaction.sent(size)

    # ---- learning ------------------------------------------------------------------------------

    def on_ack(self, psn: int, syndrome: int, now: int) -> None:
        """An ACK for all up to a PSN (24 bits), or a NAK for it; what speaks of nothing sent is counted."""
        nak = syndrome >> 5 == Nak.SEQUENCE >> 5
        before = unwrap(psn, self.una) + (not nak)  # all before it have arrived
        if self.failed or before > self._top or (not nak and syndrome >> 5 != CREDITS_UNLIMITED >> 5):
            self.counters.nonsense += not self.failed
            return
        if before < self.una:
            return  # an older one, overtaken
        if before > self.una:
            self._advance(before, now)
        if nak:
            self._refused(syndrome, now)

    def _advance(self, before: int, now: int) -> None:
        if self._timed is not None and before > self._timed:
            self.base_rtt = min(self.base_rtt, now - int(self._sent_at[self._timed % len(self._sent_at)]))
            self._timed = None
        self.una = before
        self._attempt = self._timeouts = 0
        while self._messages and self._messages[0].last < before:
            self._emit(MessageCompleted(now, self._qpn, self._messages.popleft().number))
            self._turn -= 1
        if self.next_psn < before:  # what was to be sent again has arrived after all
            self.next_psn = before
        self._turn = max(self._turn, 0)
        self._timer = NEVER if before == self._top else now + self._roce.timeout_of(0)

    def _refused(self, syndrome: int, now: int) -> None:
        """A NAK: out of sequence is a retry, anything else the end."""
        reason = Nak(syndrome).name if syndrome in set(Nak) else "unknown reason"
        self.counters.nacked += 1
        self._emit(NackReceived(now, self._qpn, self.una, reason))
        if syndrome != Nak.SEQUENCE:
            self.stop(Failure.REMOTE, now)
        elif self.una < self.next_psn:
            self._go_back("NAK: out of sequence", now)

    def _go_back(self, cause: str, now: int) -> None:
        """Everything from `una` on is sent again; the retry counter knows of it until there is progress."""
        self._attempt += 1
        if self._attempt > self._roce.retry_cnt:
            self.stop(Failure.RETRY, now)
            return
        psn = np.arange(self.una, self.next_psn)
        if len(psn):
            self.counters.lost += len(psn)
            sent_at = self._sent_at[psn % len(self._sent_at)]
            self._emit(PacketsLost(now, self._qpn, cause, psn, np.full(len(psn), self.path), sent_at))
        self.next_psn = self.una
        self._turn = 0
        self._timed = None
        self._timer = now + self._roce.timeout_of(self._timeouts)

    def on_cnp(self, now: int) -> None:
        """The peer saw marks on this QP's packets."""
        if self.reaction is not None and not self.failed:
            self.reaction.cnp(now)

    # ---- timers --------------------------------------------------------------------------------

    def next_timer(self, now: int) -> int:
        """When there is something to do without a new frame: a timeout, or a rate that lets a packet go.

        What the rate let go by `now` waits for room, not for time.
        """
        if self.failed:
            return NEVER
        waits = min(self._end, self.una + self._window) > self.next_psn
        paced = self.reaction is not None and self.reaction.limited and self._pace_at > now
        if waits and paced:
            return min(self._timer, self._pace_at)
        return self._timer

    def on_timer(self, now: int) -> None:
        """No acknowledgement for a whole timeout: all that is under way goes again, up to retry_cnt times."""
        if not self.failed and now >= self._timer:
            self._timeouts += 1
            self._go_back("timeout", now)

    def stop(self, reason: Failure, now: int) -> None:
        """The QP is in error: the oldest message fails for `reason`, the others are flushed."""
        self.failure = reason
        self._timer = NEVER
        while self._messages:
            self._emit(MessageFailed(now, self._qpn, self._messages.popleft().number, reason))
            reason = Failure.FLUSHED
