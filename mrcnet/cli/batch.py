"""How a drill with many runs is printed."""

from __future__ import annotations

from collections.abc import Iterator

from mrcnet.cli.output import table
from mrcnet.drill.batch import Batch, Row, Spread


def batch_lines(batch: Batch) -> Iterator[str]:
    """The verdict, what failed, and a table: choices down, measures across, median (least .. most)."""
    runs = sum(row.runs for row in batch.rows)
    passed = sum(row.passed for row in batch.rows)
    yield f"{batch.drill}: {batch.verdict}, {passed} of {runs} runs"
    for result in batch.runs:
        missed = [judgement for judgement in result.judgements if not judgement.met]
        for why in (*result.reasons, *(f"{one.expectation.measure} not met" for one in missed)):
            yield f"  {_said(result.choice) or 'run'}, seed {result.seed}: {why}"
    names = dict.fromkeys(_title(spread) for row in batch.rows for spread in row.spreads)
    yield from table(["choice", "runs", *names], [_row(row, list(names)) for row in batch.rows])


def _row(row: Row, names: list[str]) -> list[object]:
    by_name = {_title(spread): _spread(spread) for spread in row.spreads}
    return [_said(row.choice) or "-", f"{row.passed}/{row.runs}", *(by_name.get(name, "") for name in names)]


def _said(choice: tuple[tuple[str, str], ...]) -> str:
    return " ".join(f"{name}={value}" for name, value in choice)


def _title(spread: Spread) -> str:
    return spread.measure if spread.of is None else f"{spread.measure}/{spread.of}"


def _spread(spread: Spread) -> str:
    if spread.median is None:
        return "never"
    text = f"{spread.median:.4g}"
    if spread.least != spread.most:
        text += f" ({spread.least:.4g} .. {spread.most:.4g})"
    return text + (f", {spread.never}x never" if spread.never else "")
