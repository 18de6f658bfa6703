"""How a command line ends: the exit code, one message on stderr, never a traceback."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from mrcnet.cli import schema
from mrcnet.errors import CheckFailed, EnvironmentFault, InputError, PartialError

from .conftest import Run

PROGRAM = [sys.executable, "-m", "mrcnet.cli.main"]


def raising(error: BaseException) -> Callable[[], Any]:
    def function() -> NoReturn:
        raise error

    return function


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (CheckFailed("no"), 1, "mrcnet: no\n"),
        (InputError("bad", remedy="good"), 2, "mrcnet: bad\n  remedy: good\n"),
        (EnvironmentFault("no seg6"), 3, "mrcnet: no seg6\n"),
        (PartialError("stuck"), 4, "mrcnet: stuck\n"),
        (OSError(errno.ENOSPC, "No space left on device", "x"), 3, "make room on the disk"),
        (PermissionError(errno.EPERM, "Operation not permitted"), 3, "run mrcnet as root"),
        (OSError(errno.EMFILE, "Too many open files"), 3, "ulimit -n"),
        (ZeroDivisionError("oops"), 1, "unexpected ZeroDivisionError: oops\n  this is a defect of mrcnet"),
        (KeyboardInterrupt(), 130, "mrcnet: interrupted\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_an_error_ends_in_its_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, words: str
) -> None:
    """Each kind of error has its exit code and its message; stdout stays empty and no traceback is shown."""
    monkeypatch.setitem(schema.SCHEMAS, "topology", raising(error))
    ran = run("schema", "--json")
    assert (code, "") == (ran.code, ran.out)
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_debug_shows_the_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """MRCNET_DEBUG=1 adds the traceback that a report needs."""
    monkeypatch.setitem(schema.SCHEMAS, "topology", raising(ZeroDivisionError("oops")))
    ran = run("schema", MRCNET_DEBUG="1")
    assert 1 == ran.code
    assert "Traceback" in ran.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["bogus"], "No such command 'bogus'"),
        (["plan", "--bogus"], "No such option"),
        (["schema", "topology", "drill"], "unexpected extra argument"),
        (["schema", "cable"], "is not one of 'topology', 'drill'"),
        (["fault", "lab", "bend", "a:b"], "actions are cut, heal, loss"),
        (["fault", "cut"], "write [LAB] ACTION A:B"),
        (["fault", "lab", "heal", "a:b", "--silent"], "--silent goes with cut, not with heal"),
        (["fault", "lab", "loss", "a:b"], "loss needs --share"),
        (["fault", "lab", "loss", "a:b", "--share", "much"], "write it like 1%"),
        (["fault", "lab", "loss", "a:b", "--share", "0%"], "more than 0"),
        (["fault", "lab", "degrade", "a:b", "--share", "1%", "--rate", "1Gbps"], "--share goes with loss"),
        (["fault", "lab", "flap", "a:b", "--count", "2"], "flap needs --period"),
        (["fault", "lab", "blackhole", "a:b", "--for", "0s"], "more than 0"),
        (["exec", "lab", "h0", "ls"], "write [LAB] NODE -- PROGRAM"),
        (["exec", "lab", "h0", "--"], "write [LAB] NODE -- PROGRAM"),
        (["exec", "--", "ls"], "write [LAB] NODE -- PROGRAM"),
        (["down", "lab", "--all"], "not both"),
    ],
)
def test_wrong_usage(run: Run, line: list[str], words: str) -> None:
    """A command line that makes no sense exits with 2 before it touches anything."""
    ran = run(*line)
    assert (2, "") == (ran.code, ran.out)
    assert words in ran.err


def test_a_full_disk_under_stdout() -> None:
    """When stdout takes no more the exit code is 3, with the reason, though the command itself worked."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [*PROGRAM, "schema", "--json"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (
        "mrcnet: cannot write the output: No space left on device\n  remedy: make room on the disk\n"
        == done.stderr
    )
    assert 3 == done.returncode


def test_a_reader_that_has_read_enough() -> None:
    """`mrcnet ... | head -1` ends quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*PROGRAM, "schema"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert ("", 0) == (done.stderr, done.returncode)
