"""Pacers: a port is given what it can send, no more and not too late."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.nic.pacer import NEVER, Pacer

FRAME = 1_000
RATE = 8e6  # a frame lasts 1 ms
MS = 1_000_000
TURN = MS


def give(pacer: Pacer, frames: list[int], wall: int) -> None:
    """So many full frames to each port."""
    port = np.repeat(np.arange(len(frames)), frames)
    pacer.sent(port, np.full(len(port), FRAME), wall)


def test_an_idle_port_takes_two_frames_and_a_turn() -> None:
    """What a port may hold is one frame on the wire, one behind it, and what it sends until the next turn."""
    pacer = Pacer([RATE, 2 * RATE], FRAME, TURN)
    assert [3, 4] == pacer.room(5 * MS).tolist()


def test_room_comes_back_as_the_port_sends() -> None:
    """A full port has room for the next frame when its first one is through; a wait for it ends then."""
    pacer = Pacer([RATE], FRAME, TURN)
    give(pacer, [3], 0)
    assert [0] == pacer.room(0).tolist()
    pacer.wait(pacer.room(0))
    assert MS <= pacer.next_room() <= MS + 1
    assert [1] == pacer.room(pacer.next_room()).tolist()
    assert [3] == pacer.room(10 * MS).tolist()


def test_nobody_waits() -> None:
    """Without data that waits for room, no instant is due and no time counts as dry."""
    pacer = Pacer([RATE], FRAME, TURN)
    give(pacer, [3], 0)
    pacer.wait(pacer.room(0))
    pacer.rest()
    assert NEVER == pacer.next_room()
    give(pacer, [1], 100 * MS)
    assert [0.0] == pacer.dry_ns.tolist()


def test_a_late_turn_lets_a_port_run_dry() -> None:
    """Time in which data waited and the port had nothing to send is counted, at that port only."""
    pacer = Pacer([RATE, RATE], FRAME, TURN)
    give(pacer, [3, 1], 0)
    pacer.wait(np.array([0, 2]))
    give(pacer, [1, 1], 7 * MS)
    assert [4.0 * MS, 0.0] == pacer.dry_ns.tolist()


@given(st.lists(st.integers(0, 3 * MS), min_size=50, max_size=50))
def test_no_port_is_overrun(pauses: list[int]) -> None:
    """Whatever the turns, what was given in any time is at most what the rate sends in it, and the queue."""
    pacer = Pacer([RATE], FRAME, TURN)
    wall = given_ = 0
    for pause in pauses:
        wall += pause
        room = int(pacer.room(wall)[0])
        give(pacer, [room], wall)
        given_ += room
        assert given_ <= wall / MS + 3
