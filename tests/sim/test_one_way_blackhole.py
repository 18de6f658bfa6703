"""A plane carries frames one way only: the way that works goes on being used."""

from __future__ import annotations

from mrcnet.mrc.wire.numbers import Opcode
from tests.support.weather import Outage, to_plane

from .runs import FAULT, PLANES, RTT, UPLINKS, check_complete, per_plane, transfer, went_bad


def test_forward() -> None:
    """Data to the plane vanishes: its EVs go out, though SACKs still come back on it."""
    pair, _ = transfer(None, Outage(to_plane(1, sender=0), FAULT), length=4 << 20)
    check_complete(pair)
    assert [1] * UPLINKS == [ev >> 16 for _, ev in went_bad(pair)]
    assert 0 == per_plane(pair, since=FAULT + 10 * RTT)[1]
    late = [f.port for f in pair.flights if f.opcode == Opcode.SACK and f.sent_at > FAULT + 10 * RTT]
    assert 1 in late


def test_back() -> None:
    """SACKs on the plane vanish: data still rides it, and SACKs leave it after unanswered EV probes."""
    pair, _ = transfer(None, Outage(to_plane(1, sender=1), FAULT), length=16 << 20, reverse_probe_ns=RTT)
    check_complete(pair)
    assert [] == went_bad(pair)
    counts = per_plane(pair, since=FAULT)
    assert max(counts) - min(counts) <= 0.02 * max(counts) + 1
    half = pair.now - (pair.now - FAULT) // 2
    back = [f.port for f in pair.flights if f.opcode == Opcode.SACK and f.sent_at > half]
    assert PLANES - 1 == len(set(back))
    assert 1 not in back
