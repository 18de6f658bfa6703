"""What a figure is, and how commands are run to measure one."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
MRCNET = [sys.executable, "-m", "mrcnet.cli.main"]
SETTLE = 2.0  # after a lab goes down the kernel cleans up in the background; wait so that runs are alike


@dataclass(frozen=True)
class Figure:
    """One measured figure: the median of `runs` and its bar; `spread` is (least, most)."""

    name: str
    value: float
    unit: str
    bar: float
    ok: bool
    runs: int
    spread: tuple[float, float]
    note: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        return json.dumps(asdict(self))


def figure(
    name: str,
    values: Sequence[float],
    unit: str,
    bar: float,
    *,
    at_most: bool,
    sound: bool = True,
    digits: int = 3,
    **note: Any,
) -> Figure:
    """Make a figure of several runs: its median is held against the bar."""
    value = median(values)
    met = value <= bar if at_most else value >= bar
    spread = (round(min(values), digits), round(max(values), digits))
    return Figure(name, round(value, digits), unit, bar, met and sound, len(values), spread, note)


def mrcnet(*words: str, check: bool = True) -> dict[str, Any]:
    """Run a shipped command with --json; its object."""
    done = subprocess.run([*MRCNET, *words, "--json"], capture_output=True, text=True, cwd=ROOT, check=False)
    if check and done.returncode:
        raise SystemExit(
            f"mrcnet {' '.join(words)} exited with {done.returncode}: {done.stderr}{done.stdout}"
        )
    return dict(json.loads(done.stdout or "{}"))


def timed(action: Callable[[], Any]) -> float:
    """Wall seconds of a call."""
    before = time.perf_counter()
    action()
    return time.perf_counter() - before


def namespaces(prefix: str) -> list[str]:
    """Names of the namespaces that `ip netns list` shows and that begin with `prefix`."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    return [name for line in listed.splitlines() if (name := line.split()[0]).startswith(prefix)]
