"""The sending half: windows, loss, timers, and peers that lie (spec 4.4-4.6)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.events import EvChanged, Event, MessageCompleted, PacketsLost, QpFailed
from mrcnet.mrc.evs import Cause, State
from mrcnet.mrc.flight import OVERHEAD
from mrcnet.mrc.memory import Region
from mrcnet.mrc.requestor import NEVER, Requestor
from mrcnet.mrc.wire.numbers import Mark, Opcode

from .parts import BASE_RTT, ROOM, START, post, requestor_of, sack, said

PACKET = 64 + OVERHEAD


def lost(log: list[Event]) -> list[int]:
    """PSNs reported lost so far, in order."""
    return [int(psn) for event in log if isinstance(event, PacketsLost) for psn in event.psn]


def bad(requestor: Requestor) -> list[int]:
    return np.flatnonzero(requestor.evs.state == State.ASSUMED_BAD).tolist()


def send(requestor: Requestor, count: int, now: int) -> dict[int, int]:
    """Send up to `count` packets; PSN -> EV of what went."""
    psn, ev = requestor.take(count, ROOM, now)
    return dict(zip(psn.tolist(), ev.tolist(), strict=True))


# ---- windows ------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", [1, 2])
def test_never_beyond_the_psn_window(units: int) -> None:
    """Nothing beyond cack + MPR is sent (spec 4.4); the window moves with cack, not with bitmaps."""
    requestor, _ = requestor_of(mpr_units=units)
    post(requestor, 1_000)
    assert units * 128 == len(send(requestor, 1_000, 0))
    assert 0 == requestor.sendable()
    requestor.on_sack(sack(START - 1, *range(START + 1, START + 60)), False, None, 10)
    assert [START] == list(send(requestor, 1_000, 20))  # the hole, and nothing new
    requestor.on_sack(sack(START + 4), False, None, 30)
    edge = START + units * 128
    assert list(range(edge, edge + 5)) == list(send(requestor, 1_000, 40))


@pytest.mark.parametrize(("window", "packets"), [(1, 1), (PACKET, 1), (PACKET + 1, 2), (10 * PACKET, 10)])
def test_send_while_the_window_exceeds_what_is_in_flight(window: int, packets: int) -> None:
    """cwnd > in_flight is the rule (spec 4.4, 5.2)."""
    requestor, _ = requestor_of(window_bytes=window)
    post(requestor, 50)
    assert packets == len(send(requestor, 50, 0))
    assert packets * PACKET == requestor.in_flight
    assert 0 == requestor.sendable()
    requestor.on_sack(sack(START), False, None, 10)
    assert 1 == requestor.sendable()


def test_oldest_hole_first() -> None:
    """Retransmissions go before new data, the oldest first, marked as such and described as before."""
    requestor, log = requestor_of(planes=1, uplinks=2)
    post(requestor, 40)
    first = send(requestor, 30, 0)
    holes = [START, START + 3, START + 9]
    before = said(requestor, holes)
    requestor.on_sack(sack(START - 1, *(psn for psn in first if psn not in holes)), False, None, 10)
    assert holes == lost(log)
    assert holes[:2] == list(send(requestor, 2, 20))
    assert [holes[2], START + 30, START + 31] == list(send(requestor, 3, 30))
    assert (3, 3) == (requestor.counters.lost, requestor.counters.retransmitted)
    assert before == said(requestor, holes)


@pytest.mark.parametrize("length", [1, 63, 64, 65, 128, 1_000])
def test_a_message_is_cut_at_the_payload(length: int) -> None:
    """First, Middle, Last or Only; pieces adjoin in source and target and add up (spec 2.6)."""
    requestor, _ = requestor_of()
    requestor.post(Region(np.zeros(5_000, np.uint8), 0, 1), 17, length, (1 << 64) - 2_000, 9)
    psn = sorted(send(requestor, 99, 0))
    columns = said(requestor, psn)
    assert length == sum(columns.size)
    ends = np.cumsum(columns.size) - columns.size
    assert (17 + ends).tolist() == columns.source
    assert [(1 << 64) - 2_000 + end for end in ends.tolist()] == columns.address
    assert {length} == set(columns.total)
    middle = [Opcode.WRITE_MIDDLE] * (len(psn) - 2)
    expected = [Opcode.WRITE_FIRST, *middle, Opcode.WRITE_LAST] if len(psn) > 1 else [Opcode.WRITE_ONLY]
    assert expected == columns.opcode


def test_messages_complete_in_posting_order() -> None:
    """A message completes when cack passes its last PSN, after all before it."""
    requestor, log = requestor_of()
    for packets in (3, 1, 2):
        post(requestor, packets)
    send(requestor, 6, 0)
    requestor.on_sack(sack(START - 1, *range(START + 1, START + 6)), False, None, 10)
    assert [] == [event for event in log if isinstance(event, MessageCompleted)]
    requestor.on_sack(sack(START + 3), False, None, 20)
    requestor.on_sack(sack(START + 5), False, None, 30)
    done = [(e.at, e.message) for e in log if isinstance(e, MessageCompleted)]
    assert [(20, 0), (20, 1), (30, 2)] == done
    assert (0, 0, NEVER) == (requestor.outstanding, requestor.in_flight, requestor.next_timer())


# ---- loss (spec 4.5) ----------------------------------------------------------------------------


def test_a_later_packet_on_the_same_ev() -> None:
    """A hole is lost when a packet sent later on its EV has arrived, and only then its EV is bad."""
    requestor, log = requestor_of(planes=1, uplinks=4)
    post(requestor, 8)
    on = send(requestor, 8, 0)
    hole = START
    same = next(psn for psn in on if psn != hole and on[psn] == on[hole])
    others = [psn for psn in on if psn not in (hole, same)]
    requestor.on_sack(sack(START - 1, *others), False, None, 10)
    assert ([], []) == (lost(log), bad(requestor))
    requestor.on_sack(sack(START - 1, *others, same), False, None, 20)
    assert ([hole], [on[hole]]) == (lost(log), bad(requestor))
    [event] = [event for event in log if isinstance(event, PacketsLost)]
    assert (20, Cause.LOSS, [on[hole]], [0]) == (
        event.at,
        event.cause,
        event.ev.tolist(),
        event.sent_at.tolist(),
    )


@pytest.mark.parametrize(("apart", "is_lost"), [(BASE_RTT - 1, False), (BASE_RTT, True)])
def test_a_packet_sent_a_base_rtt_later_on_any_ev(apart: int, is_lost: bool) -> None:
    """A trigger sent at least one base RTT after the hole is proof, whatever EV it rode."""
    requestor, log = requestor_of(planes=1, uplinks=16)
    post(requestor, 2)
    first = send(requestor, 1, 1_000)
    second = send(requestor, 1, 1_000 + apart)
    assert set(first.values()).isdisjoint(second.values())
    requestor.on_sack(sack(START - 1, START + 1), False, None, 1_000 + apart + BASE_RTT)
    assert ([START] if is_lost else []) == lost(log)
    assert is_lost == bool(bad(requestor))


@pytest.mark.parametrize(("apart", "is_lost"), [(2 * BASE_RTT, False), (3 * BASE_RTT, True)])
def test_a_packet_in_a_queue_is_late_not_lost(apart: int, is_lost: bool) -> None:
    """Where RTTs have lately differed by more than the base RTT, proof must have been sent as much later."""
    requestor, log = requestor_of(planes=1, uplinks=16)
    post(requestor, 4)
    send(requestor, 2, 0)
    requestor.on_sack(sack(START), False, None, BASE_RTT)
    requestor.on_sack(sack(START + 1), False, None, 4 * BASE_RTT)
    first = send(requestor, 1, 5 * BASE_RTT)
    second = send(requestor, 1, 5 * BASE_RTT + apart)
    assert set(first.values()).isdisjoint(second.values())
    requestor.on_sack(sack(START + 1, START + 3), False, None, 6 * BASE_RTT + apart)
    assert ([START + 2] if is_lost else []) == lost(log)


def test_a_lost_sack_makes_no_false_loss() -> None:
    """What no bitmap shows as missing is not judged, however old: its SACK may be lost, not the packet."""
    requestor, log = requestor_of(planes=1, uplinks=4, mpr_units=8)
    post(requestor, 400)
    send(requestor, 200, 0)
    send(requestor, 200, 5 * BASE_RTT)
    high = range(START + 300, START + 364)
    requestor.on_sack(sack(START - 1, *high, base=START + 300), False, None, 6 * BASE_RTT)
    assert ([], []) == (lost(log), bad(requestor))
    requestor.on_sack(sack(START + 399), False, None, 7 * BASE_RTT)
    assert ([], 0) == (lost(log), requestor.in_flight)


def test_no_second_loss_before_its_rtt() -> None:
    """A repeated packet is left alone for one base RTT, whatever SACKs say of packets sent earlier."""
    requestor, log = requestor_of(planes=1, uplinks=4)
    post(requestor, 60)
    on = send(requestor, 12, 0)
    rest = [psn for psn in on if psn != START]
    requestor.on_sack(sack(START - 1, *rest), False, None, BASE_RTT)
    assert [START] == lost(log)
    again = 2 * BASE_RTT
    assert START in send(requestor, 12, again)
    newer = list(range(START + 12, START + 23))
    for now in (again + 1, again + BASE_RTT - 1):
        requestor.on_sack(sack(START - 1, *rest, *newer, trigger=START + 11), False, None, now)
        assert [START] == lost(log)
    later = send(requestor, 1, again + BASE_RTT)
    requestor.on_sack(sack(START - 1, *rest, *newer, *later), False, None, again + 2 * BASE_RTT)
    assert [START, START] == lost(log)


def test_each_loss_counts_once() -> None:
    """Repeating the same SACK tells nothing new."""
    requestor, log = requestor_of(planes=1, uplinks=2)
    post(requestor, 9)
    send(requestor, 9, 0)
    for now in range(10, 60, 10):
        requestor.on_sack(sack(START - 1, *range(START + 1, START + 9)), False, None, now)
    assert [START] == lost(log)
    assert (1, 1) == (requestor.counters.lost, int(requestor.evs.lost.sum()))
    assert 0 == requestor.in_flight


def test_a_lost_packet_that_comes_late() -> None:
    """Late arrival of a packet given up: it is not sent again, and nothing is subtracted twice."""
    requestor, log = requestor_of(planes=1, uplinks=2)
    post(requestor, 9)
    send(requestor, 8, 0)
    requestor.on_sack(sack(START - 1, *range(START + 1, START + 8)), False, None, 10)
    assert [START] == lost(log)
    requestor.on_sack(sack(START + 7), False, None, 20)
    assert 0 == requestor.in_flight
    assert [START + 8] == list(send(requestor, 9, 30))


def test_old_sacks_change_nothing() -> None:
    """A SACK overtaken by a newer one moves nothing back."""
    requestor, log = requestor_of(planes=1, uplinks=4)
    post(requestor, 20)
    send(requestor, 20, 0)
    old = sack(START + 1, START + 5)
    requestor.on_sack(sack(START + 9, START + 12), False, None, 10)
    state = (requestor.cack, requestor.in_flight, requestor.sendable())
    requestor.on_sack(old, False, None, 20)
    assert state == (requestor.cack, requestor.in_flight, requestor.sendable())
    assert [] == lost(log)


def test_a_probe_is_proof_from_when_it_left() -> None:
    """An answered probe shows holes that are a base RTT older than the probe, and no younger ones."""
    requestor, log = requestor_of(planes=1, uplinks=16)
    post(requestor, 2)
    send(requestor, 1, 0)
    send(requestor, 1, BASE_RTT)
    answer = sack(START - 1, probe=True, trigger=START + 77)
    requestor.on_sack(answer, False, None, 3 * BASE_RTT)
    assert [] == lost(log)
    requestor.on_sack(answer, False, BASE_RTT + 5, 3 * BASE_RTT)
    assert [START] == lost(log)


def test_base_rtt_is_the_least_sample() -> None:
    """Samples come from packets sent once, or from a second sending that the SACK names (spec 5.4)."""
    requestor, _ = requestor_of(planes=1, uplinks=2)
    post(requestor, 9)
    send(requestor, 3, 0)
    requestor.on_sack(sack(START), False, None, 40_000)
    assert 40_000 == requestor.base_rtt
    requestor.on_sack(sack(START + 1), False, None, 90_000)
    assert 40_000 == requestor.base_rtt
    requestor.on_timer(1 << 40)
    assert START + 2 in send(requestor, 1, 1 << 40)
    requestor.on_sack(sack(START + 2), False, None, (1 << 40) + 10)
    assert 40_000 == requestor.base_rtt  # which copy arrived is not known
    send(requestor, 1, 1 << 41)
    requestor.on_timer(1 << 42)
    send(requestor, 1, 1 << 42)
    requestor.on_sack(sack(START + 3), True, None, (1 << 42) + 20)
    assert 20 == requestor.base_rtt


def test_marks_move_only_known_evs() -> None:
    """SKIP_ONCE and ALWAYS_SKIP concern the reflected EV, if the universe has it (spec 4.3)."""
    requestor, log = requestor_of()
    post(requestor, 5)
    send(requestor, 5, 0)
    requestor.on_sack(sack(START, mark=Mark.SKIP_ONCE, entropy=0xDEAD_BEEF), False, None, 1)
    assert [] == [event for event in log if isinstance(event, EvChanged)]
    requestor.on_sack(sack(START, mark=Mark.SKIP_ONCE, entropy=int(requestor.evs.value[3])), False, None, 2)
    requestor.on_sack(sack(START, mark=Mark.ALWAYS_SKIP, entropy=int(requestor.evs.value[5])), False, None, 3)
    assert (State.SKIP, State.ASSUMED_BAD) == (requestor.evs.state[3], requestor.evs.state[5])


# ---- timers and the retry budget (spec 4.6) -----------------------------------------------------


def expire(requestor: Requestor) -> int:
    """Let the next timer that expires a packet pass; returns when."""
    attempts = requestor.counters.lost
    while True:
        now = requestor.next_timer()
        assert now < NEVER
        requestor.on_timer(now - 1)
        assert attempts == requestor.counters.lost
        requestor.on_timer(now)
        if requestor.failed or requestor.counters.lost > attempts:
            return now


def test_linear_then_exponential() -> None:
    """So many timeouts of the fixed length, then each twice as long, up to the ceiling; then ERROR."""
    requestor, log = requestor_of(
        timeout_exponent=4, linear_retries=2, exponential_retries=4, timeout_ceiling_exponent=6
    )
    unit = 1_024 << 4
    post(requestor, 1)
    times = [0]
    while not requestor.failed:
        send(requestor, 1, times[-1])
        times.append(expire(requestor))
    assert [1, 1, 1, 2, 4, 4, 4] == (np.diff(times) // unit).tolist()
    assert [QpFailed(times[-1], 1, "retry counter exceeded")] == [
        event for event in log if isinstance(event, QpFailed)
    ]
    assert (0, NEVER) == (requestor.sendable(), requestor.next_timer())


def test_twenty_five_means_for_ever() -> None:
    """An exponential count of 25 never exhausts (spec 1.3)."""
    requestor, _ = requestor_of(timeout_exponent=4, timeout_ceiling_exponent=5, exponential_retries=25)
    post(requestor, 1)
    now = 0
    for _ in range(200):
        send(requestor, 1, now)
        now = expire(requestor)
    assert not requestor.failed


def test_progress_of_cack_resets_the_counter() -> None:
    """After progress the whole budget is there again, and the timeout is the base one (spec 4.6)."""
    requestor, _ = requestor_of(timeout_exponent=4, linear_retries=1, exponential_retries=1)
    post(requestor, 5)
    now = 0
    for turn in range(5):
        for _ in range(2):
            send(requestor, 1, now)
            now = expire(requestor)
        send(requestor, 1, now)
        requestor.on_sack(sack(START + turn), False, None, now + 1)
        assert not requestor.failed


def test_a_timeout_names_its_ev() -> None:
    """The EV of a packet that timed out is assumed bad (spec 4.3)."""
    requestor, log = requestor_of(timeout_exponent=4)
    post(requestor, 2)
    on = send(requestor, 2, 0)
    expire(requestor)
    assert sorted(on.values()) == bad(requestor)
    assert {Cause.TIMEOUT} == {event.cause for event in log if isinstance(event, PacketsLost)}


def test_a_packet_sent_later_expires_later() -> None:
    """Each packet has its own timeout."""
    requestor, log = requestor_of(timeout_exponent=4)
    unit = 1_024 << 4
    post(requestor, 2)
    send(requestor, 1, 0)
    send(requestor, 1, unit // 2)
    assert unit == expire(requestor)
    assert [START] == lost(log)


def test_lost_packets_without_room_keep_the_timer_but_not_the_blame() -> None:
    """Where only packets wait that cannot go out (no room), time alone does not exhaust the budget."""
    requestor, _ = requestor_of(timeout_exponent=4, linear_retries=0, exponential_retries=1)
    post(requestor, 3)
    send(requestor, 3, 0)
    now = expire(requestor)
    for _ in range(50):
        now = max(now + 1, requestor.next_timer())
        requestor.on_timer(now)
    assert not requestor.failed
    assert 3 == len(send(requestor, 9, now))


# ---- peers that lie, and ERROR ------------------------------------------------------------------


def test_acknowledging_what_was_never_sent() -> None:
    """cack beyond what was sent is nonsense: counted, and nothing else of that SACK is believed."""
    requestor, log = requestor_of()
    post(requestor, 10)
    send(requestor, 5, 0)
    log.clear()
    requestor.on_sack(
        sack(START + 5, mark=Mark.ALWAYS_SKIP, entropy=int(requestor.evs.value[0])), False, None, 1
    )
    assert (1, START - 1, 5 * PACKET, []) == (
        requestor.counters.nonsense,
        requestor.cack,
        requestor.in_flight,
        log,
    )
    requestor.on_sack(sack(START - 1, *range(START + 3, START + 60)), False, None, 2)
    assert 3 * PACKET == requestor.in_flight
    assert [START + 5] == list(send(requestor, 1, 3))


def test_bits_without_cack_end_in_error() -> None:
    """A peer that shows every packet as arrived and never moves cack does not hold the QP for ever."""
    requestor, log = requestor_of(timeout_exponent=4)
    post(requestor, 5)
    send(requestor, 5, 0)
    requestor.on_sack(sack(START - 1, *range(START, START + 5)), False, None, 1)
    for _ in range(1_000):
        if requestor.failed:
            break
        assert requestor.next_timer() < NEVER
        requestor.on_timer(requestor.next_timer())
    assert ["retry counter exceeded"] == [event.reason for event in log if isinstance(event, QpFailed)]


def test_a_failed_qp_completes_nothing() -> None:
    """After ERROR an acknowledgement comes too late: no completion follows the failure."""
    requestor, log = requestor_of()
    post(requestor, 1)
    send(requestor, 1, 0)
    requestor.fail("test", 5)
    log.clear()
    requestor.on_sack(sack(START), False, None, 9)
    assert [] == log
    assert NEVER == requestor.next_timer()


words = st.integers(-300, 300) | st.integers(-(1 << 24), 1 << 24)


@given(
    st.lists(
        st.tuples(
            words,
            st.integers(-(1 << 15), (1 << 15) - 1) | st.integers(-200, 200),
            st.integers(0, (1 << 64) - 1) | st.just((1 << 64) - 1),
            st.integers(-(1 << 15), 0xFFFF) | st.integers(-200, 200),
            st.booleans(),
            st.booleans(),
            st.sampled_from(list(Mark)),
            st.integers(0, 12),
            st.integers(1, 3 * BASE_RTT),
        ),
        max_size=40,
    ),
    st.sampled_from([0, START, (1 << 24) - 20]),
)
def test_any_sacks(steps: list[tuple[int, int, int, int, bool, bool, int, int, int]], start: int) -> None:
    """Whatever SACKs say, in whatever order: cack never goes back nor beyond what was sent, the bytes in
    flight are those of packets in flight, and no PSN leaves the window.
    """
    requestor, _ = requestor_of(start=start, mpr_units=1, timeout_exponent=4)
    post(requestor, 300)
    now = 0
    for cack, offset, bitmap, trigger, probe, rtx, mark, count, pause in steps:
        sent = send(requestor, count, now)
        assert all(psn <= requestor.cack + 128 for psn in sent)
        now += pause
        before = requestor.cack
        told = sack(before + cack, trigger=0, mark=mark, entropy=1 + count % 4, probe=probe)
        fields = {"offset": offset, "bitmap": bitmap, "trigger": trigger}
        requestor.on_sack(type(told)(**{f: getattr(told, f) for f in told.__slots__} | fields), rtx, now, now)
        assert before <= requestor.cack < requestor.next_psn
        requestor.on_timer(now)
        flying, _ = requestor.flight.flying(requestor.cack + 1, requestor.next_psn)
        assert len(flying) * PACKET == requestor.in_flight
        assert requestor.base_rtt >= 1
