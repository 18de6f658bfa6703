"""A file that is written as things happen, and is whole whenever its writing ends."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from mrcnet.errors import EnvironmentFault
from mrcnet.report.files import DISK_FULL


class Stream:
    """Whole pieces into a file, or into what reads from stdout. `open` is False once that reader has left."""

    def __init__(self, path: Path | None) -> None:
        """`path`: made anew; None: stdout. EnvironmentFault if it cannot be written."""
        self._name = "stdout" if path is None else str(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            self._file = os.dup(1) if path is None else os.open(path, flags, 0o644)
        except OSError as error:
            raise self._refused(error) from None
        self._end = 0  # of the last whole piece
        self.open = True

    def add(self, piece: bytes) -> None:
        """Write a piece. EnvironmentFault if there is no room for it: the file ends with the one before."""
        left = memoryview(piece)
        try:
            while left and self.open:
                left = left[os.write(self._file, left) :]
        except BrokenPipeError:
            self.open = False
        except OSError as error:
            with suppress(OSError):
                if stat.S_ISREG(os.fstat(self._file).st_mode):
                    os.ftruncate(self._file, self._end)
            raise self._refused(error) from None
        self._end += len(piece)

    def _refused(self, error: OSError) -> EnvironmentFault:
        remedy = "make room on the disk" if error.errno in DISK_FULL else "name another file"
        return EnvironmentFault(f"cannot write {self._name}: {error.strerror}", remedy=remedy)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)
