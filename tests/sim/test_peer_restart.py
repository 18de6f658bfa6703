"""The peer forgets everything in the middle of a transfer: the QP ends with a reason, a new one works."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mrcnet.mrc.endpoint import Endpoint
from mrcnet.mrc.events import MessageCompleted, MessageFailed, QpFailed
from tests.support.wire import DELAY, Pair, local_ports

from .runs import KNOBS

BUDGET = replace(KNOBS, linear_retries=2, exponential_retries=0)


def restart(pair: Pair) -> None:
    """Host 1 comes up anew: no QP, no memory open, no recollection."""
    pair.ends[1] = Endpoint(local_ports(1, pair.planes), pair.settings, np.random.default_rng(99))


def cut_short() -> Pair:
    """A transfer whose peer restarts in the middle of it."""
    pair = Pair(BUDGET, pace=0.5, memory=1 << 20)
    pair.write(0, 1 << 20)
    pair.run(until=pair.now + 4 * DELAY)
    restart(pair)
    return pair


def test_the_sender_ends_with_a_reason() -> None:
    """Frames to a QP that is not there are counted and not answered; the retry budget ends it."""
    pair = cut_short()
    pair.finish()
    assert ["retry counter exceeded"] == [e.reason for e in pair.seen(QpFailed)]
    assert [(0, "retry counter exceeded")] == [(e.message, e.reason) for e in pair.seen(MessageFailed)]
    assert pair.ends[1].drops["unknown QP"] > 0
    assert 0 == pair.qp.requestor.in_flight


@pytest.mark.parametrize("start", [1 << 20, (1 << 24) - 5])
def test_a_new_qp_with_the_same_numbers(start: int) -> None:
    """After both sides connect anew, with another start PSN, all is whole; old frames touch nothing."""
    pair = cut_short()
    pair.finish()
    old = [flight for flight in pair.flights if flight.is_write]
    spec = replace(pair.qp.spec, start_psn=start, peer_start_psn=start)
    back = replace(spec, qpn=spec.peer_qpn, peer_qpn=spec.qpn, peer=dict(spec.peer))
    pair.ends[0].disconnect(0x100, pair.now)
    pair.ends[0].connect(spec)
    planes = range(pair.planes)
    mine = {plane: local_ports(0, pair.planes)[plane].address for plane in planes}
    pair.ends[1].connect(replace(back, peer=mine))
    pair.arena[:] = 0
    pair.target = pair.ends[1].register(pair.target.data, pair.target.address)
    for flight in old[:50]:
        pair.inject(1, flight.port, flight.data)
    assert not pair.target.data.any()
    pair.write(0, 1 << 20)
    pair.finish()
    assert [0] == [e.message for e in pair.seen(MessageCompleted)]
    assert not (pair.target.data != pair.image).any()
