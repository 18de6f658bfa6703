"""A rank at its host: memory that peers write to, and what may be sent because of what has come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mrcnet.workload.endpoint import EndPoint
from mrcnet.workload.ends import Sink, Source
from mrcnet.workload.flow import Flow, Script
from mrcnet.workload.graph import Message, Op
from mrcnet.workload.program import Program

_ADDRESS = 0x6F00_0000_0000


@dataclass(frozen=True, slots=True)
class RankReport:
    """A rank at the end of a run, call by call: when it was through (None: never), and elements that are
    wrong.
    """

    program: int
    rank: int
    host: str
    ends: tuple[int | None, ...]
    wrong: tuple[int, ...]


class Rank:
    """Memory and progress of one rank. A call is over here when all that is sent from here is acknowledged,
    all that is sent to here has arrived, and the calls before it are over.
    """

    def __init__(self, program: Program, rank: int, endpoint: EndPoint) -> None:
        self.program = program
        self.rank = rank
        self._memory = np.zeros(program.room(rank), program.dtype)
        program.furnish(rank, self._memory)
        address = _ADDRESS + ((program.number << 12 | rank) << 32)
        self.region = endpoint.register(self._memory.view(np.uint8), address)
        self._arrived: set[int] = set()
        self._left = [0] * len(program.graph.calls)
        for message in program.graph.messages:
            if rank in (message.src, message.dst):
                self._left[message.call] += 1
        self._ends: list[int | None] = [None] * len(self._left)

    def open(self, start_at: int) -> None:
        """The run begins: calls in which this rank takes no part are over when those before them are."""
        self._close(start_at)

    def ready(self, message: Message) -> bool:
        """Whether a message from here may be sent."""
        before = self.program.graph.calls[message.call].after
        return all(self._ends[call] is not None for call in before) and self._arrived.issuperset(
            message.after
        )

    def on_arrived(self, number: int, at: int) -> None:
        """A message is here: it lies in its place, or is added to it."""
        message = self.program.graph.messages[number]
        if message.op is Op.ADD:
            landed = self.program.landing[number]
            place = self._memory[message.target : message.target + message.count]
            np.add(place, self._memory[landed : landed + message.count], out=place)
        self._arrived.add(number)
        self._tick(message.call, at)

    def on_completed(self, number: int, at: int) -> None:
        """A message from here is acknowledged."""
        self._tick(self.program.graph.messages[number].call, at)

    def _tick(self, call: int, at: int) -> None:
        self._left[call] -= 1
        if not self._left[call]:
            self._close(at)

    def _close(self, at: int) -> None:
        for call in self.program.graph.calls:
            over = self._ends[call.number] is not None or self._left[call.number]
            if not over and all(self._ends[before] is not None for before in call.after):
                self._ends[call.number] = at

    def report(self) -> RankReport:
        """How far it came, and whether its memory is right."""
        wrong = self.program.wrong(self.rank, self._memory)
        host = self.program.hosts[self.rank]
        return RankReport(self.program.number, self.rank, host, tuple(self._ends), wrong)


class Relay(Source):
    """Posts a rank's messages to one peer, in their order, each as soon as what it waits for has come."""

    def __init__(self, flow: Flow, script: Script, rank: Rank, endpoint: EndPoint) -> None:
        super().__init__(flow, endpoint, rank.region)
        self._rank = rank
        program = rank.program
        self._messages = [program.graph.messages[number] for number in script.messages]
        self._item = program.itemsize
        self._lands = [program.landing[number] * self._item for number in script.messages]

    def step(self, now: int) -> None:
        """Post what may go."""
        while now >= self._next_at and self._may_post():
            message = self._messages[self._posted]
            start, size = message.source * self._item, message.count * self._item
            self._post(start, size, self._lands[self._posted], now)

    def _may_post(self) -> bool:
        if self.exhausted or self.failure is not None:
            return False
        limit = self._rank.program.outstanding
        if limit is not None and self._posted - self.completed >= limit:
            return False
        return self._rank.ready(self._messages[self._posted])

    def on_completed(self, message: int, at: int) -> None:
        """The transport says that the flow's message number `message` is acknowledged whole."""
        super().on_completed(message, at)
        self._rank.on_completed(self._messages[message].number, at)

    def next_timer(self) -> int | None:
        """When `step` has something to post; None while it waits for an arrival or an acknowledgement."""
        return self._next_at if self._may_post() else None


class Inlet(Sink):
    """Hands a flow's messages to the rank in whose memory they land; that is checked at the end."""

    def __init__(self, flow: Flow, script: Script, rank: Rank) -> None:
        self.flow = flow
        self.region = rank.region
        self.messages = 0
        self.verified_bytes = 0
        self.wrong = []
        self._rank = rank
        self._numbers = script.messages

    def on_arrived(self, message: int, at: int) -> None:
        """The flow's message number `message` is whole."""
        self._rank.on_arrived(self._numbers[message], at)
        self.messages += 1
        self.verified_bytes += self.flow.length(message)
