"""Fuzz one parser: `python -m tests.fuzz PARSER SECONDS [MOST]`. The input at fault is written beside.

Guided by branches (atheris, libFuzzer), from files of the repository. A run ends in a fault if anything but
the promised error is raised, if an input takes more than MOST seconds (1), or the process over 500 MB.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import atheris

from tests.fuzz.targets import TARGETS, found

MEGABYTES = 500


def main(name: str, seconds: str, most: str = "1") -> None:
    target = TARGETS[name]
    with atheris.instrument_imports(include=list(target.parts)):
        target.one(next(target.seeds()))  # imports what it needs
    with tempfile.TemporaryDirectory(prefix="mrcnet-fuzz-") as folder:
        for number, seed in enumerate([*(file.read_bytes() for file in found(name)), *target.seeds()]):
            (Path(folder) / str(number)).write_bytes(seed)
        limits = [f"-max_total_time={seconds}", f"-timeout={most}", f"-rss_limit_mb={MEGABYTES}"]
        quiet = ["-verbosity=0", "-print_final_stats=1", f"-max_len={target.most}"]
        atheris.Setup(["fuzz", *limits, *quiet, f"-artifact_prefix={name}-", folder], target.one)
        atheris.Fuzz()


if __name__ == "__main__":
    os.environ["NUMBA_DISABLE_JIT"] = "1"  # per-packet loops as Python, whose branches guide
    main(*sys.argv[1:])
