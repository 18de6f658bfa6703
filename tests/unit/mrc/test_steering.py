"""What the requestor tells its congestion controller, and when it asks for SACKs (spec 5.2, 5.4)."""

from __future__ import annotations

import numpy as np
import pytest

from mrcnet.mrc.flight import OVERHEAD
from mrcnet.mrc.requestor import Requestor
from mrcnet.mrc.spray import Spray
from mrcnet.mrc.window import Feedback
from mrcnet.mrc.wire.control import Nack
from mrcnet.mrc.wire.numbers import Mark, NackReason

from .parts import ROOM, START, ev_set, post, requestor_of, sack, settings_of

PACKET = 64 + OVERHEAD


class Listener:
    """A window of 200 packets that writes down all that it is told."""

    def __init__(self) -> None:
        self.acks: list[Feedback] = []
        self.trims: list[tuple[int, int]] = []
        self.losses: list[int] = []

    def window(self) -> int:
        return 200 * PACKET

    def on_send(self, size: int, now: int) -> None: ...

    def on_ack(self, feedback: Feedback, now: int) -> None:  # noqa: ARG002
        self.acks.append(feedback)

    def on_trim(self, size: int, in_flight: int, now: int) -> None:  # noqa: ARG002
        self.trims.append((size, in_flight))

    def on_loss(self, size: int, now: int) -> None:  # noqa: ARG002
        self.losses.append(size)


def heard(packets: int = 20) -> tuple[Requestor, Listener]:
    """A requestor that has sent so many packets at the instant 1 000, and its listener."""
    settings = settings_of(payload=64)
    evs, log = ev_set()
    listener = Listener()
    spray = Spray(evs, settings, np.random.default_rng(2))
    requestor = Requestor(1, START, evs, spray, listener, settings, log.append)
    post(requestor, packets)
    requestor.take(packets, ROOM, 1_000)
    return requestor, listener


def newly(listener: Listener) -> list[int]:
    return [feedback.newly for feedback in listener.acks]


def test_newly_is_a_difference() -> None:
    """spec 5.2: newly received bytes are the difference of rcvd_bytes, in units of 256 bytes."""
    requestor, listener = heard()
    requestor.on_sack(sack(START + 1, rcvd_bytes=3), False, None, 2_000)
    requestor.on_sack(sack(START + 4, rcvd_bytes=10), False, None, 3_000)
    assert [3 * 256, 7 * 256] == newly(listener)


def test_newly_goes_over_the_wrap() -> None:
    """spec 2.7, 5.2: rcvd_bytes wraps at 2^24 units."""
    requestor, listener = heard()
    requestor._rcvd = (1 << 24) - 2
    requestor.on_sack(sack(START + 1, rcvd_bytes=3), False, None, 2_000)
    assert [5 * 256] == newly(listener)


def test_an_older_sack_says_nothing() -> None:
    """spec 5.2: a SACK that was overtaken (a negative difference) is not told, and takes nothing back."""
    requestor, listener = heard()
    requestor.on_sack(sack(START + 4, rcvd_bytes=10), False, None, 2_000)
    requestor.on_sack(sack(START + 1, rcvd_bytes=3), False, None, 3_000)
    requestor.on_sack(sack(START + 5, rcvd_bytes=12), False, None, 4_000)
    assert [10 * 256, 2 * 256] == newly(listener)


def test_rtt_of_a_packet_sent_once() -> None:
    """spec 5.4: the packet that triggered the SACK tells the RTT, by the local time of its sending."""
    requestor, listener = heard()
    requestor.on_sack(sack(START + 1, rcvd_bytes=3), False, None, 61_000)
    assert [60_000] == [feedback.rtt for feedback in listener.acks]


@pytest.mark.parametrize(("rtx", "rtt"), [(False, None), (True, 50_000)])
def test_rtt_of_a_repeated_packet(rtx: bool, rtt: int | None) -> None:
    """spec 5.4: after one retransmission only a SACK with rtx says which copy it answers."""
    requestor, listener = heard(2)
    requestor.on_nack(Nack(NackReason.TRIMMED_LASTHOP, 0, 2, 1, START, 0), 30_000)
    requestor.take(1, ROOM, 50_000)
    requestor.on_sack(sack(START - 1, START, rcvd_bytes=1), rtx, None, 100_000)
    assert [rtt] == [feedback.rtt for feedback in listener.acks]


def test_no_rtt_after_two_retransmissions() -> None:
    """spec 5.4: a packet that was repeated twice tells no RTT, rtx or not."""
    requestor, listener = heard(2)
    for now in (30_000, 60_000):
        requestor.on_nack(Nack(NackReason.TRIMMED_LASTHOP, 0, 2, 1, START, 0), now)
        requestor.take(1, ROOM, now + 20_000)
    requestor.on_sack(sack(START - 1, START, rcvd_bytes=1), True, None, 200_000)
    assert [None] == [feedback.rtt for feedback in listener.acks]


def test_rtt_of_a_probe() -> None:
    """spec 5.4: the answer to a probe tells the RTT since the probe left."""
    requestor, listener = heard()
    requestor.on_sack(sack(START - 1, probe=True, rcvd_bytes=1), False, 40_000, 100_000)
    assert [60_000] == [feedback.rtt for feedback in listener.acks]


def test_marks_and_penalties_are_passed_on() -> None:
    """spec 5.3, 5.6: SKIP_ONCE is the mark; rcv_cwnd_pen and r_c go on as they came."""
    requestor, listener = heard()
    requestor.on_sack(sack(START, mark=Mark.SKIP_ONCE, rcvd_bytes=1), False, None, 2_000)
    requestor.on_sack(sack(START + 1, mark=Mark.ALWAYS_SKIP, rcvd_bytes=2, penalty=5), False, None, 2_000)
    requestor.on_sack(sack(START + 2, rcvd_bytes=3, restore=True), False, None, 2_000)
    told = [(feedback.marked, feedback.penalty, feedback.restore) for feedback in listener.acks]
    assert [(True, 0, False), (False, 5, False), (False, 0, True)] == told


def test_in_flight_is_exact() -> None:
    """What is in flight is counted packet by packet: a SACK's rcvd_bytes cannot make it drift."""
    requestor, listener = heard()
    requestor.on_sack(sack(START + 1, START + 5, rcvd_bytes=9_999), False, None, 2_000)
    assert [17 * PACKET] == [feedback.in_flight for feedback in listener.acks]


def test_a_trim_is_told_with_what_is_left() -> None:
    """spec 5.5: a trimmed packet's nominal size, and what is in flight without it; again it is size 0."""
    requestor, listener = heard(3)
    for _ in range(2):
        requestor.on_nack(Nack(NackReason.TRIMMED, 0, 2, 1, START, 0), 2_000)
    assert [(PACKET, 2 * PACKET), (0, 2 * PACKET)] == listener.trims


def test_other_nacks_only_free_the_window() -> None:
    """spec 5.5: other reasons than trims count for what is in flight only."""
    requestor, listener = heard(3)
    requestor.on_nack(Nack(NackReason.NO_RESOURCE, 0, 2, 1, START, 0), 2_000)
    assert ([], []) == (listener.trims, listener.losses)
    assert 2 * PACKET == requestor.in_flight


@pytest.mark.parametrize(
    ("sent", "asking"), [(197, 0), (198, 0), (199, 0), (200, 1)], ids=["3 left", "2 left", "1 left", "full"]
)
def test_asks_when_the_window_is_nearly_full(sent: int, asking: int) -> None:
    """spec 5.2: packets after which less than an MTU of the window is left ask for a SACK."""
    requestor, _ = heard(sent)
    assert asking == requestor.near_full(sent)


def test_asks_for_both_that_reach_over_the_edge() -> None:
    """spec 5.2: with half a packet left before the last one, the last two ask."""
    requestor, _ = requestor_of(window_bytes=300 * PACKET + PACKET // 2, mpr_units=8)
    post(requestor, 301)
    requestor.take(301, ROOM, 0)
    assert 2 == requestor.near_full(301)


def test_a_small_window_always_asks() -> None:
    """spec 5.2: below the SACK threshold the peer would not send one in time, so every packet asks."""
    requestor, _ = requestor_of(window_bytes=16_383)
    post(requestor, 10)
    requestor.take(5, ROOM, 0)
    assert 5 == requestor.near_full(5)
