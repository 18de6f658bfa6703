"""The last hop of planes, from the T0 to the receiver, is dead or lossy: no EV of theirs gets around it."""

from __future__ import annotations

import random

import pytest

from mrcnet.mrc.events import QpFailed
from tests.support.weather import Outage, to_plane
from tests.support.wire import Flight

from .runs import FAULT, PLANES, RTT, UPLINKS, check_complete, per_plane, transfer, went_bad


@pytest.mark.parametrize("dead", [(2,), (0, 3)])
def test_dead(dead: tuple[int, ...]) -> None:
    """All EVs of the planes go out, those of the others stay; traffic goes on over them."""
    pair, _ = transfer(None, Outage(to_plane(*dead, sender=0), FAULT), length=4 << 20)
    check_complete(pair)
    assert sorted([*dead] * UPLINKS) == sorted(ev >> 16 for _, ev in went_bad(pair))
    counts = per_plane(pair, since=FAULT + 10 * RTT)
    assert [plane in dead for plane in range(PLANES)] == [count == 0 for count in counts]


@pytest.mark.parametrize(("dead", "fails"), [((0, 1, 2), False), ((0, 1, 2, 3), True)])
def test_the_boundary(dead: tuple[int, ...], fails: bool) -> None:
    """One last hop is enough to live; with none the QP ends by its retry budget."""
    outage = Outage(to_plane(*dead, sender=0), FAULT)
    pair, _ = transfer(None, outage, length=1 << 20, linear_retries=2, exponential_retries=0)
    if fails:
        assert ["retry counter exceeded"] == [e.reason for e in pair.seen(QpFailed)]
    else:
        check_complete(pair)


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_lossy(share: float) -> None:
    """A lossy last hop takes its plane's EVs out one by one, each by a loss of its own, and no other's."""
    rng = random.Random(5)

    def unlucky(flight: Flight) -> bool:
        return flight.sender == 0 and flight.port == 1 and rng.random() < share

    pair, _ = transfer(None, Outage(unlucky, FAULT), length=8 << 20)
    check_complete(pair)
    assert {1} == {ev >> 16 for _, ev in went_bad(pair)}
    assert UPLINKS == len({ev for _, ev in went_bad(pair)})
