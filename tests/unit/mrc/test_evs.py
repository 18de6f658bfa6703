"""EV health: the table of spec 4.3 and nothing else, the floor, and backups of the same plane."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mrcnet.mrc.events import EvChanged
from mrcnet.mrc.evs import TRANSITIONS, Cause, EvSet, State

from .parts import ev_set

TABLE = {  # spec 4.3, written out once more
    (State.GOOD, Cause.SKIP_ONCE): State.SKIP,
    (State.GOOD, Cause.TRIMMED): State.SKIP,
    (State.SKIP, Cause.TURN_MISSED): State.GOOD,
    (State.GOOD, Cause.ALWAYS_SKIP): State.ASSUMED_BAD,
    (State.SKIP, Cause.ALWAYS_SKIP): State.ASSUMED_BAD,
    (State.GOOD, Cause.TIMEOUT): State.ASSUMED_BAD,
    (State.SKIP, Cause.TIMEOUT): State.ASSUMED_BAD,
    (State.GOOD, Cause.LOSS): State.ASSUMED_BAD,
    (State.SKIP, Cause.LOSS): State.ASSUMED_BAD,
    (State.ASSUMED_BAD, Cause.PROBED): State.GOOD,
    (State.ASSUMED_BAD, Cause.PROBED_SKIP): State.SKIP,
    (State.GOOD, Cause.DENY): State.DENIED,
    (State.SKIP, Cause.DENY): State.DENIED,
    (State.ASSUMED_BAD, Cause.DENY): State.DENIED,
    (State.DENIED, Cause.ALLOW): State.GOOD,
}
WAY_TO = {
    State.GOOD: [],
    State.SKIP: [Cause.SKIP_ONCE],
    State.ASSUMED_BAD: [Cause.LOSS],
    State.DENIED: [Cause.DENY],
}


def bring(evs: EvSet, number: int, state: State) -> None:
    for cause in WAY_TO[state]:
        assert evs.move(number, cause, 1)
    assert state == evs.state[number]


@pytest.mark.parametrize(("state", "cause"), list(itertools.product(State, Cause)))
def test_every_state_and_cause(state: State, cause: Cause) -> None:
    """A cause moves an EV as the table says, with one event; one that the table lacks changes nothing."""
    evs, log = ev_set()
    bring(evs, 3, state)
    log.clear()
    before = (evs.state.tolist(), evs.active.tolist(), evs.version)
    moved = evs.move(3, cause, 77)
    new = TABLE.get((state, cause))
    assert (new is not None) == moved
    if new is None:
        assert before == (evs.state.tolist(), evs.active.tolist(), evs.version)
        assert [] == log
        return
    assert new == evs.state[3]
    assert [EvChanged(77, 1, int(evs.value[3]), 0, state.name, new.name, cause)] == log
    assert before[2] < evs.version


def test_the_table_has_no_further_rows() -> None:
    """The package's table is the one above."""
    assert TABLE == TRANSITIONS


def test_the_floor_holds() -> None:
    """No EV is assumed bad once only the floor's number of them is left, however it fails (spec 4.1)."""
    evs, _ = ev_set(planes=2, uplinks=8)
    assert 4 == evs.floor
    moved = [evs.move(number, Cause.LOSS, number) for number in range(16)]
    assert [True] * 12 + [False] * 4 == moved
    assert not evs.move(15, Cause.ALWAYS_SKIP, 99)
    assert not evs.move(15, Cause.TIMEOUT, 99)
    assert 4 == int((evs.state <= State.SKIP).sum())


def test_the_floor_opens_when_an_ev_returns() -> None:
    """With one more EV good, one more may be assumed bad."""
    evs, _ = ev_set(planes=1, uplinks=4)
    assert [True, True, True, False] == [evs.move(number, Cause.LOSS, 1) for number in range(4)]
    assert evs.move(0, Cause.PROBED, 2)
    assert evs.move(3, Cause.LOSS, 3)


def test_the_controller_is_above_the_floor() -> None:
    """What the controller denies is denied, to the last EV (spec 4.3)."""
    evs, _ = ev_set(planes=1, uplinks=4)
    assert all(evs.move(number, Cause.DENY, 1) for number in range(4))
    assert evs.last_resort() is None
    assert [] == evs.usable(0).tolist()
    assert evs.move(2, Cause.ALLOW, 2)
    assert [2] == evs.usable(0).tolist()


@pytest.mark.parametrize("cause", [Cause.LOSS, Cause.TIMEOUT, Cause.ALWAYS_SKIP, Cause.DENY])
def test_a_backup_of_the_same_plane_takes_over(cause: Cause) -> None:
    """The place of a removed EV goes to a backup of its plane; other planes keep their active set."""
    evs, _ = ev_set(planes=3, uplinks=8, backup_share=0.5)
    assert [4, 4, 4] == [len(evs.usable(plane)) for plane in range(3)]
    others = [evs.usable(plane).tolist() for plane in (0, 2)]
    victim = int(evs.usable(1)[0])
    assert evs.move(victim, cause, 1)
    assert victim not in evs.usable(1)
    assert 4 == len(evs.usable(1))
    assert {1} == set(evs.plane[evs.usable(1)].tolist())
    assert others == [evs.usable(plane).tolist() for plane in (0, 2)]


def test_a_plane_without_backups_shrinks() -> None:
    """When a plane's backups are used up, no other plane lends one (spec 4.2)."""
    evs, _ = ev_set(planes=2, uplinks=4, backup_share=0.5)
    for number in range(4):
        evs.move(number, Cause.LOSS, number)
    assert [] == evs.usable(0).tolist()
    assert 2 == len(evs.usable(1))


def test_an_ev_that_returns_fills_an_empty_place() -> None:
    """An EV that probes found good is active again if its plane lacks one, and stands by if not."""
    evs, _ = ev_set(planes=1, uplinks=4, backup_share=0.5, ev_min_active_share=0.0)
    for number in (0, 1, 2):
        evs.move(number, Cause.LOSS, 1)
    assert [3] == evs.usable(0).tolist()
    evs.move(0, Cause.PROBED, 2)
    assert [0, 3] == evs.usable(0).tolist()
    evs.move(1, Cause.PROBED, 3)
    assert [0, 3] == evs.usable(0).tolist()


def test_an_ev_that_returns_to_skip_fills_an_empty_place_too() -> None:
    """A probe answered SKIP_ONCE gives a usable EV (section 9 no. 17), not one that waits for ever."""
    evs, _ = ev_set(planes=1, uplinks=4, ev_min_active_share=0.0)
    evs.move(0, Cause.LOSS, 1)
    assert evs.move(0, Cause.PROBED_SKIP, 2)
    assert 0 in evs.usable(0)


def test_last_resort_failed_longest_ago_and_is_never_denied() -> None:
    """With nothing good left the least recently failed EV carries on (spec 4.2)."""
    evs, _ = ev_set(planes=1, uplinks=4, ev_min_active_share=0.0)
    for number, at in ((1, 10), (0, 20), (2, 30)):
        evs.move(number, Cause.LOSS, at)
    evs.move(3, Cause.DENY, 5)
    assert 1 == evs.last_resort()
    evs.move(1, Cause.DENY, 40)
    assert 0 == evs.last_resort()


@pytest.mark.parametrize(("share", "active"), [(0.0, 8), (0.5, 4), (0.25, 6), (0.9, 1), (1.0, 1)])
def test_active_share(share: float, active: int) -> None:
    """Every plane has the same number of active EVs, never none (spec 4.2)."""
    evs, _ = ev_set(planes=3, uplinks=8, backup_share=share)
    assert [active] * 3 == [len(evs.usable(plane)) for plane in range(3)]


def test_active_sets_are_random() -> None:
    """Different senders choose different subsets (spec 4.2)."""
    chosen = {tuple(np.flatnonzero(ev_set(uplinks=8, backup_share=0.5, seed=s)[0].active)) for s in range(8)}
    assert len(chosen) > 4
