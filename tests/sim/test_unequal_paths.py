"""Paths differ in delay, FIFO each: spraying reorders far and wide, and that is no loss (spec 4.5)."""

from __future__ import annotations

import pytest

from tests.support.weather import Outage, Weather, writes_on
from tests.support.wire import DELAY, ev_paths

from .runs import FAULT, PLANES, RTT, UPLINKS, check_complete, lost, transfer, went_bad

EVS = [path.ev for path in ev_paths(PLANES, UPLINKS)]


@pytest.mark.parametrize("spread", [0.1, 0.5, 1.0, 1.9])
def test_reordering_is_not_loss(spread: float) -> None:
    """EVs up to almost a base RTT slower than the fastest: no packet is given up, no EV blamed."""
    slower = {ev: int(spread * DELAY * number / len(EVS)) for number, ev in enumerate(EVS)}
    pair, _ = transfer(Weather(slower=slower))
    check_complete(pair)
    assert ([], []) == (lost(pair), went_bad(pair))


def test_slower_by_more_than_a_base_rtt() -> None:
    """The boundary: an EV slower than that is taken for lossy, and is left; the bytes are right."""
    slow = EVS[11]
    pair, _ = transfer(Weather(slower={slow: 2 * RTT}))
    check_complete(pair)
    assert {slow} == {ev for _, ev in went_bad(pair)}
    assert pair.peer_qp.responder.counters.duplicates == len(lost(pair))


@pytest.mark.parametrize("dead", EVS[2::9])
def test_a_dead_ev_among_unequal_ones(dead: int) -> None:
    """Amid such reordering the one dead EV is found, and only it."""
    slower = {ev: DELAY * number // len(EVS) for number, ev in enumerate(EVS)}
    pair, weather = transfer(Weather(slower=slower), Outage(writes_on(dead), FAULT))
    check_complete(pair)
    assert [dead] == [ev for _, ev in went_bad(pair)]
    assert weather.dropped == len(lost(pair)) == len(set(lost(pair)))
