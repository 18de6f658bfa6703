"""The messages of a QP on their way out: posted, cut into PSNs, acknowledged in order (spec 3.2, 4.4)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from mrcnet.mrc.flight import Message
from mrcnet.mrc.memory import Region


class SendQueue:
    """Messages in posting order. `end`: the first PSN of the next one to be posted."""

    def __init__(self, start_psn: int, payload: int) -> None:
        """`payload`: bytes of a full packet's."""
        self.end = start_psn
        self._payload = payload
        self._posted = self._posted_immediates = 0
        self._unsent: deque[Message] = deque()  # not yet wholly cut into packets
        self._open: deque[Message] = deque()  # not yet acknowledged
        self._by_number: dict[int, Message] = {}
        self._immediates: deque[int] = deque()  # first PSN of every open WriteIMM

    def __len__(self) -> int:
        """Messages posted and not completed."""
        return len(self._open)

    @property
    def immediates(self) -> int:
        """WriteIMM posted and not completed."""
        return len(self._immediates)

    def message(self, number: int) -> Message:
        """An open message by its number; KeyError if it is not."""
        return self._by_number[number]

    def post(
        self, source: Region, offset: int, length: int, address: int, rkey: int, immediate: int | None
    ) -> int:
        """Append a write; returns its number, which counts from 0 in post order (spec 2.6, MSN)."""
        packets = -(-length // self._payload)
        first = self.end
        message = Message(self._posted, source, offset, length, address, rkey, first, first + packets - 1)
        if immediate is not None:
            message.immediate, message.rqmsn = immediate, self._posted_immediates & 0xFFFF
            self._posted_immediates += 1
            self._immediates.append(first)
        self._posted += 1
        self.end += packets
        self._unsent.append(message)
        self._open.append(message)
        self._by_number[message.number] = message
        return message.number

    def limit(self, most: int) -> int:
        """The PSN up to which packets may go with at most so many WriteIMM open (spec 4.4: WIMM limit)."""
        if len(self._immediates) > most:
            return min(self.end, self._immediates[most])
        return self.end

    def cut(self, begin: int, stop: int) -> Iterator[tuple[Message, int, int]]:
        """The messages of the packets from `begin` up to `stop`, each with its part of these PSNs."""
        while begin < stop:
            message = self._unsent[0]
            end = min(stop, message.last + 1)
            if end == message.last + 1:
                self._unsent.popleft()
            yield message, begin, end
            begin = end

    def acknowledge(self, cack: int) -> Iterator[int]:
        """The numbers of messages that are complete with all PSNs up to `cack` (spec 3.2: in order)."""
        while self._open and self._open[0].last <= cack:
            message = self._open.popleft()
            del self._by_number[message.number]
            if message.immediate is not None:
                self._immediates.popleft()
            yield message.number

    def abandon(self) -> list[int]:
        """Forget all that is open; returns the numbers, in posting order."""
        numbers = [message.number for message in self._open]
        for queue in (self._unsent, self._open, self._immediates, self._by_number):
            queue.clear()
        return numbers
