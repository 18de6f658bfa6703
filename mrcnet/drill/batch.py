"""Many runs of one drill: its matrix, repeated with seeds that follow on, how far figures spread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mrcnet.drill.model import Drill
from mrcnet.drill.names import value_of
from mrcnet.drill.result import DrillResult
from mrcnet.drill.verdict import ABORTED, FAILED, PASSED


@dataclass(frozen=True, slots=True)
class Spread:
    """A measure over several runs: how often it did not occur, and the median and extremes of the others."""

    measure: str
    of: str | None
    never: int
    median: float | None
    least: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """All runs of one choice of the matrix."""

    choice: tuple[tuple[str, str], ...]
    verdict: str
    runs: int
    passed: int
    seeds: tuple[int, ...]
    spreads: tuple[Spread, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What a drill with many runs comes to: the worst verdict of all."""

    drill: str
    verdict: str
    on: str
    rows: tuple[Row, ...]
    runs: tuple[DrillResult, ...]


def runs_of(drills: Iterable[Drill], repeat: int | None = None) -> Iterator[Drill]:
    """Every choice, as often as its file (or `repeat`) says, each with a seed of its own."""
    for drill in drills:
        for number in range(repeat or drill.repeat):
            yield replace(drill, seed=drill.seed + number)


def gather(results: Sequence[DrillResult]) -> Batch:
    """Put results of one drill together, choices in the order of their first run."""
    choices = list(dict.fromkeys(result.choice for result in results))
    rows = tuple(_row([result for result in results if result.choice == choice]) for choice in choices)
    first = results[0]
    return Batch(first.drill, _worst([row.verdict for row in rows]), first.on, rows, tuple(results))


def _row(results: Sequence[DrillResult]) -> Row:
    verdicts = [result.verdict for result in results]
    return Row(
        choice=results[0].choice,
        verdict=_worst(verdicts),
        runs=len(results),
        passed=verdicts.count(PASSED),
        seeds=tuple(result.seed for result in results),
        spreads=tuple(_spreads(results)),
    )


def _spreads(results: Sequence[DrillResult]) -> Iterator[Spread]:
    """Those measures that the drill has expectations of."""
    wanted = dict.fromkeys(
        (judgement.expectation.measure, judgement.expectation.of)
        for result in results
        for judgement in result.judgements
    )
    for measure, of in wanted:
        values = [_value(result, measure, of) for result in results]
        there = [value for value in values if value is not None]
        yield Spread(
            measure=measure,
            of=of,
            never=len(values) - len(there),
            median=float(np.median(there)) if there else None,
            least=min(there, default=None),
            most=max(there, default=None),
        )


def _value(result: DrillResult, measure: str, of: str | None) -> float | None:
    found = result.measures
    if of is not None:
        found = next((named.measures for named in result.of if named.name == of), None)
    return None if found is None else value_of(found, measure)


def _worst(verdicts: Sequence[str]) -> str:
    return next((one for one in (ABORTED, FAILED) if one in verdicts), PASSED)
