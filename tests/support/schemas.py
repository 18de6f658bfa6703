"""Published schemas that others' files are held against; they lie beside the repository, if at all."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT.parent / "shared" / "schemas"


def schema(name: str) -> Path:
    """The file of that name; the test is skipped where there is none."""
    path = SCHEMAS / name
    if not path.exists():
        import pytest  # here: stand-ins, which no test runs, ask for SCHEMAS alone

        pytest.skip(f"no schema {name}: schemas are no part of the repository")
    return path
