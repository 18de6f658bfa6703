"""One drill over several variants, side by side: a row each, the measures that decide across. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from statistics import median

from mrcnet.report.model import ABORTED, Figure, Result
from mrcnet.report.words import figure


@dataclass(frozen=True, slots=True)
class Column:
    """A measure that is held side by side. `of_fault`: there must be one; `never`: what None says of it."""

    measure: str
    title: str
    of_fault: bool = False
    never: bool = False


COLUMNS = (
    Column("line_share", "utilisation"),
    Column("iteration_ms_p50", "iteration", never=True),
    Column("step_stretch", "step stretch", of_fault=True, never=True),
    Column("recovery_ms", "fail-over", of_fault=True, never=True),
    Column("longest_gap_ms", "longest delivery gap", of_fault=True),
    Column("message_ms_p99", "99 % of messages within"),
    Column("packets_lost", "packets lost"),
    Column("qps_failed", "QPs dead"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A measure over the runs of a variant: median and extremes, and in how many it never came. What never
    came counts as the worst, so that a median of None is "never". A run in which messages never ended has no
    longest step, and never failed over. `error`: half the width of its error bar.
    """

    measure: str
    median: float | None
    least: float | None
    most: float | None
    never: int
    error: float


@dataclass(frozen=True, slots=True)
class Row:
    """A variant. `unsound`: why its figures are not to be believed; `remarks`: what else is to be known."""

    variant: str
    verdicts: tuple[str, ...]
    unsound: tuple[str, ...]
    remarks: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """All variants. `whole`: every run that was wanted came to its end."""

    drill: str
    on: str
    seeds: tuple[int, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    whole: bool

    @property
    def sound(self) -> bool:
        """Whether all figures can be believed, whatever they say."""
        return self.whole and not any(row.unsound for row in self.rows)


def side_by_side(found: Sequence[tuple[str, Sequence[Result]]], wanted: int) -> SideBySide:
    """Variants by name, each with its runs, in order; `wanted`: how many runs there were to be of all."""
    every = [result for _, results in found for result in results]
    whole = len(every) == wanted and not any(result.verdict == ABORTED for result in every)
    columns = tuple(column for column in COLUMNS if any(_there(column, result) for result in every))
    return SideBySide(
        drill=every[0].drill,
        on=every[0].on,
        seeds=tuple(dict.fromkeys(result.seed for result in every)),
        columns=columns,
        rows=tuple(_row(name, results, columns) for name, results in found),
        whole=whole,
    )


def _there(column: Column, result: Result) -> bool:
    """Whether a run can say anything of a measure."""
    if result.metrics is None or column.measure not in result.metrics:
        return False
    if column.measure == "line_share" and not _has_rates(result):
        return False
    if column.of_fault and not any(fault.struck for fault in result.picture.faults):
        return False
    return column.of_fault or result.metrics[column.measure] is not None


def _has_rates(result: Result) -> bool:
    """A fabric whose ports have no rates is as fast as its machine: a share of the line says nothing."""
    traffic = result.traffic
    return traffic is not None and (traffic.fidelity is None or traffic.fidelity.faithful is not None)


def _row(name: str, results: Sequence[Result], columns: Sequence[Column]) -> Row:
    told = [(result, result.traffic) for result in results]
    unsound = [why for result, traffic in told for why in (traffic.unsound if traffic else result.reasons)]
    return Row(
        variant=name,
        verdicts=tuple(result.verdict for result in results),
        unsound=tuple(dict.fromkeys(unsound)),
        remarks=tuple(dict.fromkeys(why for result in results for why in _remarks(result))),
        cells=tuple(_cell(column, results) for column in columns),
    )


def _remarks(result: Result) -> Iterator[str]:
    """The machine's part in the figures, and what failed of the transport itself."""
    traffic = result.traffic
    if traffic is None:
        return
    if traffic.fidelity is not None and traffic.fidelity.faithful is False:
        yield f"unfaithful, the machine was the bottleneck: {'; '.join(traffic.fidelity.reasons)}"
    if outcomes := _outcomes(result):
        more = f", and {len(outcomes) - 1} more" if len(outcomes) > 1 else ""
        yield f"{outcomes[0]}{more}"


def _outcomes(result: Result) -> list[str]:
    """What became of QPs that died, and of messages that never ended."""
    traffic = result.traffic
    return [why for why in traffic.problems if why not in traffic.unsound] if traffic else []


def _cell(column: Column, results: Sequence[Result]) -> Cell:
    values, errors = [], [0.0]
    for result in results:
        if result.metrics is None or not (column.never or _there(column, result)):
            continue
        value, stuck = result.metrics.get(column.measure), any(_outcomes(result))
        if column.never and (stuck or (value is None and column.measure == "recovery_ms")):
            values.append(inf)
        elif isinstance(value, int | float):
            values.append(float(value))
        if column.measure == "recovery_ms":
            errors.append(_error(result.metrics.get("error_ms"), result))
    came = [value for value in values if isfinite(value)]
    middle = median(values) if values else inf
    return Cell(
        measure=column.measure,
        median=middle if isfinite(middle) else None,
        least=min(came, default=None),
        most=max(came, default=None),
        never=len(values) - len(came),
        error=max(errors),
    )


def _error(bar: Figure, result: Result) -> float:
    """That of the fault's instant, and the bin in which goodput was found to be back."""
    instant = float(bar) if isinstance(bar, int | float) else 0.0
    return instant + (result.traffic.bin_ms if result.traffic else 0.0)


def spell(cell: Cell) -> str:
    """`1.230 ms ± 0.010 ms (1.1 ms .. 1.4 ms; 1x never)`, for people."""
    if cell.median is None and not cell.never:
        return "–"
    text = _number(cell.measure, cell.median)
    if cell.error and cell.median is not None:
        text += f" ± {_number(cell.measure, cell.error)}"
    spread = []
    if cell.least != cell.most:
        spread.append(f"{_number(cell.measure, cell.least)} .. {_number(cell.measure, cell.most)}")
    elif cell.median is None and cell.least is not None:
        spread.append(_number(cell.measure, cell.least))
    if cell.never and cell.least is not None:
        spread.append(f"{cell.never}x never")
    return f"{text} ({'; '.join(spread)})" if spread else text


def _number(name: str, number: float | None) -> str:
    if number is not None and name.endswith("_stretch"):
        return f"{number:.3g}x"
    if number is not None and name.endswith("_share"):
        return f"{number:.1%}"
    return figure(name, number)
