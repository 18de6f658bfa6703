"""A QP's life: states, what both sides agree on, how its requests end; nothing is left of it (spec 1)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.attributes import QP_STEPS, Attributes, QpState, agree, offer, step
from mrcnet.mrc.events import MessageCompleted, MessageFailed, QpFailed, ReceiveCompleted, ReceiveFailed
from mrcnet.mrc.requestor import NEVER
from mrcnet.mrc.settings import Settings
from tests.support.weather import Outage, Weather, everything
from tests.support.wire import DELAY, Pair

QUICK = Settings(payload=64, timeout_exponent=8, linear_retries=1, exponential_retries=1)


def failures(pair: Pair, host: int = 0) -> list[tuple[int, str]]:
    return [(e.message, e.reason) for e in pair.seen(MessageFailed, host)]


# ---- states (spec 1.1, 1.3) ---------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new"), list(product(QpState, QpState)))
def test_only_the_steps_of_the_table(old: QpState, new: QpState) -> None:
    """RESET, INIT, RTR, RTS in order; ERROR from anywhere, and only RESET leads out of it."""
    ladder = [QpState.RESET, QpState.INIT, QpState.RTR, QpState.RTS]
    forward = (old, new) in pairwise(ladder)
    error = new is QpState.ERROR and old is not QpState.ERROR
    reset = new is QpState.RESET and old is not QpState.RESET
    assert (forward or error or reset) == ((old, new) in QP_STEPS)
    if (old, new) in QP_STEPS:
        assert new == step(old, new)
    else:
        with pytest.raises(ValueError, match=f"from {old} to {new}"):
            step(old, new)


def test_each_state_may_do_what_it_may() -> None:
    """INIT does neither, RTR receives but does not send, RTS does both."""
    pair = Pair(QUICK)
    spec = pair.peer_qp.spec
    pair.ends[1].disconnect(0x101, pair.now)
    late = pair.ends[1].connect(spec, ready=False)
    assert QpState.INIT == late.state
    pair.write(0, 64)
    pair.run(until=pair.now + 3 * DELAY)
    assert 1 == pair.ends[1].drops["unknown QP"]
    with pytest.raises(ValueError, match="INIT"):
        pair.ends[1].post_write(0x101, pair.target, 0, 1, 0, 0)
    late.move(QpState.RTR, pair.now)
    with pytest.raises(ValueError, match="RTR"):
        pair.ends[1].post_write(0x101, pair.target, 0, 1, 0, 0)
    pair.finish()
    assert [0] == [e.message for e in pair.seen(MessageCompleted)]
    late.move(QpState.RTS, pair.now)
    assert 0 == pair.ends[1].post_write(0x101, pair.target, 0, 1, pair.source.address, pair.source.rkey)


@pytest.mark.parametrize(
    ("address", "rkey", "fits"),
    [
        ((1 << 64) - 8, (1 << 32) - 1, True),
        ((1 << 64) - 7, 1, False),
        (-1, 1, False),
        (1 << 64, 1, False),
        (0, -1, False),
        (0, 1 << 32, False),
    ],
)
def test_addresses_and_keys_that_fit_the_header(address: int, rkey: int, fits: bool) -> None:
    """RETH has 64 bits for the address of the last byte too, and 32 for the rkey (spec 2.6)."""
    pair = Pair()
    if fits:
        assert 0 == pair.ends[0].post_write(0x100, pair.source, 0, 8, address, rkey)
    else:
        with pytest.raises(ValueError, match="addresses have 64 bits, rkeys 32"):
            pair.ends[0].post_write(0x100, pair.source, 0, 8, address, rkey)


@pytest.mark.parametrize("qpn", [0, 1, 2, 0x100])
def test_a_number_that_is_taken(qpn: int) -> None:
    """0 and 1 are IBTA's, 2 is the endpoint's (spec 2.12), and a QP in use keeps its own."""
    pair = Pair()
    with pytest.raises(ValueError, match="taken"):
        pair.ends[0].connect(replace(pair.qp.spec, qpn=qpn))


# ---- agreement (spec 1.2) -----------------------------------------------------------------------

offers = st.builds(
    Attributes,
    qpn=st.just(5),
    start_psn=st.just(1),
    payload=st.just(1_024),
    mpr_units=st.integers(1, 255),
    max_wimm=st.integers(0, 500),
    dynamic_mpr=st.booleans(),
    trim_nack=st.booleans(),
)


@given(offers, offers)
def test_each_direction_follows_its_responder(here: Attributes, there: Attributes) -> None:
    """Windows, WriteIMM limit and trim NACKs are the responder's; dynamic MPR needs both."""
    agreed = agree(here, there)
    expected = (there.mpr_units, there.max_wimm, there.trim_nack)
    assert expected == (agreed.mpr_units, agreed.max_wimm, agreed.trim_nack)
    assert (here.dynamic_mpr and there.dynamic_mpr) == agreed.dynamic_mpr == agree(there, here).dynamic_mpr


def test_path_mtus_must_agree() -> None:
    """Two payload sizes make no connection."""
    with pytest.raises(ValueError, match="1024 and 2048"):
        agree(offer(Settings(payload=1_024), 5, 0), offer(Settings(payload=2_048), 5, 0))


@pytest.mark.parametrize(("field", "value"), [("mpr_units", 0), ("mpr_units", 256), ("max_wimm", -1)])
def test_offers_that_cannot_be(field: str, value: int) -> None:
    """A window has 8 bits of units and at least one; a limit is not negative."""
    with pytest.raises(ValueError, match=r"units|negative"):
        replace(offer(Settings(), 5, 0), **{field: value})


def test_the_peers_offer_rules_the_sender() -> None:
    """A peer with a window of one unit and without trim NACKs: 128 PSN in flight, NO_TRIM (spec 2.14)."""
    pair = Pair(replace(QUICK, mpr_units=8))
    theirs = replace(pair.ends[1].offer(0x101, 100), mpr_units=1, trim_nack=False)
    spec = replace(pair.qp.spec, peer_offer=theirs)
    pair.ends[0].disconnect(0x100, pair.now)
    pair.ends[0].connect(spec)
    pair.write(0, 64 * 300)
    pair.run(until=pair.now)
    assert 128 == len(pair.flights)
    classes = {int.from_bytes(flight.data[14:16], "big") >> 6 & 0x3F for flight in pair.flights}
    assert {pair.settings.dscp.no_trim} == classes


# ---- how requests end (spec 3.2, 4.6) -----------------------------------------------------------


def test_retry_exceeded_flushes_the_rest() -> None:
    """The oldest message fails with the reason, those behind it and the receives are flushed, in order."""
    pair = Pair(QUICK, fate=Weather(outages=[Outage(everything)]))
    for _ in range(3):
        pair.write(0, 100)
    pair.ends[0].post_receive(0x100, 9)
    pair.finish()
    assert [(0, "retry counter exceeded"), (1, "flushed"), (2, "flushed")] == failures(pair)
    assert [(9, "flushed")] == [(e.request, e.reason) for e in pair.seen(ReceiveFailed)]
    assert ["retry counter exceeded"] == [e.reason for e in pair.seen(QpFailed)]
    assert (QpState.ERROR, 0, NEVER) == (
        pair.qp.state,
        pair.qp.requestor.in_flight,
        pair.qp.requestor.next_timer(),
    )
    pair.ends[0].post_write(0x100, pair.source, 0, 1, pair.target.address, pair.target.rkey)
    pair.run(until=pair.now + DELAY)
    assert (3, "flushed") == failures(pair)[-1]
    assert NEVER == pair.ends[0].next_timer()


def test_an_error_at_the_responder_ends_both_sides() -> None:
    """No receive for a WriteIMM: the peer's message fails with "remote operation error"."""
    pair = Pair(QUICK)
    pair.write(0, 10, immediate=1)
    pair.write(0, 10)
    pair.finish()
    assert [(0, "remote operation error"), (1, "flushed")] == failures(pair)
    assert (QpState.ERROR, QpState.ERROR) == (pair.qp.state, pair.peer_qp.state)
    assert [] == pair.seen(ReceiveCompleted)


def test_disconnect_flushes_and_forgets() -> None:
    """Posted messages are flushed, later frames of the peer are foreign, and the number is free again."""
    pair = Pair(QUICK)
    pair.write(0, 64 * 10)
    pair.run(until=pair.now)
    pair.ends[0].disconnect(0x100, pair.now)
    pair.run(until=pair.now + 10 * DELAY)
    assert [(0, "flushed")] == failures(pair)
    assert [] == pair.seen(QpFailed, 0)
    assert pair.ends[0].drops["unknown QP"] > 0
    assert NEVER == pair.ends[0].next_timer()
    assert {} == pair.ends[0].qps


# ---- Transport ACK (spec 2.6, 3.2) --------------------------------------------------------------


def test_transport_acks_alone_complete_messages() -> None:
    """With the option, 0xD1 goes out beside SACKs; a sender that hears nothing else completes by it."""

    def no_sack(flight) -> bool:
        return flight.opcode == 0xDC

    weather = Weather(outages=[Outage(no_sack)])
    pair = Pair(replace(QUICK, transport_ack=True), fate=weather)
    for _ in range(4):
        pair.write(0, 100)
    pair.finish()
    assert [0, 1, 2, 3] == [e.message for e in pair.seen(MessageCompleted)]
    acks = [f for f in pair.flights if f.opcode == 0xD1]
    assert {0x1F} == {f.data[114] for f in acks}
    assert 107 == acks[-1].psn
    assert 4 == int.from_bytes(acks[-1].data[115:118], "big")


def test_no_transport_ack_unless_asked_for() -> None:
    """By default SACKs do it all (section 9 no. 30)."""
    pair = Pair(QUICK)
    pair.write(0, 1_000)
    pair.finish()
    assert [] == [f for f in pair.flights if f.opcode == 0xD1]
