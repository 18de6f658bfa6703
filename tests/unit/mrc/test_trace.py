"""What an end point tells of every SACK, retransmission and window, and that it tells it only when asked."""

from __future__ import annotations

import numpy as np

from mrcnet.mrc.events import Event, Retransmitted, SackReceived, WindowChanged
from mrcnet.mrc.requestor import Requestor
from mrcnet.mrc.spray import Spray
from mrcnet.mrc.window import FixedWindow
from tests.unit.mrc.parts import BASE_RTT, ROOM, START, ev_set, post, requestor_of, sack, settings_of

NOISY = (SackReceived, Retransmitted, WindowChanged)


def noise(log: list[Event]) -> list[Event]:
    """The events that exist only with `trace`."""
    return [event for event in log if isinstance(event, NOISY)]


def lose_one(requestor: Requestor) -> int:
    """Send eight packets, hear of all but the first, send that again; returns the last one's EV index."""
    post(requestor, 8)
    _, evs = requestor.take(8, ROOM, 0)
    entropy = int(requestor.evs.value[evs[7]])
    arrived = range(START + 1, START + 8)
    requestor.on_sack(sack(START - 1, *arrived, entropy=entropy), False, None, BASE_RTT)
    requestor.on_timer(1 << 40)
    requestor.take(8, ROOM, 1 << 40)
    return int(evs[7])


def test_a_sack_is_told_with_its_rtt() -> None:
    """With trace, a SACK becomes a record with its cack, trigger, EV and RTT (spec 5.4)."""
    requestor, log = requestor_of(trace=True)
    ev = lose_one(requestor)
    told = next(event for event in log if isinstance(event, SackReceived))
    value = int(requestor.evs.value[ev])
    want = SackReceived(BASE_RTT, 1, START - 1, START + 7, value, "NONE", False, BASE_RTT)
    assert want == told


def test_a_retransmission_is_told() -> None:
    """With trace, a packet that leaves again is named by its PSN and its new EV (spec 4.5)."""
    requestor, log = requestor_of(trace=True)
    lose_one(requestor)
    told = [event for event in log if isinstance(event, Retransmitted)]
    assert [[START]] == [event.psn.tolist() for event in told]
    assert [1] == [len(event.ev) for event in told]


class Halving(FixedWindow):
    """A window of 4 000 bytes until something is lost, of 2 000 after that."""

    def on_loss(self, size: int, now: int) -> None:  # noqa: ARG002
        self._size = 2_000


def test_a_window_is_told_when_it_is_another() -> None:
    """With trace, a loss that shrinks the window is told once, with its cause and what is in flight then."""
    log: list[Event] = []
    settings = settings_of(payload=64, trace=True)
    evs, _ = ev_set()
    spray = Spray(evs, settings, np.random.default_rng(2))
    requestor = Requestor(1, START, evs, spray, Halving(4_000), settings, log.append)
    lose_one(requestor)
    told = [event for event in log if isinstance(event, WindowChanged)]
    assert [("local ACK timeout", 2_000, 0)] == [
        (event.cause, event.window, event.in_flight) for event in told
    ]


def test_nothing_is_made_when_it_is_off() -> None:
    """Without trace, none of the frequent records is made."""
    requestor, log = requestor_of()
    lose_one(requestor)
    assert [] == noise(log)
    assert log


def test_an_ev_remembers_its_rtt() -> None:
    """The first sample is an EV's RTT, each further one counts for an eighth; other EVs stay unmeasured."""
    requestor, _ = requestor_of()
    evs = requestor.evs
    evs.measured(2, 800)
    evs.measured(2, 1_600)
    assert [None, None, 900, None] == evs.rtt[:4]
