"""Collectives as graphs of messages: who sends which elements where, and after what. Pure.

A call is one collective of a group of ranks over an area of their memory; a graph is its calls' messages.
What a message waits for has come to, or gone from, the rank that sends it: so no rank needs to know of
another's progress.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mrcnet.workload.collectives import Draft, draft, span_of


class Op(StrEnum):
    """What becomes of a message where it arrives."""

    COPY = "copy"  # it lands in its place
    ADD = "add"  # it lands beside the memory, and is added to its place when it is whole


@dataclass(frozen=True, slots=True)
class Call:
    """One collective. `ranks`: its group, in the order of the algorithm; `count`: elements, as nccl-tests
    counts them; `at`: where its area begins in the memory of each rank. A rank begins it when it is through
    with the calls `after`. Calls of one `lane` share QPs, on which messages keep their order.
    """

    number: int
    kind: str
    algorithm: str
    ranks: tuple[int, ...]
    count: int
    at: int
    after: tuple[int, ...] = ()
    lane: int = 0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Message:
    """`count` elements from `source` in the memory of rank `src` to `target` in that of `dst`, once the
    messages `after`, all of the same call, have arrived at `src`.
    """

    number: int
    call: int
    src: int
    dst: int
    source: int
    target: int
    count: int
    op: Op
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """Messages by number; each waits for lower ones only. `span`: elements of each rank's memory."""

    ranks: int
    span: int
    calls: tuple[Call, ...]
    messages: tuple[Message, ...]


class Score:
    """Calls in the order of a program; areas follow each other in the memories of their ranks."""

    def __init__(self, ranks: int, seed: int = 1) -> None:
        self.ranks = ranks
        self.calls: list[Call] = []
        self._seed = seed
        self._top = [0] * ranks  # elements of each memory that are taken
        self._last: list[int | None] = [None] * ranks  # the last call of each rank

    def add(
        self,
        kind: str,
        count: int,
        ranks: Sequence[int] | None = None,
        *,
        algorithm: str = "",
        after: Sequence[int] | None = None,
        lane: int = 0,
    ) -> int:
        """The next call, of these ranks (None: all); its number. `after` None: the ranks' last ones."""
        group = tuple(range(self.ranks) if ranks is None else ranks)
        at = max(self._top[rank] for rank in group)
        before = {last for rank in group if (last := self._last[rank]) is not None}
        number = len(self.calls)
        call = Call(
            number,
            kind,
            algorithm,
            group,
            count,
            at,
            tuple(sorted(before if after is None else after)),
            lane,
            self._seed,
        )
        self.calls.append(call)
        for rank in group:
            self._top[rank] = at + span_of(kind, len(group), count)
            self._last[rank] = number
        return number

    @property
    def span(self) -> int:
        """Elements of each rank's memory so far."""
        return max(self._top)

    def graph(self, piece: int) -> Graph:
        """All messages; long ones are cut into pieces of so many elements, each sent on as it comes."""
        messages: list[Message] = []
        for call in self.calls:
            first = len(messages)
            drafts = draft(call.kind, call.algorithm, len(call.ranks), call.count, piece, call.seed)
            messages += [_message(call, first, number, one) for number, one in enumerate(drafts)]
        return Graph(self.ranks, self.span, tuple(self.calls), tuple(messages))


def _message(call: Call, first: int, number: int, one: Draft) -> Message:
    return Message(
        first + number,
        call.number,
        call.ranks[one.src],
        call.ranks[one.dst],
        call.at + one.source,
        call.at + one.target,
        one.count,
        Op.ADD if one.adds else Op.COPY,
        tuple(first + other for other in one.after),
    )
