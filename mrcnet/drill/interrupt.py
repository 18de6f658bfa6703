"""Ctrl-C where it is hard to hear, and where it must wait."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """Ctrl-C within the block ends it with KeyboardInterrupt, whatever becomes of it on its way: where loops
    are being compiled, the exception is swallowed or turned into another. The function that the block gets
    raises it if it was swallowed; at the latest, the end of the block does.
    """
    pressed = False

    def press(_number: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        raise KeyboardInterrupt

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    with _handled({signal.SIGINT: press}):
        try:
            yield check
        except Exception as error:
            if pressed:
                raise KeyboardInterrupt from error
            raise
        check()


@contextmanager
def undisturbed() -> Iterator[None]:
    """What would end the process waits until the block is over: a roll-back is not to be left half-done."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.getsignal(number) for number in _ENDING}
    with _handled(dict.fromkeys(_ENDING, note)):
        yield
    if came and callable(handler := before[signal.Signals(came[0])]):
        handler(came[0], None)


@contextmanager
def asked_to_end() -> Iterator[Callable[[], bool]]:
    """What would end the process only tells the block to come to its end, by the function that it gets.

    For what goes on and on until Ctrl-C. A second one does not wait; other signals count afterwards.
    """
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if came and callable(usual := before[signal.Signals(number)]):
            usual(number, frame)
        came.append(number)

    before = {number: signal.getsignal(number) for number in _ENDING}
    with _handled(dict.fromkeys(_ENDING, note)):
        yield lambda: bool(came)
    if came and came[0] != signal.SIGINT and callable(handler := before[signal.Signals(came[0])]):
        handler(came[0], None)


@contextmanager
def _handled(handlers: dict[signal.Signals, Callable[[int, FrameType | None], Any]]) -> Iterator[None]:
    """These handlers within the block. A signal that is ignored stays so; other threads have none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
