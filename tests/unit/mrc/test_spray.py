"""Which EVs a batch rides: planes in rotation, the EVs of a plane equally, at any batch sizes (spec 4.2)."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.evs import Cause, EvSet, State
from mrcnet.mrc.spray import Spray

from .parts import ROOM, ev_set, settings_of


def spray_of(planes: int, uplinks: int, seed: int = 1, **knobs: object) -> tuple[Spray, EvSet]:
    evs, _ = ev_set(planes, uplinks, seed, **knobs)
    return Spray(evs, settings_of(**knobs), np.random.default_rng(seed)), evs


def total(spray: Spray, sizes: list[int], room: np.ndarray = ROOM) -> list[int]:
    return [number for size in sizes for number in spray.draw(size, room, 0).tolist()]


batches = st.lists(st.integers(0, 80), min_size=1, max_size=30)


@given(st.integers(1, 8), st.integers(1, 5), batches)
def test_planes_take_turns(planes: int, uplinks: int, sizes: list[int]) -> None:
    """Consecutive packets ride consecutive planes, across batches too."""
    spray, evs = spray_of(planes, uplinks)
    drawn = total(spray, sizes)
    assert sum(sizes) == len(drawn)
    assert [turn % planes for turn in range(len(drawn))] == evs.plane[drawn].tolist()


@given(st.integers(1, 4), st.integers(1, 9), batches)
def test_evs_of_a_plane_are_equal_over_a_pass(planes: int, uplinks: int, sizes: list[int]) -> None:
    """However the batches are cut, each whole pass over a plane takes every EV of it once."""
    spray, evs = spray_of(planes, uplinks)
    drawn = np.array(total(spray, sizes), np.int64)
    for plane in range(planes):
        mine = drawn[evs.plane[drawn] == plane]
        for start in range(0, len(mine) - uplinks + 1, uplinks):
            assert sorted(mine[start : start + uplinks].tolist()) == evs.of_plane[plane].tolist()


def test_the_order_changes_between_passes() -> None:
    """Passes are shuffled anew, so that senders do not fall into step."""
    spray, _ = spray_of(1, 8)
    drawn = total(spray, [8] * 40)
    assert len({tuple(drawn[start : start + 8]) for start in range(0, 320, 8)}) > 30


@given(st.lists(st.lists(st.integers(0, 20), min_size=3, max_size=3), min_size=1, max_size=20))
def test_room_is_respected(rooms: list[list[int]]) -> None:
    """No port gets more frames than it has room for, and room that fits the demand is used."""
    spray, evs = spray_of(3, 4)
    for room in rooms:
        drawn = spray.draw(12, np.array(room), 0)
        per_port = np.bincount(evs.port[drawn], minlength=3)
        assert (per_port <= room).all()
        share = 12 // max(1, sum(frames > 0 for frames in room))
        assert len(drawn) >= sum(min(frames, share) for frames in room)


@pytest.mark.parametrize("room", [[0, 0], [-1, -1], [-3, 0]])
@pytest.mark.parametrize("good", [True, False])
def test_no_room_draws_nothing(room: list[int], good: bool) -> None:
    """Ports that are full, or overdrawn by control packets, take no packet, whatever the EVs' states."""
    spray, evs = spray_of(2, 2, ev_min_active_share=0.0)
    if not good:
        for number in range(4):
            evs.move(number, Cause.LOSS, number)
    assert [] == spray.draw(10, np.array(room), 0).tolist()


def test_a_skip_misses_one_turn() -> None:
    """An EV marked SKIP is passed over once and is then GOOD again (section 9 no. 15)."""
    spray, evs = spray_of(1, 4)
    total(spray, [5])
    evs.move(2, Cause.SKIP_ONCE, 0)
    evs.move(2, Cause.SKIP_ONCE, 0)  # repeated feedback does not add up
    drawn = total(spray, [1] * 11)
    assert [0, 1, 3] == sorted(drawn[:3])
    assert [0, 1, 2, 3] == sorted(drawn[3:7]) == sorted(drawn[7:11])
    assert State.GOOD == evs.state[2]


def test_a_plane_of_skips_carries_on() -> None:
    """Where every EV of a plane is marked, the marks are ignored (spec 4.2)."""
    spray, evs = spray_of(1, 3)
    for number in range(3):
        evs.move(number, Cause.SKIP_ONCE, 0)
    assert [0, 1, 2] == sorted(total(spray, [3]))
    assert [State.GOOD] * 3 == evs.state.tolist()


def test_a_plane_without_good_evs_is_left_out() -> None:
    """The other planes share what a dead plane would have carried, equally."""
    spray, evs = spray_of(3, 2)
    for number in evs.of_plane[1].tolist():
        evs.move(number, Cause.LOSS, 0)
    assert {0: 50, 2: 50} == Counter(evs.plane[total(spray, [7] * 14 + [2])].tolist())


def test_nothing_good_left() -> None:
    """With every EV assumed bad, the least recently failed one carries on (spec 4.2)."""
    spray, evs = spray_of(2, 2, ev_min_active_share=0.0)
    for at, number in enumerate((2, 0, 3)):
        evs.move(number, Cause.LOSS, at + 1)
    assert [1] * 4 == total(spray, [4])
    evs.floor = 0
    evs.move(1, Cause.LOSS, 9)
    assert [2] * 4 == total(spray, [4])


def test_nothing_but_denied() -> None:
    """What the controller denied is never used (spec 4.2)."""
    spray, evs = spray_of(2, 2)
    for number in range(4):
        evs.move(number, Cause.DENY, 1)
    assert [] == total(spray, [4])
    evs.move(3, Cause.ALLOW, 2)
    assert [3] * 4 == total(spray, [4])


def test_only_active_evs_carry_data() -> None:
    """Backups stand by until they are promoted."""
    spray, evs = spray_of(2, 8, backup_share=0.5)
    assert set(np.flatnonzero(evs.active).tolist()) == set(total(spray, [64]))
    victim = int(np.flatnonzero(evs.active)[0])
    evs.move(victim, Cause.LOSS, 1)
    assert set(np.flatnonzero(evs.active).tolist()) == set(total(spray, [64]))


@given(st.lists(st.tuples(st.integers(0, 15), st.sampled_from(list(Cause)), st.integers(0, 40)), max_size=40))
def test_any_history_of_states(steps: list[tuple[int, Cause, int]]) -> None:
    """Whatever happens to EVs between batches, draws are full and never ride a denied or, while others
    serve, an assumed bad EV.
    """
    spray, evs = spray_of(2, 8, backup_share=0.5)
    for at, (number, cause, count) in enumerate(steps):
        evs.move(number, cause, at)
        drawn = spray.draw(count, ROOM, at)
        if not (evs.state != State.DENIED).any():
            assert [] == drawn.tolist()
            continue
        assert count == len(drawn)
        assert not (evs.state[drawn] == State.DENIED).any()
        if any(len(evs.usable(plane)) for plane in evs.planes):
            assert not (evs.state[drawn] == State.ASSUMED_BAD).any()
