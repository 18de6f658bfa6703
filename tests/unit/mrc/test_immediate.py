"""Write with immediate: on the wire, in order, and within its limit (spec 2.6, 3.2, 4.4)."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.events import MessageArrived, MessageCompleted, QpFailed, ReceiveCompleted
from mrcnet.mrc.memory import Region
from mrcnet.mrc.responder import Immediate, Responder
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.control import Nack
from mrcnet.mrc.wire.numbers import NackReason, Opcode
from tests.support.weather import Weather
from tests.support.wire import DELAY, Pair

from .parts import ROOM, START, arrivals, requestor_of, responder_of, sack, said


def take(responder: Responder, psn: int, rqmsn: int, value: int = 7) -> None:
    """A WriteIMM of one packet arrives."""
    batch = arrivals(psn, last={psn})
    placed = Immediate(0, rqmsn, value)
    columns = {name: getattr(batch, name) for name in batch.__slots__}
    responder.accept(type(batch)(**columns | {"immediates": (placed,)}), lambda _: None, 0)


def delivered(log: list) -> list[tuple[int, int]]:
    return [(e.request, e.immediate) for e in log if isinstance(e, ReceiveCompleted)]


@pytest.mark.parametrize(("length", "opcode"), [(1, 0xCB), (64, 0xCB), (65, 0xC9), (1_000, 0xC9)])
def test_on_the_wire(length: int, opcode: int) -> None:
    """C9 or CB with ImmDt right after RETH; RQMSN in all its packets, 0 in plain writes (spec 2.6)."""
    pair = Pair(Settings(payload=64), planes=1)
    for request in range(3):
        pair.ends[1].post_receive(0x101, request)
    for value in (0xDEADBEEF, 1, None, 0xFFFFFFFF):
        pair.write(0, length, immediate=value)
    pair.finish()
    writes = sorted((f for f in pair.flights if f.is_write), key=lambda f: f.psn)
    last = [f for f in writes if f.opcode == opcode]
    values = [int.from_bytes(f.data[138:142], "big") for f in last]
    assert [0xDEADBEEF, 1, 0xFFFFFFFF] == values
    size = length - (length - 1) // 64 * 64
    start = (length - 1) // 64 * 64
    assert all(f.data[142 : 142 + size] == bytes(pair.source.data[start:length]) for f in last)
    numbers = [int.from_bytes(f.data[114:116], "big") for f in writes]
    each = len(writes) // 4
    assert [0] * each + [1] * each + [0] * each + [2] * each == numbers
    assert [(0, 0xDEADBEEF), (1, 1), (2, 0xFFFFFFFF)] == delivered([e for _, e in pair.log])


@pytest.mark.parametrize("value", [-1, 1 << 32])
def test_an_immediate_has_32_bits(value: int) -> None:
    """Anything else is refused where it is posted."""
    pair = Pair()
    with pytest.raises(ValueError, match="32 bits"):
        pair.write(0, 1, immediate=value)


def test_waits_for_all_before_it() -> None:
    """An immediate is delivered when every earlier request has arrived, and then in send order (spec 3.2)."""
    responder, log = responder_of()
    for request in (40, 41):
        responder.post_receive(request)
    take(responder, START + 2, 1, value=11)
    take(responder, START + 1, 0, value=10)
    assert [] == log
    responder.accept(arrivals(START, last={START}), lambda _: None, 5)
    assert [(40, 10), (41, 11)] == delivered(log)
    assert [0, 1, 2] == [e.message for e in log if isinstance(e, MessageArrived)]


def test_a_copy_delivers_nothing() -> None:
    """A repeated last packet neither consumes a receive nor delivers twice."""
    responder, log = responder_of()
    for request in (1, 2):
        responder.post_receive(request)
    for _ in range(3):
        take(responder, START, 0)
    assert [(1, 7)] == delivered(log)


@pytest.mark.parametrize(("limit", "fails"), [(2, True), (3, False)])
def test_overrun(limit: int, fails: bool) -> None:
    """One WriteIMM more in flight than MAX_WIMM_DEST: ERROR, and NACK UNEXP_EVENT (spec 1.2, 2.13, 3.2)."""
    responder, log = responder_of(max_wimm=limit)
    for number in range(3):
        responder.post_receive(number)
        take(responder, START + 1 + number, number)
    nacks = [r for r in responder.reports(9) if isinstance(r, Nack)]
    assert ([NackReason.UNEXP_EVENT] if fails else []) == [nack.reason for nack in nacks]
    assert fails == responder.failed == any(isinstance(e, QpFailed) for e in log)


def test_no_receive() -> None:
    """A WriteIMM that finds no receive moves the QP to ERROR and is not delivered (spec 3.2)."""
    responder, log = responder_of()
    take(responder, START, 0)
    assert ["no receive for a WriteIMM"] == [e.reason for e in log if isinstance(e, QpFailed)]
    assert [] == delivered(log)
    assert NackReason.UNEXP_EVENT == responder.reports(9)[0].reason
    take(responder, START, 0)  # the peer sends on: it is told again
    assert NackReason.UNEXP_EVENT == responder.reports(9)[0].reason


def test_rqmsn_out_of_order() -> None:
    """An RQMSN that does not count the WriteIMM in their order is an error of the peer's (spec 2.6)."""
    responder, _ = responder_of()
    responder.post_receive(1)
    take(responder, START, 1)
    assert responder.failed


@pytest.mark.parametrize("limit", [1, 3])
def test_the_sender_keeps_the_limit(limit: int) -> None:
    """No WriteIMM starts while as many as the peer allows are in flight (spec 4.4)."""
    requestor, _ = requestor_of(max_wimm=limit)
    source = Region(np.zeros(1, np.uint8), 0, 1)
    requestor.post(source, 0, 64, 0, 2)
    for number in range(5):
        requestor.post(source, 0, 64, 0, 2, number)
    requestor.post(source, 0, 64, 0, 2)
    psn, _ = requestor.take(99, ROOM, 0)
    assert list(range(START, START + 1 + limit)) == psn.tolist()
    requestor.on_sack(sack(START + 1), False, None, 10)
    psn, _ = requestor.take(99, ROOM, 20)
    assert [START + 1 + limit] == psn.tolist()
    assert {Opcode.WRITE_ONLY_IMM} == set(said(requestor, psn.tolist()).opcode)


@given(
    st.lists(st.tuples(st.integers(1, 700), st.booleans()), min_size=1, max_size=30),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.1, 0.3]),
    st.integers(0, 1 << 16),
)
def test_in_order_through_any_weather(
    messages: list[tuple[int, bool]], limit: int, loss: float, seed: int
) -> None:
    """Loss, copies and reordering: immediates come once, in order, after their bytes and all before."""
    weather = Weather(seed=seed, loss=loss, control_loss=loss, duplicate=loss, jitter=4 * DELAY)
    knobs = Settings(
        payload=64, max_wimm=limit, timeout_exponent=8, exponential_retries=25, base_rtt_ns=2 * DELAY
    )
    pair = Pair(knobs, fate=weather, seed=seed, memory=1 << 15)
    rng, at, expected = random.Random(seed), 0, []
    for number, (length, immediate) in enumerate(messages):
        value = rng.randrange(1 << 32) if immediate else None
        if value is not None:
            pair.ends[1].post_receive(0x101, 100 + number)
            expected.append((number, value))
        pair.write(at, length, immediate=value)
        at += length
    pair.finish()
    assert expected == [(e.message, e.immediate) for e in pair.seen(ReceiveCompleted)]
    requests = [e.request for e in pair.seen(ReceiveCompleted)]
    assert [100 + number for number, _ in expected] == requests
    assert list(range(len(messages))) == [e.message for e in pair.seen(MessageCompleted)]
    assert not (pair.target.data != pair.image).any()


def test_an_error_reaches_the_sender() -> None:
    """Without a receive at the peer the sender fails with "remote operation error", and stops."""
    pair = Pair()
    pair.write(0, 10_000, immediate=1)
    pair.finish()
    assert ["remote operation error"] == [e.reason for e in pair.seen(QpFailed, 0)]
    assert ["no receive for a WriteIMM"] == [e.reason for e in pair.seen(QpFailed, 1)]
