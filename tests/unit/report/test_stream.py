"""A file that is written as things happen: whole whenever its writing ends."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mrcnet.errors import EnvironmentFault
from mrcnet.report.stream import Stream


def test_a_full_disk_leaves_whole_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there is no more room, the piece that does not fit is taken off again, and the error says so."""
    file = tmp_path / "out"
    stream = Stream(file)
    stream.add(b"whole")
    write = os.write

    def full(number: int, data: memoryview) -> int:
        if len(data) > 3:
            return write(number, data[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(EnvironmentFault, match="make room on the disk"):
        stream.add(b"broken")
    monkeypatch.undo()
    stream.close()
    assert b"whole" == file.read_bytes()


def test_a_reader_that_leaves(tmp_path: Path) -> None:
    """Who reads may leave: then the stream is no longer open, and that is no error."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    stream = Stream(pipe)
    stream.add(b"heard")
    os.close(reader)
    stream.add(b"not heard")
    assert not stream.open
    stream.close()
