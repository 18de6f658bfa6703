"""Fuzz one parser: `python -m tests.fuzz PARSER SECONDS [MOST]`. The input at fault is written beside.

Guided by branches (atheris, libFuzzer), from files of the repository. A run ends in a fault if anything but
the promised error is raised, if an input takes more than MOST seconds (1), or the process over 500 MB.
Each SLICE has a process of its own that goes on with what the last one found, for atheris itself does not
let go of arrays that instrumented code has compared.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import atheris

from tests.fuzz.targets import TARGETS, found

MEGABYTES = 500
SLICE = 300  # seconds


def main(name: str, seconds: str, most: str = "1") -> int:
    """The exit code of the first slice that ends in a fault; 0 if none does."""
    left = int(seconds)
    with tempfile.TemporaryDirectory(prefix="mrcnet-fuzz-") as folder:
        seeds = [*(file.read_bytes() for file in found(name)), *TARGETS[name].seeds()]
        for number, seed in enumerate(seeds):
            (Path(folder) / str(number)).write_bytes(seed)
        while left > 0:
            words = [sys.executable, "-m", "tests.fuzz", name, str(min(left, SLICE)), most, folder]
            if code := subprocess.run(words, check=False).returncode:
                return code
            left -= SLICE
    return 0


def fuzz(name: str, seconds: str, most: str, folder: str) -> None:
    """One slice, in this process, which it ends."""
    target = TARGETS[name]
    with atheris.instrument_imports(include=list(target.parts)):
        target.one(next(target.seeds()))  # imports what it needs
    limits = [f"-max_total_time={seconds}", f"-timeout={most}", f"-rss_limit_mb={MEGABYTES}"]
    quiet = ["-verbosity=0", "-print_final_stats=1", f"-max_len={target.most}"]
    atheris.Setup(["fuzz", *limits, *quiet, f"-artifact_prefix={name}-", folder], target.one)
    atheris.Fuzz()


if __name__ == "__main__":
    os.environ["NUMBA_DISABLE_JIT"] = "1"  # per-packet loops as Python, whose branches guide
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) < 5 else fuzz(*sys.argv[1:]))
