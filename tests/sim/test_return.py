"""An EV or a plane heals: three answered probes bring it back, and it carries its share again."""

from __future__ import annotations

from mrcnet.mrc.events import EvChanged
from mrcnet.mrc.evs import State
from tests.support.weather import Outage, to_plane, writes_on
from tests.support.wire import Flight, ev_paths

from .runs import FAULT, KNOBS, PLANES, RTT, UPLINKS, check_complete, per_plane, transfer, went_bad

EV = ev_paths(PLANES, UPLINKS)[9].ev
PROBES = KNOBS.probe_rtts * RTT  # spec 4.7: the pace


def back(pair) -> list[tuple[int, int]]:
    """(when, EV) of returns to GOOD."""
    return [(e.at, e.ev) for e in pair.seen(EvChanged) if e.new == State.GOOD.name]


def test_an_ev_comes_back_after_three_probes() -> None:
    """Healed before its first probe, an EV is good after three probes, and carries data again."""
    pair, _ = transfer(None, Outage(writes_on(EV), FAULT, FAULT + 3 * RTT), length=6 << 20)
    check_complete(pair)
    [(out, _)] = went_bad(pair)
    [(home, ev)] = back(pair)
    assert EV == ev
    assert 3 * PROBES <= home - out <= 3 * (PROBES + 3 * RTT)
    probes = [f for f in pair.flights if f.opcode == 0xDE and f.ev == EV]
    assert 3 == len(probes)
    between = [f for f in pair.flights if f.is_write and f.ev == EV and out + 2 * RTT < f.sent_at < home]
    assert [] == between
    assert [f for f in pair.flights if f.is_write and f.ev == EV and f.sent_at > home]


def test_two_probes_are_not_enough() -> None:
    """The boundary: if the third probe is lost, the EV stays out until three more are answered."""
    seen: list[Flight] = []

    def third_probe(flight: Flight) -> bool:
        if flight.opcode == 0xDE and flight.ev == EV:
            seen.append(flight)
            return len(seen) == 3
        return False

    pair, _ = transfer(
        None, Outage(writes_on(EV), FAULT, FAULT + 3 * RTT), Outage(third_probe), length=8 << 20
    )
    check_complete(pair)
    [(home, _)] = back(pair)
    assert 6 == len([probe for probe in seen if probe.sent_at < home])


def test_a_plane_comes_back() -> None:
    """After a plane's outage all its EVs return, and the planes are balanced again."""
    pair, _ = transfer(None, Outage(to_plane(2), FAULT, FAULT + 20 * RTT), length=10 << 20)
    check_complete(pair)
    assert sorted(ev for _, ev in went_bad(pair)) == sorted(ev for _, ev in back(pair))
    assert UPLINKS == len(back(pair))
    counts = per_plane(pair, since=max(at for at, _ in back(pair)) + 2 * RTT)
    assert min(counts) > 0
    assert max(counts) - min(counts) <= 0.02 * max(counts) + 1
