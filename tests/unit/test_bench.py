"""The list of figures."""

from __future__ import annotations

import subprocess
import sys

from tests.unit.plan.fabrics import ROOT


def test_it_finds_all_that_it_measures_by() -> None:
    """`scripts/bench --list` loads every figure, wherever it is called, with nothing on the path."""
    line = [sys.executable, str(ROOT / "scripts" / "bench"), "--list"]
    said = subprocess.run(line, cwd="/", env={}, capture_output=True, text=True, check=False)
    assert (0, "") == (said.returncode, said.stderr)
    assert {"up-seconds", "sim-agrees", "docs-run"} <= set(said.stdout.split())
