"""A graph with hosts for its ranks: its flows, where its messages land, what ranks begin with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mrcnet.workload.collectives import KINDS, Checks, Values, span_of
from mrcnet.workload.flow import Flow, Script
from mrcnet.workload.graph import Call, Graph, Message, Op

TYPES = ("int32", "float32")
_MOST = 1_000  # values are whole and small: sums of them are exact in every type
_SPARE = 1 << 16
_CALL_STEP, _RANK_STEP = 7_919, 613  # calls and ranks begin this far apart in the content


@dataclass(frozen=True)
class Program:
    """`hosts`: that of each rank. Flows are numbered from `first_flow` on, the job's programs from 0.
    `outstanding`: messages of a flow that may wait for their acknowledgement; None: no limit.
    """

    number: int
    graph: Graph
    hosts: tuple[str, ...]
    dtype: str
    seed: int
    first_flow: int = 0
    start_ns: int = 0
    outstanding: int | None = None

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return np.dtype(self.dtype).itemsize

    @cached_property
    def flows(self) -> tuple[Flow, ...]:
        """One for each lane and ordered pair that has messages; on it they keep the graph's order."""
        lanes: dict[tuple[int, int, int], list[Message]] = {}
        for message in self.graph.messages:
            lane = self.graph.calls[message.call].lane
            lanes.setdefault((lane, message.src, message.dst), []).append(message)
        return tuple(
            self._flow(self.first_flow + number, src, dst, messages)
            for number, ((_, src, dst), messages) in enumerate(lanes.items())
        )

    def _flow(self, number: int, src: int, dst: int, messages: Sequence[Message]) -> Flow:
        lengths = tuple(message.count * self.itemsize for message in messages)
        script = Script(self.number, src, dst, tuple(message.number for message in messages), lengths)
        return Flow(
            number,
            self.hosts[src],
            self.hosts[dst],
            sum(lengths),
            max(lengths),
            None,
            start_ns=self.start_ns,
            script=script,
        )

    @cached_property
    def landing(self) -> tuple[int, ...]:
        """Where each message lands, elements: in its place, or beside the memory, to be added."""
        top = [self.graph.span] * self.graph.ranks
        places: list[int] = []
        for message in self.graph.messages:
            if message.op is Op.ADD:
                places.append(top[message.dst])
                top[message.dst] += message.count
            else:
                places.append(message.target)
        return tuple(places)

    def room(self, rank: int) -> int:
        """Elements of a rank's memory, with what lands beside it."""
        adds = (m.count for m in self.graph.messages if m.dst == rank and m.op is Op.ADD)
        return self.graph.span + sum(adds)

    # ---- values ----------------------------------------------------------------------------------

    @cached_property
    def _content(self) -> npt.NDArray[np.generic]:
        rng = np.random.default_rng(self.seed)
        drawn = rng.integers(-_MOST, _MOST + 1, self.graph.span + _SPARE, dtype=np.int32)
        return drawn.astype(self.dtype)

    def given(self, call: Call, rank: int) -> Values:
        """What a rank's area of a call holds before it (read only)."""
        at = (call.number * _CALL_STEP + rank * _RANK_STEP) % _SPARE
        return self._content[at : at + span_of(call.kind, len(call.ranks), call.count)]

    def furnish(self, rank: int, memory: npt.NDArray[np.generic]) -> None:
        """Fill a rank's memory as it is before the first call."""
        for call in self.graph.calls:
            if rank in call.ranks:
                values = self.given(call, rank)
                memory[call.at : call.at + len(values)] = values

    def wrong(self, rank: int, memory: npt.NDArray[np.generic]) -> tuple[int, ...]:
        """Elements of a rank's memory that are not what NumPy makes of all ranks' values, call by call."""
        return tuple(self._wrong_of(call, rank, memory) for call in self.graph.calls)

    def _wrong_of(self, call: Call, rank: int, memory: npt.NDArray[np.generic]) -> int:
        if rank not in call.ranks:
            return 0
        wrong = 0
        for member, start, values in self._expected(call):
            if call.ranks[member] == rank:
                found = memory[call.at + start : call.at + start + len(values)]
                wrong += int(np.count_nonzero(found != values))
        return wrong

    def _expected(self, call: Call) -> Checks:
        if call.number not in self._known:
            inputs = [self.given(call, rank) for rank in call.ranks]
            self._known[call.number] = KINDS[call.kind].expect(inputs, call.count, call.seed)
        return self._known[call.number]

    @cached_property
    def _known(self) -> dict[int, Checks]:
        return {}
