"""An EV flaps, faster and slower than the probes that would bring it back (spec 4.3, 4.7)."""

from __future__ import annotations

import pytest

from mrcnet.mrc.events import EvChanged
from tests.support.weather import Outage
from tests.support.wire import Flight, ev_paths

from .runs import FAULT, KNOBS, PLANES, RTT, UPLINKS, check_complete, lost, transfer

EV = ev_paths(PLANES, UPLINKS)[9].ev
PACE = KNOBS.probe_rtts * RTT  # three answered probes in a row take twice as long, and their answers' RTT
DOWN = PACE + 2 * RTT  # so long that no two answered probes in a row have it between them


def flap(up: int, length: int = 5 << 20):
    """A transfer during which one EV is down for DOWN and up for `up`, in turn."""

    def dead(flight: Flight) -> bool:
        on = flight.ev == EV and flight.sender == 0
        return on and flight.sent_at >= FAULT and (flight.sent_at - FAULT) % (DOWN + up) < DOWN

    return transfer(None, Outage(dead), length=length)


def moves(pair) -> list[str]:
    return [e.new for e in pair.seen(EvChanged) if e.ev == EV]


@pytest.mark.parametrize("up", [RTT, PACE, 2 * PACE - RTT])
def test_faster_than_the_probes(up: int) -> None:
    """An EV that is never up for three probes in a row goes out once and stays out."""
    pair, weather = flap(up)
    check_complete(pair)
    assert ["ASSUMED_BAD"] == moves(pair)
    assert weather.dropped == len(lost(pair)) == pair.qp.requestor.counters.retransmitted


def test_slower_than_the_probes() -> None:
    """The boundary: up for as long as three probes and more, it returns, and goes out again, each time."""
    pair, _ = flap(4 * PACE, length=6 << 20)
    check_complete(pair)
    turns = moves(pair)
    assert len(turns) >= 3
    assert ["ASSUMED_BAD", "GOOD"] * (len(turns) // 2) == turns[: len(turns) // 2 * 2]
