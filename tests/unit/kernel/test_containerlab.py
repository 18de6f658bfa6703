"""What containerlab prints is read in the forms of all releases that we render for."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from mrcnet.errors import EnvironmentFault, PartialError
from mrcnet.kernel import containerlab

ROW = {
    "lab_name": "mine",
    "labPath": "x.clab.yml",
    "name": "clab-mine-h0",
    "kind": "linux",
    "state": "running",
}
THEIRS = {**ROW, "lab_name": "theirs", "name": "clab-theirs-h0"}


def printing(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, code: int = 0) -> None:
    """A program that prints a text, whatever it is asked."""
    program = folder / "containerlab"
    program.write_text(f"#!/bin/sh\necho {shlex.quote(text)}\nexit {code}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    "document",
    [{"mine": [ROW]}, {"containers": [ROW, THEIRS]}, [ROW, THEIRS]],
    ids=["by lab", "containers", "list"],
)
def test_forms_of_inspect(document: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grouped by lab, or in one list with other labs': the lab's own containers are found."""
    printing(tmp_path, monkeypatch, json.dumps(document))
    assert {"clab-mine-h0": "running"} == containerlab.inspect("mine")


@pytest.mark.parametrize(("text", "code"), [("", 0), ("{}", 0), ("no containers found", 1)])
def test_no_lab(text: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab that containerlab does not know has no containers."""
    printing(tmp_path, monkeypatch, text, code)
    assert {} == containerlab.inspect("mine")


@pytest.mark.parametrize("text", ["INFO nothing", '{"mine": [1]}', '{"mine": [{"lab_name": "mine"}]}', "7"])
def test_other_words(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no list of containers is an error with its beginning, not a lab without any."""
    printing(tmp_path, monkeypatch, text)
    with pytest.raises(EnvironmentFault, match="cannot be read"):
        containerlab.inspect("mine")


def test_destroy_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If containers are left, destroy's failure is an error; if none are, the lab was gone already."""
    lock = os.open(os.devnull, os.O_RDONLY)
    try:
        printing(tmp_path, monkeypatch, json.dumps({"mine": [ROW]}))
        program = tmp_path / "containerlab"
        program.write_text(program.read_text().replace("exit 0", '[ "$1" = inspect ]'))
        with pytest.raises(PartialError, match="destroy` failed"):
            containerlab.destroy(tmp_path / "x.clab.yml", "mine", lock)
        printing(tmp_path, monkeypatch, "gone", 1)
        containerlab.destroy(tmp_path / "x.clab.yml", "mine", lock)
    finally:
        os.close(lock)
