"""One plane is slower than the others, so that packets come later than a bitmap of 64 reaches (spec 3.4)."""

from __future__ import annotations

import pytest

from tests.support.weather import Weather
from tests.support.wire import DELAY, Flight

from .runs import KNOBS, RTT, check_complete, lost, transfer, went_bad

RATE = 2  # packets a microsecond, all planes together


class SlowPlane(Weather):
    """Writes of plane 1 take `extra` ns longer."""

    extra = 0

    def __call__(self, flight: Flight) -> list[tuple[int, bytes]]:
        late = self.extra if flight.is_write and flight.port == 1 else 0
        return [(when + late, data) for when, data in super().__call__(flight)]


def slow(extra: int):
    weather = SlowPlane()
    weather.extra = extra
    pair, _ = transfer(weather, length=4 << 20)
    return pair


@pytest.mark.parametrize("extra", [20_000, 40_000, RTT - 10_000])
def test_reordering_is_no_loss(extra: int) -> None:
    """Up to a base RTT of lateness, beyond 64 PSN too, nothing is inferred lost and no EV is blamed."""
    assert (extra * RATE // 1_000 > 64) == (extra > 32_000)
    pair = slow(extra)
    check_complete(pair)
    assert ([], []) == (lost(pair), went_bad(pair))
    assert 0 == pair.peer_qp.responder.counters.duplicates


@pytest.mark.parametrize("extra", [RTT + DELAY, 3 * RTT])
def test_beyond_a_base_rtt(extra: int) -> None:
    """The boundary: what is later than a base RTT counts as lost (spec 4.5); copies are not placed twice."""
    pair = slow(extra)
    check_complete(pair)
    assert set(lost(pair))
    books = pair.peer_qp.responder.counters
    assert books.duplicates <= pair.qp.requestor.counters.retransmitted
    assert (4 << 20) // KNOBS.payload == books.delivered
