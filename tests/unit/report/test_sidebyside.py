"""Variants side by side: medians that take "never" for the worst, and no figure where there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mrcnet.report import resultfile
from mrcnet.report.model import Fidelity, Figure, Result
from mrcnet.report.sidebyside import Cell, SideBySide, side_by_side, spell
from mrcnet.report.variantpage import as_page
from tests.unit.report.results import aborted, result
from tests.unit.report.test_page import Reader

BASE = result()


def run(**metrics: Figure) -> Result:
    return replace(BASE, metrics={**(BASE.metrics or {}), **metrics})


def cell(found: SideBySide, measure: str, row: int = 0) -> Cell:
    return next(one for one in found.rows[row].cells if one.measure == measure)


@pytest.mark.parametrize(
    ("values", "middle", "never", "words"),
    [
        ((3.0,), 3.0, 0, "3.000 ms"),
        ((1.0, 2.0, 9.0), 2.0, 0, "2.000 ms (1.000 ms .. 9.000 ms)"),
        ((1.0, 2.0, None), 2.0, 1, "2.000 ms (1.000 ms .. 2.000 ms; 1x never)"),
        ((1.0, None, None), None, 2, "never (1.000 ms; 2x never)"),
        ((None, None), None, 2, "never"),
    ],
)
def test_never_is_the_worst(values: tuple[float | None, ...], middle: float, never: int, words: str) -> None:
    """A run that never recovered counts, and is counted: the median of most such runs is "never"."""
    found = side_by_side(
        [("mrc/srv6", [run(recovery_ms=value, error_ms=0.0) for value in values])], len(values)
    )
    one = replace(cell(found, "recovery_ms"), error=0.0)
    assert (middle, never, words) == (one.median, one.never, spell(one))


def test_the_error_bar_is_the_faults_and_the_bins() -> None:
    """Fail-over is told to the fault's error bar and one bin of goodput."""
    found = side_by_side([("mrc/srv6", [run(recovery_ms=3.0, error_ms=0.25)])], 1)
    assert BASE.traffic is not None
    assert BASE.traffic.bin_ms > 0
    assert 0.25 + BASE.traffic.bin_ms == cell(found, "recovery_ms").error


def test_what_never_ended_has_not_recovered() -> None:
    """Messages that completed do not speak for those that never did, nor does goodput."""
    assert BASE.traffic is not None
    one = run(step_stretch=1.5, recovery_ms=3.0)
    stuck = replace(
        one, traffic=replace(BASE.traffic, problems=("messages were still under way at the end",))
    )
    found = side_by_side([("a/b", [one]), ("c/d", [stuck])], 2)
    assert ("1.5x", "never") == tuple(spell(cell(found, "step_stretch", row)) for row in (0, 1))
    assert (3.0, None) == tuple(cell(found, "recovery_ms", row).median for row in (0, 1))


def test_no_step_before_the_fault_says_nothing() -> None:
    """Where there is nothing to hold the longest step against, the cell is empty and not "never"."""
    found = side_by_side([("a/b", [run(step_stretch=None)])], 1)
    assert "–" == spell(cell(found, "step_stretch"))


def test_no_utilisation_without_rates() -> None:
    """Ports without rates are as fast as the machine: the column is left out."""
    assert BASE.traffic is not None
    unshaped = replace(run(line_share=0.5), traffic=replace(BASE.traffic, fidelity=Fidelity(None)))
    for one, there in ((run(line_share=0.5), True), (unshaped, False)):
        titles = [column.title for column in side_by_side([("mrc/srv6", [one])], 1).columns]
        assert there == ("utilisation" in titles)


def test_broken_and_aborted_are_not_sound() -> None:
    """Wrong bytes, and runs that are missing or were interrupted, are not sound; a dead QP is."""
    assert BASE.traffic is not None
    wrong = replace(BASE, traffic=replace(BASE.traffic, unsound=("wrong bytes",)))
    dead = replace(BASE, traffic=replace(BASE.traffic, problems=("h0 -> h3: the QP went to ERROR",)))
    stopped = resultfile.from_data(aborted())
    judged = [side_by_side([("mrc/srv6", [one])], 1) for one in (BASE, wrong, dead, stopped)]
    assert [True, False, True, False] == [one.sound for one in judged]
    assert ("h0 -> h3: the QP went to ERROR",) == judged[2].rows[0].remarks
    assert not side_by_side([("mrc/srv6", [BASE])], 2).whole


def test_the_page_needs_nothing_else() -> None:
    """The page has every variant and figure, says that PFC is not modelled, and refers to nothing outside."""
    runs = [("mrc/srv6", [run(recovery_ms=3.0)]), ("rocev2x1/<ecmp>", [run(recovery_ms=None)])]
    page = as_page(side_by_side(runs, 2), runs, "mrcnet compare-run x.yaml --seed 7")
    read = Reader(page)
    assert [] == [address for address in read.addresses if not address.startswith(("#", "data:,"))]
    for words in ("mrc/srv6", "rocev2x1/<ecmp>", "never", "PFC is not modelled", "--seed 7"):
        assert words in read.text
