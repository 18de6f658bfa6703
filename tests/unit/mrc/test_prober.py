"""Probes: which, when, how often, and what an answer brings back (spec 4.7)."""

from __future__ import annotations

import itertools

import pytest

from mrcnet.mrc.evs import Cause, EvSet, State
from mrcnet.mrc.prober import Prober
from mrcnet.mrc.requestor import NEVER, Requestor
from mrcnet.mrc.wire.numbers import Mark

from .parts import BASE_RTT, ROOM, post, requestor_of, settings_of

EVERY = 10 * BASE_RTT


def prober_of(**knobs: object) -> tuple[Prober, EvSet, Requestor]:
    knobs = {"probe_floor_ns": 1, **knobs}
    requestor, _ = requestor_of(**knobs)
    return Prober(requestor.evs, requestor, settings_of(**knobs)), requestor.evs, requestor


def next_probes(prober: Prober) -> tuple[int, list[int], list[int]]:
    """(when, EVs, ids) of the next probes."""
    at = prober.next_timer()
    if at == 0:  # the sets changed: the prober has to look
        assert [] == prober.due(0, 64)
        at = prober.next_timer()
    assert [] == prober.due(at - 1, 64)
    probes = prober.due(at, 64)
    return at, [probe.ev for probe in probes], [probe.number for probe in probes]


def test_no_probes_while_all_is_well() -> None:
    """With every EV good and nothing in flight, nothing is probed."""
    prober, _, _ = prober_of()
    assert NEVER == prober.next_timer()
    assert [] == prober.due(1 << 40, 64)


def test_every_bad_ev_is_probed_and_no_other() -> None:
    """Ten base RTTs after they went bad, the bad EVs are probed."""
    prober, evs, _ = prober_of()
    evs.move(3, Cause.LOSS, 0)
    evs.move(5, Cause.TIMEOUT, 0)
    evs.move(6, Cause.DENY, 0)
    evs.move(7, Cause.SKIP_ONCE, 0)
    at, probed, _ = next_probes(prober)
    assert (EVERY, [3, 5]) == (at, probed)


def test_unanswered_probes_back_off_to_the_limit() -> None:
    """The pace halves with every unanswered probe, down to the limit."""
    prober, evs, _ = prober_of(probe_backoff_limit=8)
    evs.move(3, Cause.LOSS, 0)
    times = [next_probes(prober)[0] for _ in range(7)]
    assert [1, 2, 4, 8, 8, 8] == [(b - a) // EVERY for a, b in itertools.pairwise(times)]


def test_three_answers_in_a_row_bring_an_ev_back() -> None:
    """The third answer in a row, not the second, makes the EV good; the pace is the full one meanwhile."""
    prober, evs, _ = prober_of()
    evs.move(3, Cause.LOSS, 0)
    last = 0
    for answer in range(3):
        assert State.ASSUMED_BAD == evs.state[3]
        at, _, [number] = next_probes(prober)
        assert EVERY == at - last
        assert at == prober.on_answer(number, Mark.NONE, at + BASE_RTT)
        last = at + BASE_RTT
        assert (answer == 2) == (evs.state[3] == State.GOOD)
    assert [] == prober.due(last, 64)
    assert NEVER == prober.next_timer()


def test_a_lost_answer_starts_the_count_anew() -> None:
    """Two answers, a silence, two answers: still bad; the next one counts."""
    prober, evs, _ = prober_of()
    evs.move(3, Cause.LOSS, 0)
    for answered in (True, True, False, True, True):
        at, _, [number] = next_probes(prober)
        if answered:
            prober.on_answer(number, Mark.NONE, at + 1)
        assert State.ASSUMED_BAD == evs.state[3]
    at, _, [number] = next_probes(prober)
    prober.on_answer(number, Mark.NONE, at + 1)
    assert State.GOOD == evs.state[3]


def test_at_most_one_outstanding() -> None:
    """An answer that comes after the next probe has left counts no more, and none counts twice."""
    prober, evs, _ = prober_of(probes_to_good=1)
    evs.move(3, Cause.LOSS, 0)
    first, _, [late] = next_probes(prober)
    at, _, [number] = next_probes(prober)
    assert first == prober.on_answer(late, Mark.NONE, at)
    assert State.ASSUMED_BAD == evs.state[3]
    assert prober.on_answer(late, Mark.NONE, at) is None
    prober.on_answer(number, Mark.NONE, at)
    assert State.GOOD == evs.state[3]


def test_answered_with_skip_once() -> None:
    """An EV whose probe met congestion comes back as SKIP (section 9 no. 17)."""
    prober, evs, _ = prober_of(probes_to_good=1)
    evs.move(3, Cause.LOSS, 0)
    at, _, [number] = next_probes(prober)
    prober.on_answer(number, Mark.SKIP_ONCE, at)
    assert State.SKIP == evs.state[3]


def test_an_ev_that_fails_again_at_once_needs_three_again() -> None:
    """Good for less than one look of the prober, then bad: the old answers are forgotten."""
    prober, evs, _ = prober_of()
    evs.move(3, Cause.LOSS, 0)
    for _ in range(3):
        at, _, [number] = next_probes(prober)
        prober.on_answer(number, Mark.NONE, at + 1)
    assert evs.move(3, Cause.LOSS, at + 2)
    for _ in range(2):
        at, _, [number] = next_probes(prober)
        prober.on_answer(number, Mark.NONE, at + 1)
        assert State.ASSUMED_BAD == evs.state[3]


def test_a_new_failure_is_probed_at_the_full_pace() -> None:
    """The back-off of an earlier failure, ended by the controller, is not held against an EV."""
    prober, evs, _ = prober_of()
    evs.move(3, Cause.LOSS, 0)
    for _ in range(5):
        at, _, _ = next_probes(prober)
    evs.move(3, Cause.DENY, at)
    assert NEVER == (prober.due(at, 64), prober.next_timer())[1]
    evs.move(3, Cause.ALLOW, at)
    evs.move(3, Cause.LOSS, at)
    prober.due(at, 64)
    times = [next_probes(prober)[0] for _ in range(3)]
    assert [at + EVERY, at + 2 * EVERY, at + 4 * EVERY] == times


def test_unknown_answers_mean_nothing() -> None:
    """Ids that were never sent, or long ago, are ignored."""
    prober, evs, requestor = prober_of()
    evs.move(3, Cause.LOSS, 0)
    assert prober.on_answer(0, Mark.NONE, 5) is None
    assert prober.on_answer(0xFFFF, Mark.NONE, 5) is None
    assert BASE_RTT == requestor.base_rtt


def test_silence_with_data_in_flight() -> None:
    """Two base RTTs without a word while data is in flight: one probe, then one every two base RTTs."""
    prober, evs, requestor = prober_of()
    post(requestor, 3)
    requestor.take(3, ROOM, 1_000)
    for turn in (1, 2, 3):
        at, probed, _ = next_probes(prober)
        assert 1_000 + turn * 2 * BASE_RTT == at
        assert 1 == len(probed)
        assert State.GOOD == evs.state[probed[0]]


def test_silence_without_data_is_no_news() -> None:
    """What is only posted, or lost and not sent again, calls for no probe."""
    prober, _, requestor = prober_of()
    post(requestor, 3)
    assert NEVER == prober.next_timer()


def test_a_failed_qp_is_quiet() -> None:
    """A QP in ERROR probes nothing."""
    prober, evs, requestor = prober_of()
    evs.move(3, Cause.LOSS, 0)
    requestor.fail("test", 1)
    assert NEVER == prober.next_timer()
    assert [] == prober.due(1 << 50, 64)


@pytest.mark.parametrize("most", [0, 1, 3])
def test_no_more_than_the_batch_holds(most: int) -> None:
    """What does not fit into the batch is due still."""
    prober, evs, _ = prober_of(ev_min_active_share=0.0)
    for number in range(5):
        evs.move(number, Cause.LOSS, 0)
    prober.due(0, 64)
    assert most == len(prober.due(EVERY, most))
    assert 5 - most == len(prober.due(EVERY, 64))


def test_growth_is_bounded() -> None:
    """Years of unanswered probes leave a bounded memory."""
    prober, evs, _ = prober_of(probe_backoff_limit=1)
    for number in range(6):
        evs.move(number, Cause.LOSS, 0)
    prober.due(0, 64)
    for turn in range(1, 1_500):
        prober.due(turn * EVERY, 64)
    assert 4_096 >= len(prober._flying)
