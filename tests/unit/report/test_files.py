"""Result files are written whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from mrcnet.errors import EnvironmentFault
from mrcnet.report.files import probe, write


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full, the old file is still whole, nothing else is left, and the error says so."""
    file = tmp_path / "result.json"
    file.write_text("old")

    def full(self: Path, text: str, **_: str) -> None:
        self.write_bytes(text[:1].encode())
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(EnvironmentFault) as caught:
        write(file, "new")
    assert "No space left on device\n  remedy: make room on the disk" in str(caught.value)
    assert {file: b"old"} == {path: path.read_bytes() for path in tmp_path.iterdir()}


def test_a_probe_leaves_no_trace(tmp_path: Path) -> None:
    """Asking whether a file can be written neither makes it nor changes it."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("old")
    probe(old)
    probe(new)
    assert {old: "old"} == {path: path.read_text() for path in tmp_path.iterdir()}
    with pytest.raises(EnvironmentFault):
        probe(tmp_path / "no" / "folder")


def test_what_is_no_file_is_written_as_it_is() -> None:
    """A device stays a device."""
    write(Path("/dev/null"), "text")
    assert Path("/dev/null").is_char_device()
