"""The receiving half: what is new, what is told to the peer and when (spec 3)."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.events import MessageArrived
from mrcnet.mrc.responder import Arrivals, Responder
from mrcnet.mrc.wire.control import Nack, Sack
from mrcnet.mrc.wire.numbers import Mark, NackReason

from .parts import START, arrivals, responder_of, shown

WRAP = 1 << 24


def take(responder: Responder, batch: Arrivals, now: int = 0) -> list[bool]:
    """Hand a batch in; which rows were placed."""
    placed = [False] * len(batch.psn)

    def place(fresh: np.ndarray) -> None:
        placed[:] = fresh.tolist()

    responder.accept(batch, place, now)
    return placed


def told(responder: Responder) -> list[Sack]:
    return [report.sack for report in responder.reports(1 << 20)]


# ---- windows and duplicates (spec 3.1 steps 3 to 6) --------------------------------------------


def test_places_each_psn_once() -> None:
    """A PSN is placed when it first arrives, in any order, and never again."""
    # spec 3.1 step 4
    responder, _ = responder_of()
    assert [True, True] == take(responder, arrivals(102, 100))
    assert [False, True, False] == take(responder, arrivals(102, 101, 100))
    assert (102, 3, 2) == (responder.cack, responder.counters.delivered, responder.counters.duplicates)


def test_a_psn_twice_in_one_batch() -> None:
    """Of copies in one batch the first is placed."""
    responder, _ = responder_of()
    assert [True, True, False, False] == take(responder, arrivals(103, 101, 103, 101))
    assert 2 == responder.counters.duplicates


@pytest.mark.parametrize("units", [1, 8])
def test_the_window_ends_at_cack_plus_mpr(units: int) -> None:
    """cack + MPR is taken, the next PSN is not, and a NACK says so (spec 3.1, section 9 no. 11)."""
    # spec 3.1 step 3
    responder, _ = responder_of(mpr_units=units)
    edge = START - 1 + units * 128
    assert [False] == take(responder, arrivals(edge + 1, urgent={edge + 1}))
    assert 1 == responder.counters.out_of_window
    (nack,) = responder.reports(9)
    assert isinstance(nack, Nack)
    assert (NackReason.PSN_OOR_WINDOW, edge + 1) == (nack.reason, nack.psn)
    assert [True] == take(responder, arrivals(edge))
    assert [True, True] == take(responder, arrivals(100, 101))
    assert [True] == take(responder, arrivals(edge + 1))


@pytest.mark.parametrize("start", [0, 1, WRAP - 1, WRAP - 70, 3 * WRAP - 1])
def test_wraps_at_24_bits(start: int) -> None:
    """The window slides over 2^24 as anywhere else, and SACKs carry 24 bits."""
    responder, _ = responder_of(start=start)
    psn = list(range(start, start + 200))
    random.Random(start).shuffle(psn)
    for at in range(0, 200, 7):
        assert [True] * len(psn[at : at + 7]) == take(responder, arrivals(*psn[at : at + 7]))
    assert start + 199 == responder.cack
    responder.answer_probe(1, 2, 3, marked=False)
    last = told(responder)[-1]
    Sack.unpack(last.pack())
    assert (start + 199) % WRAP == Sack.unpack(last.pack()).cack


@given(
    st.lists(st.lists(st.integers(-30, 150), min_size=1, max_size=80), max_size=30), st.sampled_from([0, 90])
)
def test_against_a_set(batches: list[list[int]], start: int) -> None:
    """Any arrivals at all: placed are exactly the PSNs of the window not seen before, and the books agree."""
    responder, _ = responder_of(start=start, mpr_units=1)
    have: set[int] = set()
    for batch in batches:
        cack = responder.cack
        expected = []
        for psn in batch:
            new = cack < psn <= cack + 128 and psn not in have
            expected.append(new)
            have |= {psn} if new else set()
        assert expected == take(responder, arrivals(*batch))
        run = start - 1
        while run + 1 in have:
            run += 1
        assert run == responder.cack
    books = responder.counters
    assert len(have) == books.delivered
    assert books.arrived == books.delivered + books.duplicates + books.out_of_window


# ---- messages (spec 3.2) ------------------------------------------------------------------------


def test_messages_arrive_in_order_and_whole() -> None:
    """A message arrives when all of it and of those before it is there, with its number and the time."""
    responder, log = responder_of()
    take(responder, arrivals(103, 104, last={104}), 10)
    assert [] == log
    take(responder, arrivals(100, 101, last={101}), 20)
    take(responder, arrivals(102, last=()), 30)
    assert [MessageArrived(20, 1, 0), MessageArrived(30, 1, 1)] == log


def test_a_repeated_last_packet_ends_no_second_message() -> None:
    """Copies of a message's last packet tell nothing new."""
    responder, log = responder_of()
    take(responder, arrivals(100, 100, last={100}), 1)
    take(responder, arrivals(100, last={100}), 2)
    take(responder, arrivals(101, last={101}), 3)
    assert [MessageArrived(1, 1, 0), MessageArrived(3, 1, 1)] == log


def test_a_slot_is_used_again() -> None:
    """A window later the same slots hold other PSNs: no old end of message is seen again."""
    responder, log = responder_of(mpr_units=1)
    take(responder, arrivals(*range(100, 228), last={100, 227}), 1)
    take(responder, arrivals(*range(228, 356), last=()), 2)
    assert [0, 1] == [event.message for event in log]


# ---- when a SACK is sent (spec 3.3) -------------------------------------------------------------


def test_the_threshold() -> None:
    """Packets add their size; at the threshold a SACK leaves, and the count starts anew."""
    responder, _ = responder_of(sack_threshold=16_384)
    for turn in range(3):
        for step in range(4):
            assert not responder.has_reports
            take(responder, arrivals(START + turn * 5 + step, size=4_096 + 40 - 40))
            told_now = responder.has_reports
            assert (step == 4) == told_now
        take(responder, arrivals(START + turn * 5 + 4, size=4_096))
        assert [START + turn * 5 + 4] == [sack.cack for sack in told(responder)]


def test_small_packets_count_a_minimum() -> None:
    """A tiny packet adds 1 KiB (spec 3.3)."""
    responder, _ = responder_of(sack_threshold=16_384)
    for step in range(16):
        assert not responder.has_reports
        take(responder, arrivals(START + step, size=100))
    assert [START + 15] == [sack.cack for sack in told(responder)]


@pytest.mark.parametrize("flag", ["urgent", "rtx", "marked"])
def test_at_once(flag: str) -> None:
    """AckReq, a retransmission and an ECN mark are answered at once."""
    responder, _ = responder_of()
    flags = {"urgent": {100}, "rtx": {100}} if flag == "rtx" else {flag: {100}}
    take(responder, arrivals(100, **flags))
    [report] = responder.reports(9)
    assert (flag == "rtx") == report.rtx
    assert (Mark.SKIP_ONCE if flag == "marked" else Mark.NONE) == report.sack.mark


def test_a_duplicate_is_answered_at_once() -> None:
    """A duplicate means that the peer missed a SACK."""
    responder, _ = responder_of()
    take(responder, arrivals(100))
    assert [] == told(responder)
    take(responder, arrivals(100))
    [sack] = told(responder)
    assert (100, 0, 0xE000) == (sack.cack, sack.trigger, sack.entropy)


def test_marks_are_never_coalesced() -> None:
    """Every marked packet has a SACK of its own that names its EV and echoes its timestamp."""
    # spec 3.5: SKIP_ONCE names the EV that carried the mark
    responder, _ = responder_of()
    take(responder, arrivals(*range(100, 106), marked={101, 104}))
    marks = [sack for sack in told(responder) if sack.mark == Mark.SKIP_ONCE]
    assert [(0xE001, 0x7001), (0xE004, 0x7004)] == [(sack.entropy, sack.timestamp) for sack in marks]
    assert [101, 104] == [sack.cack + sack.trigger for sack in marks]


# ---- what a SACK says (spec 2.7, 3.4) -----------------------------------------------------------


def test_the_trigger_is_the_newest_arrival() -> None:
    """A SACK of a batch names the EV, the timestamp and the PSN of one packet of that batch."""
    responder, _ = responder_of()
    take(responder, arrivals(100, 102, 103, 105, 101))
    [sack] = told(responder)
    assert (103, 101, 0xE004, 0x7004) == (
        sack.cack,
        sack.cack + sack.trigger,
        sack.entropy,
        sack.timestamp,
    )
    assert ({105}, 1) == (shown(sack, START), sack.ooo_count)


def test_a_very_old_duplicate_gives_no_false_trigger() -> None:
    """A replay from further back than 16 bits reach does not name a newer packet as its trigger."""
    responder, _ = responder_of(mpr_units=255)
    for first in range(START, START + 90_000, 30_000):
        take(responder, arrivals(*range(first, first + 30_000)))
    told(responder)
    take(responder, arrivals(START + 89_999 - 40_000))
    [sack] = told(responder)
    assert Sack.unpack(sack.pack()).trigger < 0


def test_rcvd_bytes_are_nominal_and_count_once() -> None:
    """UDP length + 40 of each new packet, in units of 256, rounded up (spec 2.7, 3.1)."""
    # spec 3.1 step 5
    responder, _ = responder_of()
    take(responder, arrivals(100, 101, 100, size=1_000, urgent={100}))
    take(responder, arrivals(101, size=1_000))
    assert [8, 8] == [sack.rcvd_bytes for sack in told(responder)]


def test_a_probe_is_answered_with_the_present_state() -> None:
    """pr = 1, the probe's id, EV and timestamp, and the bitmap as it is (spec 3.3)."""
    responder, _ = responder_of()
    take(responder, arrivals(100, 102))
    responder.answer_probe(0xBEEF, 7, 0x1111, marked=False)
    responder.answer_probe(0xBEF0, 8, 0x2222, marked=True)
    first, second = told(responder)
    assert (True, 0xBEEF, 7, 0x1111, 100, {102}, Mark.NONE) == (
        first.probe,
        first.trigger,
        first.entropy,
        first.timestamp,
        first.cack,
        shown(first, START),
        first.mark,
    )
    assert (True, 0xBEF0, Mark.SKIP_ONCE) == (second.probe, second.trigger, second.mark)


@given(st.integers(0, 1 << 32), st.integers(1, 90), st.sampled_from([100, 2_000, 4_000]))
def test_every_arrival_is_shown(seed: int, largest: int, size: int) -> None:
    """However the arrivals fall into batches, whenever SACKs leave they have shown, together with those
    before, every packet above cack: no packet waits unseen behind a hole (spec 3.4).
    """
    # spec 3.1 step 7
    rng = random.Random(seed)
    responder, _ = responder_of(mpr_units=4)
    psn = [psn for psn in range(START, START + 500) if psn != START and rng.random() < 0.9]
    psn.sort(key=lambda p: p + rng.randrange(30))
    seen: set[int] = set()
    arrived: set[int] = set()
    while psn:
        count = rng.randint(1, largest)
        batch, psn = psn[:count], psn[count:]
        take(responder, arrivals(*batch, size=size))
        arrived |= {p for p in batch if p <= responder.cack + 512}
        reports = told(responder)
        for sack in reports:
            assert START - 1 == sack.cack
            assert shown(sack, START) <= arrived
            seen |= shown(sack, START)
        if reports:
            assert arrived == seen


@given(st.integers(0, 1 << 32))
def test_holes_are_shown_as_holes(seed: int) -> None:
    """Packets in order with some missing: every hole below the newest arrival stands inside some bitmap."""
    rng = random.Random(seed)
    responder, _ = responder_of(mpr_units=4)
    missing = {START} | {psn for psn in range(START, START + 400) if rng.random() < 0.05}
    psn = [psn for psn in range(START, START + 400) if psn not in missing]
    known: set[int] = set()
    while psn:
        count = rng.randint(1, 64)
        batch, psn = psn[:count], psn[count:]
        take(responder, arrivals(*batch))
        reports = told(responder)
        for sack in reports:
            known |= set(range(sack.cack + sack.offset, sack.cack + sack.offset + 64)) - shown(sack, START)
        if reports:
            assert {hole for hole in missing if hole < max(batch)} <= known


def test_old_holes_are_shown_again_and_again() -> None:
    """While packets arrive, every second SACK shows the lowest hole, and a walk in between shows every older
    hole in steps of 64 (spec 3.4): what was told once may have been lost, or too early to judge.
    """
    responder, _ = responder_of()
    holes = {START, 250, 381, 702}
    take(responder, arrivals(*(psn for psn in range(START, 900) if psn not in holes)))
    told(responder)
    again: set[int] = set()
    for turn in range(26):
        take(responder, arrivals(900 + turn, urgent={900 + turn}))
        sacks = told(responder)
        assert 900 + turn in set().union(*(shown(sack, START) for sack in sacks))
        assert (turn % 2 == 1) == (sacks[0].offset == 1)
        for sack in sacks:
            again |= set(range(sack.cack + sack.offset, sack.cack + sack.offset + 64)) - shown(sack, START)
    assert holes <= again


def test_offsets_fit_the_widest_window() -> None:
    """With the largest window (255 x 128) base and trigger still fit their 16 bits."""
    responder, _ = responder_of(mpr_units=255)
    edge = START - 1 + 255 * 128
    take(responder, arrivals(edge, urgent={edge}))
    sacks = [Sack.unpack(sack.pack()) for sack in told(responder)]
    assert edge in set().union(*(shown(sack, START) for sack in sacks))
    assert edge == sacks[-1].cack + sacks[-1].trigger


def test_what_waits_is_bounded() -> None:
    """A storm of probes and marks between two sends leaves a bounded queue, with the newest in it."""
    responder, _ = responder_of()
    for number in range(5_000):
        responder.answer_probe(number, 1, 2, marked=False)
        take(responder, arrivals(START, marked={START}))
    waiting = told(responder)
    assert len(waiting) <= 1_024
    assert 4_999 in {sack.trigger for sack in waiting if sack.probe}


def test_reports_are_handed_over_once() -> None:
    """Up to the number asked for, oldest first, each once."""
    responder, _ = responder_of()
    for number in range(5):
        responder.answer_probe(number, 1, 2, marked=False)
    first = [report.sack.trigger for report in responder.reports(2)]
    assert ([0, 1], [2, 3, 4]) == (first, [sack.trigger for sack in told(responder)])
    assert not responder.has_reports
    assert not np.any(responder.reports(5))
