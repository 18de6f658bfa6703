"""What no NAK can tell of costs a timeout: the last packet, a lost NAK, a packet lost twice."""

from __future__ import annotations

import pytest

from mrcnet.mrc.events import MessageCompleted, PacketsLost
from tests.support.roce import MTU, RocePair, is_answer, losing, psns
from tests.support.wire import DELAY, Fate

START = 100
PACKETS = 20
LAST = PACKETS - 1


@pytest.mark.parametrize(
    ("fate", "again"),
    [
        (losing(LAST), [LAST]),
        (losing(3, PACKETS), [*range(3, PACKETS)] * 2),  # its repetition as well: that gap has had its NAK
        (losing(LAST, PACKETS), [LAST, LAST]),
    ],
)
def test_waits_for_the_timer(fate: Fate, again: list[int]) -> None:
    """The QP stands still for a timeout, goes back, and the message is whole."""
    pair = RocePair(fate=fate)
    pair.write(0, PACKETS * MTU)
    begun = pair.now
    pair.finish()
    first = list(range(START, START + PACKETS))
    assert first + [START + number for number in again] == psns(pair)
    assert "timeout" in [event.cause for event in pair.seen(PacketsLost)]
    (done,) = pair.seen(MessageCompleted)
    assert done.at - begun >= pair.roce.timeout_of(0)
    assert pair.whole


def test_a_lost_nak() -> None:
    """One gap has one NAK: if that is lost, only the timer helps."""
    pair = RocePair(fate=lambda flight: losers(flight))
    losers = losing(3)
    nak = losing(0, of=is_answer)
    pair.fate = lambda flight: nak(flight) if is_answer(flight) else losers(flight)
    pair.write(0, PACKETS * MTU)
    pair.finish()
    assert ["timeout"] == [event.cause for event in pair.seen(PacketsLost)]
    assert pair.whole


def test_patience_doubles() -> None:
    """Each further timeout without progress lasts twice as long."""
    pair = RocePair(fate=losing(LAST, PACKETS, PACKETS + 1))
    pair.write(0, PACKETS * MTU)
    pair.finish()
    at = [event.at for event in pair.seen(PacketsLost)]
    assert [pair.roce.timeout_of(1), pair.roce.timeout_of(2)] == [at[1] - at[0], at[2] - at[1]]
    assert 2 * pair.roce.timeout_of(1) == pair.roce.timeout_of(2)
    assert DELAY < pair.roce.timeout_of(0)


def test_a_nak_is_no_timeout() -> None:
    """What is sent again because of a NAK has the first, shortest patience: the path is alive."""
    pair = RocePair(fate=losing(3, PACKETS))
    pair.write(0, PACKETS * MTU)
    pair.finish()
    nak, timeout = pair.seen(PacketsLost)
    assert ["NAK: out of sequence", "timeout"] == [nak.cause, timeout.cause]
    assert pair.roce.timeout_of(0) == timeout.at - nak.at
