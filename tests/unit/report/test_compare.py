"""Comparing two results: which is better, by how much, and whether that is too much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mrcnet.report.compare import BETTER, OTHER, SAME, WORSE, Difference, compare
from mrcnet.report.model import Figure, Result
from tests.unit.report.results import result

BASE = result()


def with_figure(name: str, figure: Figure, error: float = 0.0) -> Result:
    return replace(BASE, metrics={**(BASE.metrics or {}), "error_ms": error, name: figure})


def difference(name: str, a: Figure, b: Figure, most: float | None = None, error: float = 0.0) -> Difference:
    found = compare(with_figure(name, a, error), with_figure(name, b, error), most)
    return next(one for one in found.differences if one.measure == name)


@pytest.mark.parametrize(
    ("name", "a", "b", "judged"),
    [
        ("detection_ms", 3.0, 2.0, BETTER),
        ("detection_ms", 2.0, 3.0, WORSE),
        ("detection_ms", 3.0, None, WORSE),
        ("recovery_ms", None, 3.0, BETTER),
        ("recovery_ms", None, None, SAME),
        ("goodput_after_share", 0.5, 0.9, BETTER),
        ("goodput_after_bps", 2.0, 1.0, WORSE),
        ("packets_lost", 0.0, 1.0, WORSE),
        ("evs_on_link", 2.0, 4.0, OTHER),
        ("a_measure_of_tomorrow", 1.0, 1.0, SAME),
    ],
)
def test_which_is_better(name: str, a: Figure, b: Figure, judged: str) -> None:
    """Lower is better but for goodput and what is regained; never is worse than ever."""
    assert judged == difference(name, a, b).judged


def test_error_bars_are_not_differences() -> None:
    """Times that count from a fault are the same within the error bars of both; counts have none."""
    assert SAME == difference("detection_ms", 3.0, 4.9, error=1.0).judged
    assert WORSE == difference("detection_ms", 3.0, 5.1, error=1.0).judged
    assert WORSE == difference("packets_lost", 1.0, 2.0, error=1.0).judged


@pytest.mark.parametrize(
    ("a", "b", "most", "failed"),
    [
        (100.0, 104.0, 0.05, False),
        (100.0, 106.0, 0.05, True),
        (100.0, 50.0, 0.05, False),
        (0.0, 1.0, 0.05, True),
        (100.0, None, 0.05, True),
        (100.0, 200.0, None, False),
    ],
)
def test_it_fails_over_the_share(a: Figure, b: Figure, most: float | None, failed: bool) -> None:
    """It fails where something is worse by more than the share, and never without one."""
    assert failed == compare(with_figure("detection_ms", a), with_figure("detection_ms", b), most).failed


def test_a_drill_that_no_longer_passes_fails() -> None:
    """Whatever the measures say, passed before and failed now is too much."""
    fallen = replace(BASE, verdict="failed")
    assert [True, False] == [compare(BASE, fallen, 9.0).failed, compare(BASE, fallen).failed]
    assert not compare(fallen, BASE, 0.0).failed


def test_runs_of_other_files_are_told() -> None:
    """Only runs of the same texts with the same seed on the same fabric are alike."""
    assert compare(BASE, BASE).alike
    assert not compare(BASE, replace(BASE, seed=8)).alike
    assert not compare(BASE, replace(BASE, on="kernel")).alike
