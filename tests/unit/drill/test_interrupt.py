"""Ctrl-C: heard though somebody swallowed it, and kept waiting where something must be finished."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from mrcnet.drill.interrupt import interruptible, undisturbed

Check = Callable[[], None]


def press(*_: Any) -> None:
    signal.raise_signal(signal.SIGINT)


def swallow() -> None:
    with suppress(KeyboardInterrupt):
        press()


def within(do: Callable[[Check], object]) -> None:
    with interruptible() as check:
        do(check)


def test_it_ends_the_block() -> None:
    """Ctrl-C ends the block at once, as ever, and its usual meaning is back afterwards."""
    before = signal.getsignal(signal.SIGINT)
    reached: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        within(lambda _: (press(), reached.append("behind it")))
    assert [] == reached
    assert before == signal.getsignal(signal.SIGINT)


def test_what_it_was_turned_into() -> None:
    """An error that somebody made of Ctrl-C is Ctrl-C; one that came without it stays what it is."""

    def turned(_: Check) -> None:
        swallow()
        raise RuntimeError("a callback failed")

    def defect(_: Check) -> None:
        raise RuntimeError("a defect")

    with pytest.raises(KeyboardInterrupt):
        within(turned)
    with pytest.raises(RuntimeError, match="a defect"):
        within(defect)


def test_what_was_swallowed() -> None:
    """Ctrl-C that somebody swallowed is raised when it is asked for, and at the end of the block at last."""
    reached: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        within(lambda check: (swallow(), check(), reached.append("behind the question")))
    with pytest.raises(KeyboardInterrupt):
        within(lambda _: (swallow(), reached.append("the end")))
    assert ["the end"] == reached


def test_it_waits() -> None:
    """A block that must not be disturbed comes to its end, and then Ctrl-C is heard."""
    reached: list[str] = []

    def put_back() -> None:
        with undisturbed():
            press()
            press()
            reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        put_back()
    assert ["the end"] == reached


def test_an_error_in_what_must_not_be_disturbed() -> None:
    """An error ends such a block as any other, and signals mean again what they did."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    with pytest.raises(ValueError, match="x"), undisturbed():
        raise ValueError("x")
    assert before == [signal.getsignal(number) for number in numbers]
