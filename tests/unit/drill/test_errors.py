"""Goldens of refused drill files: drop one into `errors/` and its case exists.

`errors/NAME.yaml` must be refused before anything is built, with the text of `errors/NAME.txt` and exit code
2. After an intended change, `UPDATE_GOLDEN=1 pytest tests/unit/drill` writes them anew: read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mrcnet.api.drillfiles import read_drill
from mrcnet.api.topologies import plan_of
from mrcnet.drill.job import plan_job
from mrcnet.errors import ExitCode, InputError

CASES = sorted((Path(__file__).parent / "errors").glob("*.yaml"))


@pytest.mark.parametrize("file", CASES, ids=lambda path: path.stem)
def test_bad_drill_is_refused_with_this_message(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad drill ends in one message that names the place and the fault, before anything is built."""
    monkeypatch.chdir(file.parent)
    with pytest.raises(InputError) as refused:
        _load(Path(file.name))
    actual = f"{refused.value}\n"
    golden = file.with_suffix(".txt")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(actual, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == actual
    assert ExitCode.USAGE == refused.value.exit_code


def _load(file: Path) -> None:
    """All that `mrcnet drill` does before the lab comes up."""
    drill, source = read_drill(file)
    plan_job(drill, plan_of(source), "lab")
