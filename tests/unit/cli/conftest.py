"""A way to run command lines in process, away from the repository's own directory and variables."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mrcnet.cli.main import cli


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The JSON object on stdout; fails if anything else is there."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("plan", "x.yaml", stdin=...)` in an empty working directory without MRCNET_ variables."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MRCNET_")]:
        monkeypatch.delenv(name)

    def run_(*line: str, stdin: str = "", **variables: str) -> Ran:
        result = CliRunner().invoke(cli, line, input=stdin, env=variables, prog_name="mrcnet")
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run_
