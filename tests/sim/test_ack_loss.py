"""Only acknowledgements vanish: data goes on being placed once, and nothing is blamed that did not fail."""

from __future__ import annotations

import pytest

from mrcnet.mrc.events import PacketsLost, QpFailed
from mrcnet.mrc.evs import Cause
from tests.support.weather import Outage, Weather, to_plane
from tests.support.wire import Flight

from .runs import FAULT, KNOBS, PLANES, RTT, check_complete, lost, transfer, went_bad


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6])
def test_lost_sacks_make_no_false_loss(share: float) -> None:
    """However many SACKs are lost, no packet that arrived is judged lost, and no EV is blamed."""
    pair, _ = transfer(Weather(seed=3, control_loss=share), length=1 << 20)
    check_complete(pair)
    inferred = [event for event in pair.seen(PacketsLost) if event.cause == Cause.LOSS]
    assert [] == inferred  # a timeout there may be: the last SACKs are not followed by others
    if share < 0.5:
        assert ([], []) == (lost(pair), went_bad(pair))


def test_one_plane_back_is_dead() -> None:
    """SACKs of one plane vanish: the others tell enough, and the data's plane is not blamed."""
    pair, _ = transfer(None, Outage(to_plane(2, sender=1), FAULT))
    check_complete(pair)
    assert ([], []) == (lost(pair), went_bad(pair))


def backwards(flight: Flight) -> bool:
    return flight.sender == 1


@pytest.mark.parametrize(("timeouts", "blamed"), [(0.9, False), (1.5, True)])
def test_no_sacks_at_all_for_a_while(timeouts: float, blamed: bool) -> None:
    """Silence is survived; before the timeout it costs nothing, after it packets are repeated needlessly."""
    length = int(timeouts * KNOBS.timeout_ns) - 4 * RTT
    pair, _ = transfer(None, Outage(backwards, FAULT, FAULT + length), length=1 << 20)
    check_complete(pair)
    assert blamed == bool(lost(pair))
    assert blamed == bool(pair.peer_qp.responder.counters.duplicates)


def test_no_sacks_for_ever() -> None:
    """The boundary: data all arrives and nobody ever says so; the QP fails, with a reason."""
    pair, _ = transfer(None, Outage(backwards), length=1 << 18, linear_retries=2, exponential_retries=1)
    assert ["retry counter exceeded"] == [event.reason for event in pair.seen(QpFailed)]
    assert not (pair.target.data != pair.image).any()
    assert 256 == pair.peer_qp.responder.counters.delivered
    assert PLANES == len({f.port for f in pair.flights if f.is_write})
