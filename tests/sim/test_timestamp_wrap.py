"""The 16 bits of the timestamp wrap during a transfer (spec 2.6): nobody notices."""

from __future__ import annotations

import pytest

from mrcnet.mrc.events import MessageCompleted
from mrcnet.mrc.wire import layout
from tests.support.weather import Weather
from tests.support.wire import Pair

from .runs import KNOBS, PLANES, RTT, UPLINKS

TICK = 1 << layout.TIMESTAMP_SHIFT
TURN = TICK << 16


def stamped(before: int, **weather: float) -> Pair:
    """A transfer that begins `before` ns before the wrap."""
    pair = Pair(
        KNOBS,
        planes=PLANES,
        uplinks=UPLINKS,
        memory=1 << 20,
        fate=Weather(seed=3, **weather),
        pace=0.5,
    )
    pair.now = TURN - before
    pair.write(0, 1 << 20)
    pair.finish()
    return pair


@pytest.mark.parametrize("before", [0, 1, TICK, RTT, 3 * RTT])
def test_wrap(before: int) -> None:
    """Wherever the wrap falls, nothing is lost and the base RTT is what it is elsewhere."""
    pair, plain = stamped(before), stamped(TURN // 2)
    assert [0] == [e.message for e in pair.seen(MessageCompleted)]
    assert plain.qp.requestor.base_rtt == pair.qp.requestor.base_rtt
    assert 0 == pair.qp.requestor.counters.lost
    assert len(plain.flights) == len(pair.flights)


def test_both_sides_of_the_wrap_are_seen() -> None:
    """The run does what it says: timestamps just under 2^16 and just above 0 travel."""
    pair = stamped(RTT)
    stamps = {int.from_bytes(f.data[118:120], "big") for f in pair.flights if f.is_write}
    assert max(stamps) > 0xFF00
    assert min(stamps) < 0x0100


def test_wrap_amid_loss() -> None:
    """Loss and reordering around the wrap change nothing in the outcome."""
    pair = stamped(2 * RTT, loss=0.05, control_loss=0.05, jitter=20_000)
    assert [0] == [e.message for e in pair.seen(MessageCompleted)]
    assert not (pair.target.data != pair.image).any()
