"""The EVs that SACKs ride back (spec 4.8)."""

from __future__ import annotations

from collections import Counter

import numpy as np

from mrcnet.mrc.evs import Cause, EvSet
from mrcnet.mrc.requestor import NEVER
from mrcnet.mrc.reverse import ReverseEvs

from .parts import ROOM, ev_set, settings_of

PACE = 10_000_000


def reverse_of(planes: int = 3, uplinks: int = 4) -> tuple[ReverseEvs, EvSet]:
    evs, _ = ev_set(planes, uplinks)
    return ReverseEvs(evs, settings_of(), np.random.default_rng(5)), evs


def test_begins_with_the_first_ev_of_each_plane_in_turn() -> None:
    """Until probes say more, each plane's first EV serves, planes in rotation (section 9 no. 29)."""
    # spec 3.9: control leaves on EVs of our own
    reverse, _ = reverse_of()
    assert Counter({0: 10, 4: 10, 8: 10}) == Counter(reverse.pick(ROOM) for _ in range(30))


def test_ports_with_room_come_first() -> None:
    """A plane whose port is full is passed over while another has room."""
    reverse, _ = reverse_of()
    room = np.array([0, 5, 0])
    assert {4} == {reverse.pick(room) for _ in range(6)}


def test_an_answered_probe_makes_the_reverse_ev() -> None:
    """The EV whose probe was answered becomes its plane's reverse EV; the other planes keep theirs."""
    reverse, _ = reverse_of()
    reverse.on_answer(6)
    assert {0, 6, 8} == {reverse.pick(ROOM) for _ in range(9)}


def test_probes_only_while_data_comes() -> None:
    """Each stretch of data calls for one probe a pace; with no data there is none."""
    reverse, _ = reverse_of()
    assert NEVER == reverse.next_timer()
    reverse.on_data(1_000)
    assert 1_000 == reverse.next_timer()
    assert reverse.due(999) is None
    assert reverse.due(1_000) is not None
    assert NEVER == reverse.next_timer()
    reverse.on_data(2_000)
    reverse.on_data(3_000)
    assert 1_000 + PACE == reverse.next_timer()
    assert reverse.due(1_000 + PACE) is not None
    assert NEVER == reverse.next_timer()


def probe(reverse: ReverseEvs, now: int) -> int:
    reverse.on_data(now)
    number = reverse.due(now)
    assert number is not None
    return number


def test_three_unanswered_probes_drop_a_reverse_ev() -> None:
    """A plane whose probes go unanswered serves no more, until one is answered again."""
    reverse, evs = reverse_of(planes=2)
    probes = [0, 0]
    now = 0
    while min(probes) < 4:
        now += PACE
        number = probe(reverse, now)
        plane = int(evs.plane[number])
        probes[plane] += 1
        if plane == 1:
            reverse.on_answer(number)
        # the fourth probe finds the third unanswered
        assert (probes[0] < 4) == (0 in {int(evs.plane[reverse.pick(ROOM)]) for _ in range(4)})
    reverse.on_answer(2)
    assert 2 in {reverse.pick(ROOM) for _ in range(4)}


def test_with_no_reverse_ev_left_something_is_tried() -> None:
    """When every plane's probes went unanswered, SACKs go out at random rather than not at all."""
    reverse, evs = reverse_of(planes=1)
    for turn in range(1, 5):
        probe(reverse, turn * PACE)
    assert len({reverse.pick(ROOM) for _ in range(60)}) == len(evs.paths)


def test_an_answer_in_between_starts_the_count_anew() -> None:
    """Three unanswered probes drop a reverse EV only if they come in a row."""
    reverse, _ = reverse_of(planes=1)
    for turn in range(1, 13):
        number = probe(reverse, turn * PACE)
        if turn % 3 == 0:
            reverse.on_answer(number)
            answered = number
        if turn >= 3:
            assert {answered} == {reverse.pick(ROOM) for _ in range(20)}


# ---- denied EVs (spec 4.3) ----------------------------------------------------------------------


def probed(reverse: ReverseEvs, first: int) -> set[int]:
    """The EVs that a hundred probes in a row ride, the first of them as the so-manieth pace."""
    return {probe(reverse, turn * PACE) for turn in range(first, first + 100)}


def test_what_is_denied_carries_neither_control_nor_probes() -> None:
    """Denied before traffic or later, an EV is no reverse EV, and no EV probe rides it."""
    evs, _ = ev_set(3, 4)
    for number in (0, 1, 4, 8):  # among them the first of each plane
        evs.move(number, Cause.DENY, 0)
    reverse = ReverseEvs(evs, settings_of(), np.random.default_rng(5))
    assert {2, 5, 9} == {reverse.pick(ROOM) for _ in range(9)}
    evs.move(5, Cause.DENY, 0)
    assert {2, 9} == {reverse.pick(ROOM) for _ in range(60)}
    assert {2, 3, 6, 7, 9, 10, 11} == probed(reverse, 1)
    evs.move(5, Cause.ALLOW, 0)
    assert 5 in probed(reverse, 101)


def test_an_answer_for_an_ev_denied_meanwhile() -> None:
    """The answer to a probe that left before the EV was denied does not bring it back."""
    reverse, evs = reverse_of()
    evs.move(6, Cause.DENY, 0)
    reverse.on_answer(6)
    assert {0, 4, 8} == {reverse.pick(ROOM) for _ in range(9)}


def test_without_any_reverse_ev_what_is_denied_stays_so() -> None:
    """At random means among those that may; with none there is no control packet, and no probe."""
    reverse, evs = reverse_of(planes=1)
    for turn in range(1, 5):
        probe(reverse, turn * PACE)
    for number in (1, 3):
        evs.move(number, Cause.DENY, 0)
    assert {0, 2} == {reverse.pick(ROOM) for _ in range(60)}
    evs.move(0, Cause.DENY, 0)
    evs.set_plane(0, False, "local port", 0)
    assert reverse.pick(ROOM) is None
    reverse.on_data(9 * PACE)
    assert reverse.due(9 * PACE) is None
    assert NEVER == reverse.next_timer()
