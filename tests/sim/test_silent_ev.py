"""One EV goes dead and says nothing: found within two RTTs, its packets sent once more, no other blamed."""

from __future__ import annotations

import pytest

from tests.support.weather import Outage, writes_on
from tests.support.wire import ev_paths

from .runs import FAULT, PLANES, RTT, UPLINKS, check_complete, lost, transfer, went_bad

EVS = [path.ev for path in ev_paths(PLANES, UPLINKS)]
QUEUE = RTT  # how long SACKs wait in the ports' queues, at most


@pytest.mark.parametrize("ev", EVS[::5])
def test_detection_and_repair(ev: int) -> None:
    """The EV is out within a base RTT and an RTT of its first loss; each lost packet is repeated once."""
    pair, weather = transfer(None, Outage(writes_on(ev), FAULT))
    check_complete(pair)
    gone = [f for f in pair.flights if f.is_write and f.ev == ev and f.sent_at >= FAULT]
    [(at, blamed)] = went_bad(pair)
    assert ev == blamed
    assert at <= gone[0].sent_at + 2 * RTT + QUEUE
    assert sorted(f.psn for f in gone) == sorted(lost(pair))
    assert len(gone) == weather.dropped == pair.qp.requestor.counters.retransmitted
    assert gone[-1].sent_at <= at + QUEUE  # what already stood in the port's queue still leaves


def test_two_evs_at_once() -> None:
    """Two dead EVs are found as one is, each by its own losses."""
    dead = (EVS[3], EVS[20])
    pair, weather = transfer(None, Outage(writes_on(*dead), FAULT))
    check_complete(pair)
    assert set(dead) == {ev for _, ev in went_bad(pair)}
    assert weather.dropped == len(lost(pair)) == len(set(lost(pair)))


def test_dead_from_the_start() -> None:
    """An EV that never worked costs a few packets and nothing else (spec 7, start-up)."""
    pair, weather = transfer(None, Outage(writes_on(EVS[0])))
    check_complete(pair)
    assert [EVS[0]] == [ev for _, ev in went_bad(pair)]
    assert weather.dropped == len(lost(pair))


def test_nothing_wrong_nothing_blamed() -> None:
    """The boundary: with no fault there is no loss, no repetition, no blame."""
    pair, _ = transfer()
    check_complete(pair)
    assert ([], []) == (went_bad(pair), lost(pair))
    assert 0 == pair.qp.requestor.counters.retransmitted
