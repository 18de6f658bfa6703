"""Lines that are typed at once, each into a terminal of its own, and ended there by Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

_CTRL_C = b"\x03"
_AFTER = 20  # seconds in which a line must have ended
_SIZE = 24, 80
_INTERRUPTED = 128 + signal.SIGINT, -signal.SIGINT


class Terminal:
    """A shell with a line on a terminal; what it says is read as it comes."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._screen, keyboard = os.openpty()
        termios.tcsetwinsize(keyboard, _SIZE)
        self._child = subprocess.Popen(
            ["setsid", "--ctty", *command], stdin=keyboard, stdout=keyboard, stderr=keyboard, env=environment
        )
        os.close(keyboard)
        self._said = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):  # nobody holds the terminal any more
            while some := os.read(self._screen, 1 << 16):
                self._said += some

    @property
    def said(self) -> str:
        return self._said.decode(errors="replace")

    @property
    def is_open(self) -> bool:
        return self._child.poll() is None

    def ctrl_c(self) -> None:
        if self.is_open:
            os.write(self._screen, _CTRL_C)

    def close(self) -> tuple[int, str]:
        """How it ended, and what it said."""
        try:
            code = self._child.wait(_AFTER)
        except subprocess.TimeoutExpired:
            code = 124
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)  # what it left behind in the background, too
        self._child.kill()
        self._child.wait()
        self._reader.join(_AFTER)
        os.close(self._screen)
        return code, self.said


def together(
    commands: Sequence[Sequence[str]],
    environment: Mapping[str, str],
    seconds: float,
    is_ready: Callable[[Sequence[str], str], bool],
) -> tuple[int, str]:
    """Run each on a terminal, the next as soon as the one before ended or `is_ready`, by what it has said;
    after so many seconds more Ctrl-C for all. 0 if each ended well or by that, else the code of one that
    failed; what they said.
    """
    terminals = []
    for command in commands:
        terminals.append(Terminal(command, environment))
        while terminals[-1].is_open and not is_ready(command, terminals[-1].said):
            time.sleep(0.1)
    time.sleep(seconds)
    for terminal in terminals:
        terminal.ctrl_c()
    ended = [terminal.close() for terminal in terminals]
    return max(0 if code in _INTERRUPTED else abs(code) for code, _ in ended), "\n".join(
        said for _, said in ended
    )
