"""The heap clock wakes sleepers in order, once, at the alarm that was set last."""

from __future__ import annotations

from mrcnet.sim.clock import NEVER, Clock


def ring_at(clock: Clock, at: int) -> list[int]:
    clock.now = at
    return clock.ring()


def test_order_of_instants_then_of_setting() -> None:
    """Earlier alarms ring first; of equal ones, the one that was set first."""
    clock = Clock(4)
    for sleeper, at in ((3, 20), (1, 10), (0, 20), (2, 10)):
        clock.set(sleeper, at)
    assert [1, 2, 3, 0] == ring_at(clock, 20)


def test_the_last_alarm_counts() -> None:
    """An alarm that is set again rings at the new instant only, be it earlier or later."""
    clock = Clock(2)
    clock.set(0, 10)
    clock.set(0, 30)
    clock.set(1, 50)
    clock.set(1, 20)
    assert 20 == clock.next()
    assert [1] == ring_at(clock, 20)
    assert [0] == ring_at(clock, 60)
    assert [] == ring_at(clock, 70)


def test_never() -> None:
    """A sleeper whose alarm is taken back is left asleep."""
    clock = Clock(1)
    clock.set(0, 10)
    clock.set(0, NEVER)
    assert NEVER == clock.next()
    assert [] == ring_at(clock, 100)


def test_an_alarm_rings_once() -> None:
    """An alarm that rang is off, and can be set to the same instant again."""
    clock = Clock(1)
    clock.set(0, 10)
    assert [0] == ring_at(clock, 10)
    assert NEVER == clock.next()
    clock.set(0, 10)
    assert [0] == clock.ring()
