"""Acknowledgements are few, and one that is lost is made good by the next."""

from __future__ import annotations

from mrcnet.mrc.events import MessageCompleted
from mrcnet.rocev2.settings import Roce
from tests.support.roce import MTU, RocePair, answers, is_answer, losing

START = 100
PACKETS = 64


def test_coalesced() -> None:
    """What arrives together is acknowledged together: one ACK for a batch, of its last packet."""
    pair = RocePair()
    pair.write(0, PACKETS * MTU)
    pair.finish()
    assert [(0x1F, START + PACKETS - 1)] == answers(pair)


def test_asked_for_on_the_way() -> None:
    """Packets that come one by one are acknowledged every `ack_every`, and at the end."""
    pair = RocePair(Roce(ack_every=16), pace=1.0, planes=1)
    pair.write(0, PACKETS * MTU)
    pair.finish()
    asked = [psn for psn in range(START, START + PACKETS) if psn % 16 == 15]
    assert [*asked, START + PACKETS - 1] == [psn for _, psn in answers(pair)]


def test_a_lost_one_does_not_matter() -> None:
    """ACKs are cumulative: with the first one lost nothing is sent again, and nobody waits for a timer."""
    pair = RocePair(Roce(ack_every=16), pace=1.0, planes=1, fate=losing(0, of=is_answer))
    pair.write(0, PACKETS * MTU)
    begun = pair.now
    pair.finish()
    assert PACKETS == pair.requestor.counters.sent
    (done,) = pair.seen(MessageCompleted)
    assert done.at - begun < pair.roce.timeout_of(0)


def test_a_closed_window_asks() -> None:
    """A window that holds fewer packets than `ack_every` never waits for the timer."""
    pair = RocePair(Roce(ack_every=16, window_bytes=5 * MTU))
    pair.write(0, PACKETS * MTU)
    begun = pair.now
    pair.finish()
    assert PACKETS == pair.requestor.counters.sent
    assert pair.seen(MessageCompleted)[0].at - begun < pair.roce.timeout_of(0)
