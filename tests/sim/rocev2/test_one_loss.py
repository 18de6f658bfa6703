"""One packet is lost in the middle: all after it is dropped, and sent again."""

from __future__ import annotations

import pytest

from mrcnet.mrc.events import MessageArrived, MessageCompleted, PacketsLost
from mrcnet.rocev2.wire import Nak
from tests.support.roce import MTU, RocePair, answers, losing, psns

START = 100
PACKETS = 40


@pytest.mark.parametrize("lost", [0, 1, 17, PACKETS - 2])
def test_goes_back_to_the_lost_packet(lost: int) -> None:
    """From the lost packet on everything goes a second time, whatever had arrived; nothing before it."""
    pair = RocePair(fate=losing(lost))
    pair.write(0, PACKETS * MTU)
    pair.finish()
    first = list(range(START, START + PACKETS))
    assert first + first[lost:] == psns(pair)
    assert PACKETS - lost == pair.requestor.counters.retransmitted
    assert pair.whole
    assert [0] == [event.message for event in pair.seen(MessageCompleted)]
    assert [0] == [event.message for event in pair.seen(MessageArrived)]


def test_one_nak_for_one_gap() -> None:
    """However many packets come early, the receiver asks for the missing one once, by its PSN."""
    pair = RocePair(fate=losing(5))
    pair.write(0, PACKETS * MTU)
    pair.finish()
    refused = [psn for syndrome, psn in answers(pair) if syndrome == Nak.SEQUENCE]
    assert [START + 5] == refused
    books = pair.ends[1].taken(0x101)
    assert PACKETS - 6 == books.out_of_window
    (lost,) = pair.seen(PacketsLost)
    assert list(range(START + 5, START + PACKETS)) == lost.psn.tolist()


def test_nothing_is_lost() -> None:
    """The boundary: without a loss every packet goes once, and no NAK."""
    pair = RocePair()
    pair.write(0, PACKETS * MTU)
    pair.finish()
    assert list(range(START, START + PACKETS)) == psns(pair)
    assert [] == [syndrome for syndrome, _ in answers(pair) if syndrome == Nak.SEQUENCE]
    assert pair.whole
