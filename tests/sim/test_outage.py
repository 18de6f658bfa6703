"""All planes dead for a while: an outage of d is survived, one of d + 1 ns ends the QP, with a reason."""

from __future__ import annotations

import numpy as np
import pytest

from mrcnet.mrc.events import QpFailed
from tests.support.weather import Outage, everything
from tests.support.wire import Pair

from .runs import FAULT, KNOBS, RTT, START, check_complete, transfer

LINEAR, EXPONENTIAL = 2, 2
BUDGET = {"linear_retries": LINEAR, "exponential_retries": EXPONENTIAL}
UNIT = KNOBS.timeout_ns
# spec 4.6: the first try and the linear ones wait one timeout each; then it doubles, up to the ceiling
PATIENCE = UNIT * (1 + LINEAR) + 2 * UNIT * EXPONENTIAL


def outage(length: int) -> Pair:
    """A transfer through a fabric that is dead for `length` from the middle of it on."""
    middle = START + 3 * RTT // 2
    pair, _ = transfer(None, Outage(everything, middle, middle + length), length=1 << 19, **BUDGET)
    return pair


@pytest.mark.parametrize("length", [RTT // 10, RTT, 3 * RTT, UNIT, 2 * UNIT, 4 * UNIT])
def test_survived_within_the_budget(length: int) -> None:
    """Outages from a flicker to most of the retry budget: every byte arrives in the end."""
    check_complete(outage(length))


def test_the_boundary() -> None:
    """There is a longest outage that is survived; it is the retry budget, less a probe and its answer."""
    low, high = PATIENCE - 8 * RTT, PATIENCE + 4 * RTT
    check_complete(outage(low))
    assert outage(high).qp.requestor.failed
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if outage(middle).qp.requestor.failed else (middle, high)
    assert PATIENCE - 6 * RTT <= low <= PATIENCE + RTT
    check_complete(outage(low))
    dead = outage(low + 1)
    [failure] = dead.seen(QpFailed)
    assert "retry counter exceeded" == failure.reason
    wrong = dead.target.data != dead.image
    assert not dead.target.data[wrong].any()


def test_two_outages_with_progress_between() -> None:
    """The budget is whole again after progress (spec 4.6): two that together exceed it."""
    each = PATIENCE * 3 // 4
    second = FAULT + each + 20 * RTT
    pair, _ = transfer(
        None,
        Outage(everything, FAULT, FAULT + each),
        Outage(everything, second, second + each),
        length=6 << 20,
        **BUDGET,
    )
    check_complete(pair)
    assert np.max([f.sent_at for f in pair.flights]) > second + each
