"""NACKs at the requestor: what each reason asks for (spec 2.13)."""

from __future__ import annotations

import pytest

from mrcnet.mrc.events import MessageFailed, NackReceived, QpFailed
from mrcnet.mrc.evs import State
from mrcnet.mrc.requestor import Requestor
from mrcnet.mrc.wire.control import Nack
from mrcnet.mrc.wire.numbers import NackReason

from .parts import ROOM, START, post, requestor_of

MANDATORY = [
    NackReason.NO_BITMAP,
    NackReason.NO_PKT_BUFFER,
    NackReason.NO_RESOURCE,
    NackReason.PSN_OOR_WINDOW,
]


def sent(**knobs: object) -> tuple[Requestor, list[object], list[int]]:
    """A requestor with eight packets in flight, its events, and the EVs that the packets ride."""
    requestor, log = requestor_of(**knobs)
    post(requestor, 8)
    _, evs = requestor.take(8, ROOM, 10)
    log.clear()
    return requestor, log, evs.tolist()


def nack(requestor: Requestor, reason: int, psn: int, ev: int) -> Nack:
    return Nack(reason, int(requestor.evs.value[ev]), 2, 1, psn & 0xFFFFFF, 0)


def test_trimmed_is_sent_again_and_its_ev_misses_a_turn() -> None:
    """TRIMMED: the packet goes again, its EV is SKIP, nothing is charged and nobody is ASSUMED_BAD."""
    requestor, _, evs = sent()
    before = requestor.in_flight
    requestor.on_nack(nack(requestor, NackReason.TRIMMED, START + 3, evs[3]), 20)
    assert State.SKIP == requestor.evs.state[evs[3]]
    assert before > requestor.in_flight
    psn, _ = requestor.take(1, ROOM, 30)
    assert [START + 3] == psn.tolist()
    assert before == requestor.in_flight
    assert 0 == int((requestor.evs.state == State.ASSUMED_BAD).sum())


def test_trimmed_at_the_last_hop_leaves_the_ev_alone() -> None:
    """TRIMMED_LASTHOP: the packet goes again; no other path would have helped."""
    # spec 2.13
    requestor, _, evs = sent()
    requestor.on_nack(nack(requestor, NackReason.TRIMMED_LASTHOP, START, evs[0]), 20)
    assert State.GOOD == requestor.evs.state[evs[0]]
    assert [START] == requestor.take(1, ROOM, 30)[0].tolist()


@pytest.mark.parametrize("reason", MANDATORY)
def test_mandatory_reasons_charge_the_retry_counter(reason: NackReason) -> None:
    """Each retried NACK adds to the one counter; beyond the budget the QP is in ERROR, with the reason."""
    requestor, log, evs = sent(linear_retries=1, exponential_retries=1)
    for turn in range(3):
        assert not requestor.failed
        requestor.on_nack(nack(requestor, reason, START + turn, evs[turn]), 20)
    assert requestor.failed
    assert [QpFailed(20, 1, "retry counter exceeded")] == [e for e in log if isinstance(e, QpFailed)]


def test_an_unexpected_event_ends_the_qp() -> None:
    """UNEXP_EVENT is not retried: remote operation error."""
    requestor, log, evs = sent()
    requestor.on_nack(nack(requestor, NackReason.UNEXP_EVENT, START, evs[0]), 20)
    reason = "remote operation error"
    expected = [
        NackReceived(20, 1, START, "UNEXP_EVENT"),
        MessageFailed(20, 1, 0, reason),
        QpFailed(20, 1, reason),
    ]
    assert expected == log


def test_the_same_nack_twice_counts_once() -> None:
    """A packet that waits to be sent again is not given up a second time."""
    requestor, _, evs = sent()
    words = nack(requestor, NackReason.TRIMMED, START, evs[0])
    requestor.on_nack(words, 20)
    after = requestor.in_flight
    requestor.on_nack(words, 21)
    assert after == requestor.in_flight


@pytest.mark.parametrize("psn", [START - 1, START + 8, START - 5000])
def test_nacks_for_what_is_not_in_flight_are_nonsense(psn: int) -> None:
    """A NACK for a PSN never sent, or long acknowledged, changes nothing and is counted."""
    requestor, log, evs = sent()
    before = requestor.in_flight
    requestor.on_nack(nack(requestor, NackReason.TRIMMED, psn, evs[0]), 20)
    assert (1, before, []) == (requestor.counters.nonsense, requestor.in_flight, log)
