"""One EV loses a share of its packets: it is out at its first loss that can be told, and traffic goes on."""

from __future__ import annotations

import random

import pytest

from tests.support.weather import Outage
from tests.support.wire import Flight, ev_paths

from .runs import FAULT, PLANES, UPLINKS, check_complete, lost, transfer, went_bad

EV = ev_paths(PLANES, UPLINKS)[13].ev


@pytest.mark.parametrize("share", [0.01, 0.02, 0.05, 0.2, 0.5, 0.9])
def test_out_at_the_first_loss(share: float) -> None:
    """One loss is enough (spec 4.3); what the EV loses before it is out is repeated, nothing else."""
    rng = random.Random(7)

    def unlucky(flight: Flight) -> bool:
        return flight.is_write and flight.ev == EV and rng.random() < share

    length = 6 << 20 if share < 0.05 else 2 << 20  # enough for a loss to come
    pair, weather = transfer(None, Outage(unlucky, FAULT), length=length)
    check_complete(pair)
    assert {EV} == {ev for _, ev in went_bad(pair)}  # once; again only after probes brought it back
    assert weather.dropped == len(lost(pair)) == len(set(lost(pair)))


def test_a_single_loss() -> None:
    """The boundary: one packet lost in the whole run is one loss, one repetition, one EV out."""
    seen: list[int] = []

    def once(flight: Flight) -> bool:
        hit = flight.is_write and flight.ev == EV and not seen
        seen.extend([flight.psn] * hit)
        return hit

    pair, weather = transfer(None, Outage(once, FAULT))
    check_complete(pair)
    assert seen == lost(pair)
    assert [EV] == [ev for _, ev in went_bad(pair)]
    assert 1 == weather.dropped == pair.qp.requestor.counters.retransmitted
