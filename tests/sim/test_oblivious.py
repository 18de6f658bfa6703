"""Spraying without path health: an EV that swallows packets goes on swallowing its share."""

from __future__ import annotations

from mrcnet.mrc.events import EvChanged
from tests.support.weather import Outage, writes_on
from tests.support.wire import ev_paths

from .runs import FAULT, PLANES, UPLINKS, check_complete, transfer, went_bad

EV = ev_paths(PLANES, UPLINKS)[13].ev


def test_a_dead_ev_is_used_to_the_end() -> None:
    """Without path health no EV changes its state, and every packet on the dead one costs a repetition;
    with it the same fault costs less than half of that, all of it before the EV is out.
    """
    oblivious, there = transfer(None, Outage(writes_on(EV), FAULT), path_health=False)
    healthy, here = transfer(None, Outage(writes_on(EV), FAULT))
    check_complete(oblivious)
    check_complete(healthy)
    assert [] == oblivious.seen(EvChanged)
    assert EV in {ev for _, ev in went_bad(healthy)}
    assert there.dropped > 2 * here.dropped
