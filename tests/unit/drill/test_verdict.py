"""Verdicts: bounds met, not met, and measures that did not occur."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mrcnet.drill.measures import measure
from mrcnet.drill.model import Expectation, Measures
from mrcnet.drill.names import FIELDS, MEASURES
from mrcnet.drill.verdict import judge, spell
from tests.unit.drill.recordings import END, faults, recording

PLAIN = measure(recording(), faults(), END)


def verdict(value: float | None, at_least: float | None, at_most: float | None) -> tuple[bool, str]:
    """The judgement on a detection of `value` ms, and how it is spelt."""
    measures: Measures = replace(PLAIN, detection_ms=value)
    (judgement,) = judge([Expectation("detection_ms", at_least, at_most)], measures)
    assert value == judgement.value
    return judgement.met, spell(judgement)


@pytest.mark.parametrize(
    ("value", "at_least", "at_most", "met", "words"),
    [
        (5.0, None, 5, True, "detection_ms 5 <= 5: met"),
        (5.001, None, 5, False, "detection_ms 5.001 <= 5: NOT MET"),
        (5.0, 5, None, True, "detection_ms 5 >= 5: met"),
        (4.5, 5, None, False, "detection_ms 4.5 >= 5: NOT MET"),
        (5.5, 5, 6, True, "detection_ms 5.5 >= 5 and <= 6: met"),
        (6.5, 5, 6, False, "detection_ms 6.5 >= 5 and <= 6: NOT MET"),
        (0.0, 0, None, True, "detection_ms 0 >= 0: met"),
        (-0.5, None, 0, True, "detection_ms -0.5 <= 0: met"),
        (None, 0, None, False, "detection_ms never >= 0: NOT MET"),
        (None, None, 1e9, False, "detection_ms never <= 1e+09: NOT MET"),
    ],
)
def test_bounds(
    value: float | None, at_least: float | None, at_most: float | None, met: bool, words: str
) -> None:
    """A bound holds at its own value; a measure that did not occur meets none."""
    assert (met, words) == verdict(value, at_least, at_most)


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_can_be_judged(name: str) -> None:
    """Whatever a drill file may name is a figure that bounds can be held against."""
    all_there = replace(PLAIN, **dict.fromkeys(FIELDS, 1))
    (judgement,) = judge([Expectation(name, -1e30, 1e30)], all_there)
    assert judgement.met


def test_one_judgement_for_each_expectation() -> None:
    """Expectations are judged one by one, in their order."""
    expected = [Expectation("evs_hit", 1, None), Expectation("packets_lost", None, 0)]
    assert [("evs_hit", False), ("packets_lost", True)] == [
        (judgement.expectation.measure, judgement.met) for judgement in judge(expected, PLAIN)
    ]
