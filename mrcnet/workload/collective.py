"""One collective, again and again: the program that is run, and the row of nccl-tests' table that comes of
it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mrcnet.errors import InputError
from mrcnet.units import format_size
from mrcnet.workload.collectives import KINDS, algorithm_of
from mrcnet.workload.graph import Score
from mrcnet.workload.program import Program
from mrcnet.workload.summary import Recording, summarise

MEMORY = 4 << 30  # bytes that all ranks together may take


@dataclass(frozen=True, slots=True)
class Collective:
    """What is run. `hosts`: one rank on each; `piece`: bytes of the longest message; iterations follow each
    other on every rank, the first `warm_up` of them do not count. `outstanding`: messages from a rank to one
    peer that may wait for their acknowledgement; None: all that the graph lets go.
    """

    kind: str
    algorithm: str
    hosts: tuple[str, ...]
    dtype: str = "int32"
    iterations: int = 5
    warm_up: int = 1
    piece: int = 256 << 10
    seed: int = 1
    outstanding: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table, as nccl-tests prints it: `size` in bytes, `count` in elements; mean time of an
    iteration in fabric microseconds, bandwidths in GB/s; elements that are wrong. `times_us`: each
    iteration's.
    """

    size: int
    count: int
    type: str
    redop: str
    time_us: float | None
    algbw: float | None
    busbw: float | None
    wrong: int
    times_us: tuple[float, ...]
    lost: int
    retransmitted: int
    verified: bool
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CollectiveResult:
    """The whole table, and what it is of. `loss`: the share of the packets that hosts send that was lost on
    purpose; `verified`: of every row.
    """

    lab: str
    collective: str
    algorithm: str
    ranks: tuple[str, ...]
    iterations: int
    warmup: int
    outstanding: int | None
    transport: str
    congestion: str
    loss: float
    seed: int
    dilation: int
    rows: tuple[Row, ...]
    verified: bool


def program_of(ask: Collective, size: int) -> Program:
    """The collective over `size` bytes. InputError if that is too small or too large, or has no such
    algorithm.
    """
    itemsize = np.dtype(ask.dtype).itemsize
    score = Score(len(ask.hosts), ask.seed)
    for _ in range(ask.warm_up + ask.iterations):
        score.add(ask.kind, size // itemsize, algorithm=algorithm_of(ask.kind, ask.algorithm))
    _refuse_large(score.span * score.ranks * itemsize)  # before so many messages are written down
    graph = score.graph(max(1, ask.piece // itemsize))
    program = Program(0, graph, ask.hosts, ask.dtype, ask.seed, outstanding=ask.outstanding)
    check_memory(program)
    return program


def check_memory(program: Program) -> None:
    """Raise InputError if the ranks' memories would not fit a machine."""
    _refuse_large(sum(program.room(rank) for rank in range(len(program.hosts))) * program.itemsize)


def _refuse_large(needed: int) -> None:
    if needed > MEMORY:
        raise InputError(
            f"the ranks' memories would take {format_size(needed)}, at most {format_size(MEMORY)}",
            remedy="fewer iterations, or a smaller size",
        )


def ends_of(recording: Recording) -> list[int]:
    """When each call of the first program was over, at its last rank: up to the first that never was."""
    ranks = [rank for report in recording.reports for rank in report.ranks if rank.program == 0]
    ends: list[int] = []
    for at in zip(*(rank.ends for rank in ranks), strict=True):
        if None in at:
            break
        ends.append(max(one for one in at if one is not None))
    return ends


def row_of(ask: Collective, size: int, recording: Recording) -> Row:
    """What the run of `program_of` came to. An iteration ends when the last rank is through with it."""
    ranks = [rank for report in recording.reports for rank in report.ranks]
    ends = [recording.start_at, *ends_of(recording)]
    times = tuple(np.diff(ends)[ask.warm_up :] / 1e3)
    result = summarise(recording)
    whole = len(ends) == 1 + ask.warm_up + ask.iterations
    time = float(np.mean(times)) if whole else None
    algbw = size / time / 1e3 if time else None
    return Row(
        size=size,
        count=size // np.dtype(ask.dtype).itemsize,
        type=ask.dtype,
        redop="sum" if KINDS[ask.kind].adds else "none",
        time_us=time,
        algbw=algbw,
        busbw=None if algbw is None else algbw * KINDS[ask.kind].factor(len(ask.hosts)),
        wrong=sum(sum(rank.wrong) for rank in ranks),
        times_us=tuple(map(float, times)),
        lost=result.packets.lost,
        retransmitted=result.packets.retransmitted,
        verified=result.verified,
        problems=result.problems,
    )
