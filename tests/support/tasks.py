"""Tasks for crews, whose workers import them by name."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from mrcnet.errors import InputError


@dataclass(frozen=True, slots=True)
class Square:
    """Gives `number` squared, but for the first `kills` or `fails` tries, which are counted in `marks`."""

    number: int
    marks: Path | None = None
    kills: int = 0
    fails: int = 0

    def __call__(self) -> int:
        if self.marks is not None:
            tried = len(list(self.marks.iterdir()))
            (self.marks / str(time.monotonic_ns())).touch()
            if tried < self.kills:
                os.kill(os.getpid(), signal.SIGKILL)
            if tried < self.fails:
                raise OSError("no room")
        return self.number**2


@dataclass(frozen=True, slots=True)
class Wrong:
    """A run that its input makes impossible."""

    def __call__(self) -> int:
        raise InputError("there is no link x", remedy="name another")
