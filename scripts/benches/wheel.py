"""What a user of the wheel gets: built, installed where there is nothing, not even a compiler, and run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benches.figure import ROOT, Figure, figure, timed

COMPILERS = ("cc", "gcc", "g++", "c++", "cpp", "clang", "c89", "c99", "tcc", "ld", "as")
SECONDS = 300


def wheel() -> Iterator[Figure]:
    """wheel: seconds of the demo, from a wheel in an empty environment, outside the checkout and with no
    compiler on the path; every command of it must succeed. Noted: the wheel's bytes, seconds to install it.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", name, str(_sources(folder)))
        (built,) = folder.glob("mrcnet-*.whl")
        _run(sys.executable, "-m", "venv", str(folder / "empty"))
        programs = folder / "empty" / "bin"
        path = f"{programs}:{_without_compilers(folder)}"
        if there := [one for one in COMPILERS if shutil.which(one, path=path)]:
            raise SystemExit(f"wheel: {there} are on the path")
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()

        def run(*words: str) -> None:
            _run(*words, cwd=elsewhere, path=path)

        install = timed(lambda: run(str(programs / "pip"), "install", "-q", str(built)))
        run(str(programs / "mrcnet"), "traffic", "--on", "sim", "--topo", "2p-2t0-2t1", "--size", "256KiB")
        seconds = timed(lambda: run("bash", str(ROOT / "scripts" / "demo"), "--installed"))
        note = {"wheel_bytes": built.stat().st_size, "install_seconds": round(install, 1)}
        yield figure("wheel", [seconds], "s", SECONDS, at_most=True, digits=1, **note)


def _sources(folder: Path) -> Path:
    """A copy of what the package is made of: nothing that an earlier build left goes into the wheel."""
    copy = folder / "sources"
    ours = shutil.ignore_patterns(
        ".*", "build", "dist", "*.egg-info", "__pycache__", "tests", "docs", "result*.json"
    )
    return Path(shutil.copytree(ROOT, copy, symlinks=True, ignore=ours))


def _without_compilers(folder: Path) -> Path:
    """A folder of links to this machine's programs, but for its compilers."""
    links = folder / "programs"
    links.mkdir()
    for place in ("/usr/sbin", "/usr/bin", "/sbin", "/bin"):
        for program in Path(place).iterdir() if Path(place).is_dir() else ():
            plain = program.name.rpartition("gnu-")[2]  # as in x86_64-linux-gnu-gcc-12
            if {plain, plain.rstrip("0123456789.-")}.isdisjoint(COMPILERS) and not (
                links / program.name
            ).is_symlink():
                (links / program.name).symlink_to(program)
    return links


def _run(*words: str, cwd: Path | None = None, path: str | None = None) -> None:
    """Run a program to its end; SystemExit with what it said if it fails."""
    away = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        words,
        cwd=cwd,
        env=away | ({"PATH": path} if path else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(
            f"wheel: {' '.join(words)} exited with {done.returncode}\n{done.stdout}{done.stderr}"
        )
