"""A receiver that cannot keep up asks its sender to slow down (spec 3.6, 5.6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mrcnet.mrc.nscc import Knobs
from tests.support.wire import Pair

from .runs import KNOBS, PLANES, RTT, UPLINKS, check_complete

LINE = 2 * 1_200 * 8 * 1_000_000_000 // 1_000  # bits/s: two packets a microsecond over all planes
SPAN = 6 * RTT
SIZE = 8 << 20  # more than three spans carry


def asked(penalty: int, *, restore: bool = True) -> list[int]:
    """Writes sent in three spans: before the penalty, while it holds (after 4 RTT), and after it."""
    nscc = Knobs.for_path(LINE, RTT, 1_200, trimming=False)
    knobs = replace(KNOBS, nscc=nscc, sack_threshold=1_024)
    pair = Pair(knobs, planes=PLANES, uplinks=UPLINKS, memory=SIZE, pace=0.5)
    pair.write(0, SIZE)
    marks = []
    for value in (0, penalty, 0):
        pair.peer_qp.responder.set_penalty(value, restore=restore)
        pair.run(until=pair.now + 4 * RTT)
        start = pair.now
        pair.run(until=start + SPAN)
        marks.append(sum(f.is_write and start <= f.sent_at < start + SPAN for f in pair.flights))
    pair.finish()
    check_complete(pair)
    return marks


def test_the_most() -> None:
    """127 pushes a sender to about one packet an RTT; with r_c its window is back when it ends (spec 3.6)."""
    before, during, after = asked(127)
    assert during <= 4 * SPAN // RTT
    assert after >= 0.9 * before


@pytest.mark.parametrize("penalty", [64])
def test_more_than_none(penalty: int) -> None:
    """Any penalty that lasts slows the sender down, and none is left when it ends."""
    before, during, after = asked(penalty)
    assert during < 0.6 * before
    assert after >= 0.9 * before


def test_none() -> None:
    """The boundary: 0 asks for nothing."""
    before, during, after = asked(0)
    assert min(during, after) >= 0.98 * before
