"""The path is dead: the QP dies of it, and says so."""

from __future__ import annotations

import pytest

from mrcnet.mrc.events import MessageArrived, MessageCompleted, MessageFailed, QpFailed
from mrcnet.mrc.requestor import NEVER
from mrcnet.rocev2.settings import Roce
from tests.support.roce import MTU, RocePair, psns
from tests.support.wire import Flight, deliver


def dead(_: Flight) -> list[tuple[int, bytes]]:
    """Nothing arrives."""
    return []


@pytest.mark.parametrize("retry_cnt", [0, 1, 7])
def test_dies_after_retry_cnt(retry_cnt: int) -> None:
    """retry_cnt repetitions, then ERROR with the reason; what is posted fails, and nothing more is sent."""
    pair = RocePair(Roce(retry_cnt=retry_cnt, timeout_exponent=4), fate=dead)
    pair.write(0, MTU)
    pair.write(MTU, MTU)
    begun = pair.now
    pair.finish()
    assert [100, 101] * (retry_cnt + 1) == psns(pair)
    (failed,) = pair.seen(QpFailed)
    assert "retry counter exceeded (QP 0x100)" == failed.reason
    assert failed.at - begun == sum(pair.roce.timeout_of(attempt) for attempt in range(retry_cnt + 1))
    reasons = [event.reason for event in pair.seen(MessageFailed)]
    assert ["retry counter exceeded", "flushed"] == reasons
    assert [] == pair.seen(MessageCompleted)
    assert NEVER == pair.ends[0].next_timer()


def test_progress_refills_the_counter() -> None:
    """The boundary: a path that lets a packet through now and then never uses the counter up."""
    seen = 0

    def rarely(flight: Flight) -> list[tuple[int, bytes]]:
        nonlocal seen
        seen += flight.is_write
        return deliver(flight) if not flight.is_write or seen % 3 == 0 else []

    pair = RocePair(Roce(retry_cnt=2, timeout_exponent=4, window_bytes=MTU), fate=rarely)
    pair.write(0, 12 * MTU)
    pair.finish()
    assert [] == pair.seen(QpFailed)
    assert 24 == pair.requestor.counters.retransmitted
    assert pair.whole


def test_one_dead_qp_is_the_connection_s_end() -> None:
    """Messages are dealt to all QPs, so the death of one flushes the others."""
    pair = RocePair(Roce(qps=4, timeout_exponent=4))
    victim = pair.connection.qps[2].source_port
    pair.fate = lambda f: [] if int.from_bytes(f.data[94:96], "big") == victim else deliver(f)
    for number in range(8):
        pair.write(number * MTU, MTU)
    pair.finish()
    (failed,) = pair.seen(QpFailed)
    assert 0x100 == failed.qpn
    assert failed.reason.endswith("(QP 0x200100)")
    arrived = {event.message for event in pair.seen(MessageArrived)}
    assert {0, 1, 3, 4, 5, 7} == arrived


def test_a_refused_access_is_the_end() -> None:
    """A write to memory that is not open is refused with a NAK, and both sides are in error."""
    pair = RocePair()
    pair.ends[0].post_write(0x100, pair.source, 0, MTU, pair.target.address - 1, pair.target.rkey)
    pair.finish()
    assert {"remote operation error (QP 0x100)", "remote operation error (QP 0x101)"} == {
        event.reason for event in pair.seen(QpFailed)
    }
    assert not pair.target.data.any()
