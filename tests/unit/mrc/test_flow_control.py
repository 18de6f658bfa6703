"""Windows that change, and receivers that ask for less (spec 3.6, 3.7)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnet.mrc.events import MessageCompleted
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.control import Sack, TransportAck
from tests.support.weather import Weather
from tests.support.wire import DELAY, Pair

from .parts import ROOM, START, arrivals, post, requestor_of, responder_of, sack


def sent(requestor, now: int) -> list[int]:
    return sorted(requestor.take(1_000, ROOM, now)[0].tolist())


def test_growing_is_immediate() -> None:
    """A SACK that shows a wider window opens it at once (spec 3.7)."""
    requestor, _ = requestor_of(mpr_units=1, dynamic_mpr=True)
    post(requestor, 1_000)
    assert 128 == len(sent(requestor, 0))
    requestor.on_sack(sack(START - 1, mpr=3), False, None, 10)
    assert list(range(START + 128, START + 384)) == sent(requestor, 20)


def test_shrinking_holds_back_new_packets_and_holes() -> None:
    """Nothing beyond cack + MPR is sent, neither new nor again, until cack has moved (spec 3.7)."""
    requestor, _ = requestor_of(planes=1, uplinks=1, mpr_units=2, dynamic_mpr=True)
    post(requestor, 1_000)
    sent(requestor, 0)
    holes = {START, START + 200}
    for base in range(START, START + 256, 64):  # the later PSNs prove the holes lost
        known = [psn for psn in range(base, base + 64) if psn not in holes]
        requestor.on_sack(sack(START - 1, *known, base=base, mpr=1), False, None, 10)
    assert [START] == sent(requestor, 20)
    requestor.on_sack(sack(START + 199, mpr=1), False, None, 30)
    assert [START + 200, *range(START + 256, START + 328)] == sent(requestor, 40)


@pytest.mark.parametrize("knobs", [{"dynamic_mpr": False}, {"dynamic_mpr": True, "mpr_limit_units": 1}])
def test_a_window_that_may_not_grow(knobs: dict) -> None:
    """The field is ignored when not agreed on; and an absurd window stops at the sender's memory."""
    requestor, _ = requestor_of(mpr_units=1, **knobs)
    post(requestor, 1_000)
    sent(requestor, 0)
    requestor.on_sack(sack(START - 1, mpr=255), False, None, 10)
    assert [] == sent(requestor, 20)


def test_an_older_sack_changes_no_window() -> None:
    """A SACK that was overtaken (its cack is behind) says nothing of the window."""
    requestor, _ = requestor_of(mpr_units=2, dynamic_mpr=True)
    post(requestor, 1_000)
    sent(requestor, 0)
    requestor.on_sack(sack(START + 9, mpr=2), False, None, 10)
    requestor.on_sack(sack(START + 5, mpr=1), False, None, 20)
    assert 10 == len(sent(requestor, 30))


def test_the_responder_keeps_what_it_promised() -> None:
    """After shrinking, PSNs that the peer had been allowed are taken; further ones are not."""
    responder, _ = responder_of(mpr_units=2, dynamic_mpr=True)
    responder.set_window(1)
    placed: list[bool] = []
    edge = START - 1 + 256
    responder.accept(arrivals(edge, edge + 1), lambda fresh: placed.extend(fresh.tolist()), 0)
    assert [True, False] == placed
    responder.answer_probe(1, 2, 3, marked=False)
    assert 1 == responder.reports(9)[-1].sack.mpr


@pytest.mark.parametrize("units", [0, 65, 300])
def test_windows_that_cannot_be(units: int) -> None:
    """One unit to the limit for which there is memory; none without agreement."""
    responder, _ = responder_of(dynamic_mpr=True)
    with pytest.raises(ValueError, match="1 to 64 units"):
        responder.set_window(units)
    fixed, _ = responder_of()
    with pytest.raises(ValueError, match="not agreed"):
        fixed.set_window(1)


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 8)), max_size=12), st.integers(0, 1 << 16))
def test_changing_windows_lose_nothing(changes: list[tuple[int, int]], seed: int) -> None:
    """Any changes of the window during a lossy transfer: complete, in place, no packet refused."""
    knobs = Settings(
        payload=64,
        mpr_units=1,
        dynamic_mpr=True,
        mpr_limit_units=8,
        timeout_exponent=8,
        base_rtt_ns=2 * DELAY,
    )
    weather = Weather(seed=seed, loss=0.05, control_loss=0.05, jitter=DELAY)
    pair = Pair(knobs, fate=weather, seed=seed, memory=1 << 15)
    pair.write(0, 1 << 15)
    for steps, units in changes:
        pair.run(until=pair.now + steps * DELAY // 4)
        pair.peer_qp.responder.set_window(units)
    pair.finish()
    assert [0] == [e.message for e in pair.seen(MessageCompleted)]
    assert not (pair.target.data != pair.image).any()
    assert 0 == pair.peer_qp.responder.counters.out_of_window


def test_penalty_travels_in_every_sack() -> None:
    """rcv_cwnd_pen and r_c are what the receiver last asked for, until it asks for nothing (spec 3.6)."""
    responder, _ = responder_of()
    responder.set_penalty(64, restore=True)
    responder.accept(arrivals(START, urgent={START}), lambda _: None, 0)
    responder.answer_probe(1, 2, 3, marked=False)
    responder.set_penalty(0, restore=True)
    responder.answer_probe(1, 2, 3, marked=False)
    wire = [Sack.unpack(report.sack.pack()) for report in responder.reports(9)]
    assert [(64, True), (64, True), (0, True)] == [(s.penalty, s.restore) for s in wire]


@pytest.mark.parametrize("penalty", [-1, 128])
def test_a_penalty_has_seven_bits(penalty: int) -> None:
    """Anything else is refused."""
    responder, _ = responder_of()
    with pytest.raises(ValueError, match="0 to 127"):
        responder.set_penalty(penalty)


@pytest.mark.parametrize(
    ("syndrome", "ends"), [(0x1F, False), (0x00, False), (0x60, False), (0x61, True), (0x63, True)]
)
def test_transport_nak(syndrome: int, ends: bool) -> None:
    """A NAK other than of a sequence error ends the QP; all else with the opcode acknowledges (spec 3.2)."""
    requestor, _ = requestor_of()
    post(requestor, 2)
    sent(requestor, 0)
    ack = TransportAck.unpack(bytes([syndrome, 0, 0, 1]), START)
    requestor.on_transport_ack(ack, 10)
    assert (ends, START - ends) == (requestor.failed, requestor.cack)


def test_a_transport_ack_of_what_was_never_sent() -> None:
    """It is counted as nonsense and believed in nothing."""
    requestor, _ = requestor_of()
    post(requestor, 2)
    sent(requestor, 0)
    requestor.on_transport_ack(TransportAck(START + 2, 1), 10)
    assert (START - 1, 1) == (requestor.cack, requestor.counters.nonsense)
