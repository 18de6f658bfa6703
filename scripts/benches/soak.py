"""A lab under faults, traffic and edits for some minutes: what grows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from benches.figure import ROOT, Figure, figure

MINUTES = os.environ.get("MINUTES", "10")


def soak() -> Iterator[Figure]:
    """soak: what `scripts/soak` finds in MINUTES (10): series that grow, books that do not balance, EVs lost
    without a fault, commands that fail; the value counts them."""
    line = [sys.executable, str(ROOT / "scripts" / "soak"), "--minutes", MINUTES, "--json"]
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    if not done.stdout:
        raise SystemExit(f"scripts/soak exited with {done.returncode}")
    verdict = json.loads(done.stdout.splitlines()[-1])
    faults = verdict["faults"] + [
        f"{one['what']} grew by {one['share']:.2%}" for one in verdict["growths"] if not one["ok"]
    ]
    counts = ("seconds", "samples", "runs", "unfaithful", "strikes", "edits", "captures", "evs_lost")
    yield figure(
        "soak", [len(faults)], "faults", 0, at_most=True, sound=done.returncode == 0, minutes=MINUTES,
        **{name: verdict[name] for name in counts}, doubtful=len(verdict["doubtful"]),
        memory={
            one["what"].removeprefix("memory of "): f"{one['level'] / 2**20:.1f} MiB {one['share']:+.2%}"
            for one in verdict["growths"]
            if one["what"].startswith("memory of ")
        },
        faults=faults[:20],
    )  # fmt: skip
