"""Parsers hold their promise on what nobody should write: for seconds here, for longer by `scripts/fuzz`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import ROOT, TARGETS, found
from tests.support.effort import EFFORT

SECONDS = 10 * EFFORT
HANG = "20"  # seconds: other tests run beside; `scripts/fuzz` is stricter
FOUND = [(name, file) for name in TARGETS for file in found(name)]


@pytest.mark.parametrize(("name", "file"), FOUND, ids=lambda value: getattr(value, "name", value))
def test_what_was_found_stays_mended(name: str, file: Path) -> None:
    """An input that once was too much is refused as promised."""
    TARGETS[name].one(file.read_bytes())


@pytest.mark.timeout(60 + 2 * SECONDS)
@pytest.mark.parametrize("name", TARGETS)
def test_fuzz(name: str, tmp_path: Path) -> None:
    """No input makes a parser raise what it does not promise, hang, or take 500 MB."""
    pytest.importorskip("atheris", reason="there is no atheris for this Python")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", name, str(SECONDS), HANG],
        cwd=tmp_path,
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert 0 == done.returncode, done.stderr[-3_000:]
