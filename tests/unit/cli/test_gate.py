"""The example of a gate in CI does what it says, as far as a shell can do it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.plan.fabrics import ROOT

JOB = yaml.safe_load((ROOT / "docs" / "ci-gate.yml").read_text(encoding="utf-8"))["jobs"]["silent-cut"]
SCRIPTS = [step["run"] for step in JOB["steps"] if "mrcnet" in step.get("run", "")]
RUNS = [line for script in SCRIPTS for line in script.splitlines()]


@pytest.mark.skipif(shutil.which("mrcnet") is None, reason="mrcnet is not installed")
def test_the_gate_opens_and_shuts(tmp_path: Path) -> None:
    """The job's own lines pass on a drill that passes, and fail on one that does not or that got worse."""
    text = (ROOT / "labs" / "silent-cut" / "drill.yaml").read_text(encoding="utf-8")
    short = text.replace("7s", "700ms").replace("at: 2s", "at: 200ms").replace("at: 5s", "at: 500ms")
    short = short.replace("../../topologies/", "")
    assert 2 == len(RUNS)
    drill, compare = RUNS
    lab = tmp_path / "silent-cut"
    lab.mkdir()
    file = lab / "drill.yaml"
    file.write_text(short, encoding="utf-8")
    assert [0, 0] == [shell(line, tmp_path) for line in (drill, compare)]
    assert all((tmp_path / name).exists() for name in ("result.json", "junit.xml", "report.html"))
    (tmp_path / "result.json").rename(tmp_path / "baseline.json")
    file.write_text(short + "  - {measure: evs_hit, at_least: 99}\n", encoding="utf-8")
    assert [1, 1] == [shell(line, tmp_path) for line in (drill, compare)]


def shell(line: str, folder: Path) -> int:
    """The exit code of a line of the job, as the runner gives it to bash."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", line],
        cwd=folder,
        env=variables,
        capture_output=True,
        check=False,
    ).returncode
