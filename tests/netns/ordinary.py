"""Commands as an ordinary user: a number that nobody has, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mrcnet.kernel import hold
from tests.unit.plan.fabrics import ROOT

_FIRST = 600_000  # beyond what any system gives to a user


class User:
    """One of them; `mrcnet` and `run` have nothing of root's, not even a home."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.folder = Path(f"/tmp/mrcnet-{number}")
        self._python = _python()
        self._cache = Path(tempfile.mkdtemp(prefix="mrcnet-test-"))
        _lend_loops(self._cache / "mrcnet")
        for path in (self._cache, *self._cache.rglob("*")):
            os.chown(path, number, number)

    def begin(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        """Start a program."""
        paths = f"{ROOT}:{sysconfig.get_path('purelib')}"
        variables = {
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "PYTHONPATH": paths,
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": "/nonexistent",
            "XDG_CACHE_HOME": str(self._cache),
        }
        return subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=variables,
            cwd=ROOT,
            user=self.number,
            group=self.number,
            extra_groups=[],
            **more,
        )

    def line(self, *words: str) -> list[str]:
        """The command line of a command of mrcnet."""
        return [self._python, "-m", "mrcnet.cli.main", *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        process = self.begin(*words)
        out, err = process.communicate(timeout=100)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def mrcnet(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return self.run(*self.line(*words))

    def states(self) -> dict[str, str]:
        """{lab: state} as `status` says."""
        answer = json.loads(self.mrcnet("status", "--json").stdout)
        return {one["lab"]: one["state"] for one in answer["labs"]}

    def holders(self) -> list[int]:
        """The processes that hold this user's labs."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if os.fsencode(hold.__file__) in words and os.fsencode(self.folder) in words:
                    found.append(int(entry.name))
        return found

    def close(self) -> None:
        """Leave nothing behind."""
        if self.holders() or any(self.folder.glob("*.json")):
            self.mrcnet("down", "--all")
        shutil.rmtree(self._cache)
        for folder in self.folder.parent.glob(f"{self.folder.name}*"):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def ordinary_user(number: int = 0) -> Iterator[User]:
    """A user that no other test run is; skips where such a user can reach no Python."""
    user = User(_FIRST + 10 * (os.getpid() % 5_000_000) + number)
    try:
        yield user
    finally:
        user.close()


def _lend_loops(cache: Path) -> None:
    """Compiled loops as `mrcnet.compiled` keeps them: to make them anew takes half a minute."""
    for kept in (ROOT / "mrcnet" / "__pycache__").glob("loops-*"):
        shutil.copytree(kept, cache / kept.name)


@cache
def _python() -> str:
    """An interpreter like this one that an ordinary user may run, with our packages."""
    paths = f"{ROOT}:{sysconfig.get_path('purelib')}"
    for path in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        with suppress(OSError):
            tried = subprocess.run(
                [path, "-c", "import mrcnet.cli.main, yaml"],
                env={"PYTHONPATH": paths},
                cwd="/",
                user=_FIRST,
                group=_FIRST,
                extra_groups=[],
                capture_output=True,
                check=False,
            )
            if tried.returncode == 0:
                return path
    pytest.skip("no Python with our packages that another user may run")
