"""A peer that never answers: the retry budget is spent to the nanosecond, or has no end (spec 4.6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mrcnet.mrc.events import MessageFailed, QpFailed
from tests.support.weather import Outage, Weather, everything
from tests.support.wire import Pair

from .runs import KNOBS, RTT, START


def silent(linear: int, exponential: int, until: int = 1 << 62) -> Pair:
    """Two messages to a peer that hears nothing before `until`."""
    knobs = replace(KNOBS, linear_retries=linear, exponential_retries=exponential)
    pair = Pair(knobs, fate=Weather(outages=[Outage(everything, 0, until)]), memory=1 << 14)
    pair.write(0, 5_000)
    pair.write(5_000, 5_000)
    return pair


@pytest.mark.parametrize(("linear", "exponential"), [(0, 0), (1, 0), (0, 1), (3, 0), (2, 3), (7, 7)])
def test_the_budget(linear: int, exponential: int) -> None:
    """The QP fails when the first try and every retry have waited out their timeouts, not before."""
    pair = silent(linear, exponential)
    pair.finish()
    knobs = pair.settings
    waits = [knobs.timeout_of(attempt) for attempt in range(linear + exponential + 1)]
    [failure] = pair.seen(QpFailed)
    assert ("retry counter exceeded", START + sum(waits)) == (failure.reason, failure.at)
    ends = [(e.message, e.reason) for e in pair.seen(MessageFailed)]
    assert [(0, "retry counter exceeded"), (1, "flushed")] == ends
    assert 10 * (linear + exponential + 1) == pair.qp.requestor.counters.sent


@pytest.mark.parametrize(("late", "fails"), [(-6 * RTT, False), (0, True)])
def test_the_boundary(late: int, fails: bool) -> None:
    """A peer that is back a probe and its answer before the end saves the QP; at the end it is too late."""
    linear = 3
    end = START + (1 + linear) * KNOBS.timeout_ns
    pair = silent(linear, 0, until=end + late)
    pair.finish()
    assert fails == pair.qp.requestor.failed
    assert fails == (pair.qp.requestor.outstanding == 0 and bool(pair.seen(MessageFailed)))


def test_for_ever() -> None:
    """25 exponential retries mean no limit (spec 1.3): after a long silence all arrives."""
    pair = silent(1, 25, until=START + 500 * KNOBS.timeout_ns)
    pair.finish()
    assert [] == pair.seen(QpFailed)
    assert not (pair.target.data != pair.image).any()
