"""The collectives: their algorithms as messages between ranks 0 to n - 1, and what NumPy says of them. Pure.

Sizes and bandwidths are those of nccl-tests: `count` elements are the larger of what a rank gives and gets,
the bus bandwidth is the algorithm's times a factor that makes it comparable with a port's rate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrcnet.errors import InputError

Values = npt.NDArray[np.generic]
Pieces = tuple[int, ...]  # numbers of the messages that carry a chunk, in order
Checks = list[tuple[int, int, Values]]  # of a rank's area: from where on it must hold which values


@dataclass(frozen=True, slots=True)
class Draft:
    """A message of one call, in offsets of its area and ranks of its group. `after`: earlier ones."""

    src: int
    dst: int
    source: int
    target: int
    count: int
    adds: bool
    after: tuple[int, ...]


class Sheet:
    """Drafts as they are written; chunks are cut into pieces of at most `piece` elements."""

    def __init__(self, ranks: int, count: int, piece: int, seed: int) -> None:
        self.ranks, self.count, self.seed = ranks, count, seed
        self.drafts: list[Draft] = []
        self._piece = max(1, piece)

    def send(
        self, src: int, dst: int, source: int, target: int, count: int, *after: Pieces, adds: bool = False
    ) -> Pieces:
        """A chunk, each piece of it after the same piece of the chunks `after`."""
        numbers = []
        for number, start in enumerate(range(0, count, self._piece)):
            size = min(self._piece, count - start)
            waits = tuple(chunk[number] for chunk in after if number < len(chunk))
            numbers.append(len(self.drafts))
            self.drafts.append(Draft(src, dst, source + start, target + start, size, adds, waits))
        return tuple(numbers)

    def chunk(self, number: int) -> tuple[int, int]:
        """(start, length) of one of `ranks` nearly equal chunks."""
        return chunk(self.count, self.ranks, number)

    @property
    def block(self) -> int:
        """Elements for each rank, where all must be equal."""
        return self.count // self.ranks


def chunk(count: int, chunks: int, number: int) -> tuple[int, int]:
    """(start, length) of chunk `number` of `chunks` nearly equal ones."""
    start = number * count // chunks
    return start, (number + 1) * count // chunks - start


# ---- algorithms ----------------------------------------------------------------------------------


def _ring_reduce(sheet: Sheet) -> list[Pieces]:
    """Chunks go round and are added up; rank r gets the sum of chunk r. The last arrivals, by rank."""
    ranks = sheet.ranks
    last: list[Pieces] = [()] * ranks
    for step in range(ranks - 1):
        sent: list[Pieces] = []
        for rank in range(ranks):
            start, size = sheet.chunk((rank - step - 1) % ranks)
            sent.append(sheet.send(rank, (rank + 1) % ranks, start, start, size, last[rank], adds=True))
        last = [sent[rank - 1] for rank in range(ranks)]
    return last


def _ring_gather(sheet: Sheet, last: list[Pieces]) -> None:
    """Rank r's chunk goes round, after its `last` arrivals."""
    ranks = sheet.ranks
    for step in range(ranks - 1):
        sent: list[Pieces] = []
        for rank in range(ranks):
            start, size = sheet.chunk((rank - step) % ranks)
            sent.append(sheet.send(rank, (rank + 1) % ranks, start, start, size, last[rank]))
        last = [sent[rank - 1] for rank in range(ranks)]


def _ring_all_reduce(sheet: Sheet) -> None:
    _ring_gather(sheet, _ring_reduce(sheet))


def _ring_reduce_scatter(sheet: Sheet) -> None:
    _ring_reduce(sheet)


def _ring_all_gather(sheet: Sheet) -> None:
    _ring_gather(sheet, [()] * sheet.ranks)


def _tree_all_reduce(sheet: Sheet) -> None:
    """Two binary trees, each for half of the elements; who is a branch in one is a leaf in the other."""
    ranks = sheet.ranks
    halves = [(list(range(ranks)), *chunk(sheet.count, 2, 0))]
    halves.append((list(reversed(range(ranks))), *chunk(sheet.count, 2, 1)))
    came: list[list[list[Pieces]]] = [[[] for _ in range(ranks)] for _ in halves]
    for place in range(ranks - 1, 0, -1):
        parent = (place - 1) // 2
        for half, (order, start, size) in enumerate(halves):
            up = sheet.send(order[place], order[parent], start, start, size, *came[half][place], adds=True)
            came[half][parent].append(up)
    _fan_out(sheet, [(order, start, size, came[half][0]) for half, (order, start, size) in enumerate(halves)])


def _tree_broadcast(sheet: Sheet) -> None:
    _fan_out(sheet, [(list(range(sheet.ranks)), 0, sheet.count, [])])


def _fan_out(sheet: Sheet, trees: Sequence[tuple[list[int], int, int, list[Pieces]]]) -> None:
    """Down binary trees: (ranks from the root on, start, length, what the root waits for)."""
    came = [[waits, *([] for _ in order[1:])] for order, _, _, waits in trees]
    for place in range(1, sheet.ranks):
        parent = (place - 1) // 2
        for tree, (order, start, size, _) in enumerate(trees):
            down = sheet.send(order[parent], order[place], start, start, size, *came[tree][parent])
            came[tree][place] = [down]


def _ring_broadcast(sheet: Sheet) -> None:
    """Rank 0's elements from rank to rank, piece by piece."""
    last: Pieces = ()
    for rank in range(sheet.ranks - 1):
        last = sheet.send(rank, rank + 1, 0, 0, sheet.count, last)


def _all_to_all(sheet: Sheet) -> None:
    """All at once; everybody begins with the next rank, so that not all begin with the same one."""
    ranks, block = sheet.ranks, sheet.block
    for step in range(1, ranks):
        for rank in range(ranks):
            peer = (rank + step) % ranks
            sheet.send(rank, peer, peer * block, (ranks + rank) * block, block)


def _send_recv(sheet: Sheet) -> None:
    for rank in range(sheet.ranks):
        sheet.send(rank, (rank + 1) % sheet.ranks, 0, sheet.count, sheet.count)


def _permutation(sheet: Sheet) -> None:
    for rank, peer in enumerate(_peers(sheet.ranks, sheet.seed)):
        sheet.send(rank, peer, 0, sheet.count, sheet.count)


def _incast(sheet: Sheet) -> None:
    for rank in range(1, sheet.ranks):
        sheet.send(rank, 0, 0, (1 + rank) * sheet.block, sheet.block)


def _peers(ranks: int, seed: int) -> list[int]:
    """To whom each rank sends in a permutation: one random cycle through all."""
    order = np.random.default_rng(seed).permutation(ranks).tolist()
    return [order[(order.index(rank) + 1) % ranks] for rank in range(ranks)]


# ---- what NumPy says -----------------------------------------------------------------------------

Inputs = Sequence[Values]  # each rank's area before the call


def _summed(inputs: Inputs, count: int) -> Values:
    total: Values = np.sum([area[:count] for area in inputs], axis=0, dtype=inputs[0].dtype)
    return total


def _expect_all_reduce(inputs: Inputs, count: int, seed: int) -> Checks:  # noqa: ARG001
    total = _summed(inputs, count)
    return [(rank, 0, total) for rank in range(len(inputs))]


def _expect_reduce_scatter(inputs: Inputs, count: int, seed: int) -> Checks:  # noqa: ARG001
    total = _summed(inputs, count)
    chunks = [chunk(count, len(inputs), rank) for rank in range(len(inputs))]
    return [(rank, start, total[start : start + size]) for rank, (start, size) in enumerate(chunks)]


def _expect_all_gather(inputs: Inputs, count: int, seed: int) -> Checks:  # noqa: ARG001
    chunks = [chunk(count, len(inputs), rank) for rank in range(len(inputs))]
    whole = np.concatenate([inputs[rank][start : start + size] for rank, (start, size) in enumerate(chunks)])
    return [(rank, 0, whole) for rank in range(len(inputs))]


def _expect_broadcast(inputs: Inputs, count: int, seed: int) -> Checks:  # noqa: ARG001
    return [(rank, 0, inputs[0][:count]) for rank in range(len(inputs))]


def _expect_all_to_all(inputs: Inputs, count: int, seed: int) -> Checks:  # noqa: ARG001
    ranks = len(inputs)
    block = count // ranks
    return [
        (rank, (ranks + peer) * block, inputs[peer][rank * block : (rank + 1) * block])
        for rank in range(ranks)
        for peer in range(ranks)
        if peer != rank
    ]


def _expect_send_recv(inputs: Inputs, count: int, seed: int) -> Checks:  # noqa: ARG001
    return [((rank + 1) % len(inputs), count, area[:count]) for rank, area in enumerate(inputs)]


def _expect_permutation(inputs: Inputs, count: int, seed: int) -> Checks:
    peers = _peers(len(inputs), seed)
    return [(peers[rank], count, area[:count]) for rank, area in enumerate(inputs)]


def _expect_incast(inputs: Inputs, count: int, seed: int) -> Checks:  # noqa: ARG001
    block = count // len(inputs)
    return [(0, (1 + rank) * block, inputs[rank][:block]) for rank in range(1, len(inputs))]


# ---- the table -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kind:
    """A collective: its algorithms, the usual one first; how many elements of memory it takes for (ranks,
    count); its bus factor for so many ranks; what it comes to; whether it adds.
    """

    algorithms: dict[str, Callable[[Sheet], None]]
    span: Callable[[int, int], int]
    factor: Callable[[int], float]
    expect: Callable[[Inputs, int, int], Checks]
    adds: bool = False


def _once(_: int, count: int) -> int:
    return count


def _twice(_: int, count: int) -> int:
    return 2 * count


def _others(ranks: int) -> float:
    return (ranks - 1) / ranks


KINDS: dict[str, Kind] = {
    "all-reduce": Kind(
        {"ring": _ring_all_reduce, "tree": _tree_all_reduce},
        _once,
        lambda ranks: 2 * (ranks - 1) / ranks,
        _expect_all_reduce,
        adds=True,
    ),
    "reduce-scatter": Kind({"ring": _ring_reduce_scatter}, _once, _others, _expect_reduce_scatter, adds=True),
    "all-gather": Kind({"ring": _ring_all_gather}, _once, _others, _expect_all_gather),
    "all-to-all": Kind({"direct": _all_to_all}, _twice, _others, _expect_all_to_all),
    "broadcast": Kind(
        {"ring": _ring_broadcast, "tree": _tree_broadcast}, _once, lambda _: 1.0, _expect_broadcast
    ),
    "send-recv": Kind({"direct": _send_recv}, _twice, lambda _: 1.0, _expect_send_recv),
    "permutation": Kind({"direct": _permutation}, _twice, lambda _: 1.0, _expect_permutation),
    "incast": Kind({"direct": _incast}, _twice, _others, _expect_incast),
}


def algorithm_of(kind: str, algorithm: str) -> str:
    """The algorithm by its name; the usual one for "". InputError if the collective has none of that name."""
    known = KINDS[kind].algorithms
    if algorithm and algorithm not in known:
        raise InputError(f"{kind} has no algorithm {algorithm!r}", remedy=f"there is {' and '.join(known)}")
    return algorithm or next(iter(known))


def span_of(kind: str, ranks: int, count: int) -> int:
    """Elements of each rank's memory that a call takes."""
    return KINDS[kind].span(ranks, count)


def draft(kind: str, algorithm: str, ranks: int, count: int, piece: int, seed: int) -> list[Draft]:
    """The messages of a call. InputError for one rank, or fewer elements than ranks."""
    if ranks < 2:
        raise InputError(f"{kind} needs two ranks, there is {ranks}", remedy="name two hosts at least")
    if count < ranks:
        raise InputError(f"{kind} of {count} elements over {ranks} ranks", remedy="make it larger")
    sheet = Sheet(ranks, count, piece, seed)
    KINDS[kind].algorithms[algorithm_of(kind, algorithm)](sheet)
    return sheet.drafts
