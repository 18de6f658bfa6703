"""How long a command takes before it does anything."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from benches.figure import MRCNET, Figure, figure, timed

RUNS = 20
BAR = 0.150
ENOUGH = 6  # of the modules that take longest, by what they bring along


def start_up() -> Iterator[Figure]:
    """start-up: wall seconds of `mrcnet --help`. Noted: the interpreter's, and the slowest imports, ms."""

    def seconds(*words: str) -> list[float]:
        return [timed(lambda: subprocess.run(words, capture_output=True, check=True)) for _ in range(RUNS)]

    seconds(*MRCNET, "--help")  # the files are in memory
    bare = sorted(seconds(sys.executable, "-c", "pass"))[RUNS // 2]
    yield figure(
        "start-up",
        seconds(*MRCNET, "--help"),
        "s",
        BAR,
        at_most=True,
        interpreter=round(bare, 3),
        imports=_slowest_imports(),
    )


def _slowest_imports() -> dict[str, float]:
    """{module: ms until it and what it imports were there}, of `-X importtime`; what begins with it only."""
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import mrcnet.cli.main"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    rows = [line.removeprefix("import time:").split("|") for line in told.splitlines()[1:]]
    found = {module.strip(): int(total) / 1e3 for _, total, module in rows if total.strip().isdigit()}
    longest = sorted(found, key=lambda module: -found[module])[:ENOUGH]
    return {module: round(found[module], 1) for module in longest}
