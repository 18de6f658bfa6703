"""Expectations against measures: the verdict. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mrcnet.drill.model import Expectation, Judgement, Measures
from mrcnet.drill.names import value_of

PASSED, FAILED, ABORTED = "passed", "failed", "aborted"


def judge(expectations: Sequence[Expectation], measures: Measures) -> tuple[Judgement, ...]:
    """Hold every expectation against its measure; a measure that did not occur meets no bound."""
    return tuple(_judge(expectation, measures) for expectation in expectations)


def _judge(expectation: Expectation, measures: Measures) -> Judgement:
    value = value_of(measures, expectation.measure)
    met = value is not None
    if value is not None and expectation.at_least is not None:
        met = met and value >= expectation.at_least
    if value is not None and expectation.at_most is not None:
        met = met and value <= expectation.at_most
    return Judgement(expectation, value, met)


def spell(judgement: Judgement) -> str:
    """`recovery_ms 12 <= 200: met`, for people."""
    expectation = judgement.expectation
    value = "never" if judgement.value is None else f"{judgement.value:.6g}"
    bounds = []
    if expectation.at_least is not None:
        bounds.append(f">= {expectation.at_least:g}")
    if expectation.at_most is not None:
        bounds.append(f"<= {expectation.at_most:g}")
    of = f" of {expectation.of}" if expectation.of else ""
    return (
        f"{expectation.measure}{of} {value} {' and '.join(bounds)}: {'met' if judgement.met else 'NOT MET'}"
    )
