"""The command line in a process of its own that is forked from this one: it need not load the program again.

Loading it takes a second of a core, the commands of these tests often less.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import NoReturn

from mrcnet.cli import drill, fault, main, traffic
from mrcnet.workload.transport import warm
from tests.unit.drill.recordings import JOB
from tests.unit.plan.fabrics import ROOT

assert drill, fault
assert traffic
_LOOK_EVERY_S = 0.005


class Forked:
    """A command under way, with what `Popen` has of it."""

    def __init__(self, words: Sequence[str]) -> None:
        warm(JOB)
        self._out, self._err = (tempfile.TemporaryFile("w+") for _ in range(2))  # noqa: SIM115
        sys.stdout.flush()
        sys.stderr.flush()
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            _run(words, self._out.fileno(), self._err.fileno())

    def poll(self) -> int | None:
        """The exit code, or minus the signal that ended it; None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """The exit code. TimeoutError if it does not end; it is killed then."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"no end within {timeout:g} s")
            time.sleep(_LOOK_EVERY_S)
        return code

    def communicate(self, timeout: float) -> tuple[str, str]:
        """All that it printed to stdout and to stderr, once it has ended."""
        self.wait(timeout)
        for file in (self._out, self._err):
            file.seek(0)
        return self._out.read(), self._err.read()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Forked:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.kill()
        self.wait(30)
        self._out.close()
        self._err.close()


def _run(words: Sequence[str], out: int, err: int) -> NoReturn:
    """The child: what the program `mrcnet` does."""
    code = 1
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
        sys.argv = ["mrcnet", *words]
        os.chdir(ROOT)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            main.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
