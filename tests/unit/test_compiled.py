"""Where compiled loops are kept from one process to the next."""

from __future__ import annotations

import os
from pathlib import Path

import numba
import pytest

from mrcnet.compiled import keep


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The choice of this process stays what it was."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", numba.config.CACHE_DIR)


def test_beside_the_source(tmp_path: Path) -> None:
    """A package that may be written keeps its own loops; changed sources have a folder of their own."""
    source = tmp_path / "one.py"
    source.touch()
    chosen = []
    for changed in (1, 2):
        os.utime(source, ns=(changed, changed))
        assert keep(tmp_path)
        chosen.append(Path(numba.config.CACHE_DIR))
    assert {tmp_path / "__pycache__"} == {folder.parent for folder in chosen}
    assert 2 == len({folder for folder in chosen if folder.is_dir()})


def test_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package cannot be written, the user's cache takes them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert keep(Path("/nowhere/mrcnet"))
    assert tmp_path / "mrcnet" == Path(numba.config.CACHE_DIR).parent


@pytest.mark.parametrize("home", ["file", "none"])
def test_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    """A user without a cache that can be written, or without a home, still gets compiled loops."""
    before = numba.config.CACHE_DIR
    if home == "file":
        (tmp_path / "file").write_text("", encoding="utf-8")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    else:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert not keep(Path("/nowhere/mrcnet"))
    assert before == numba.config.CACHE_DIR
