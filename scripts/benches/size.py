"""A fabric of production size: 131 072 hosts on 8 planes of 512 T0s and 256 T1s, on paper."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benches.figure import MRCNET, ROOT, Figure, figure

ASKED = ("size", "--gpus", "131072", "--nic", "800G", "--planes", "8", "--radix", "512")
RUNS = 5


@dataclass(frozen=True)
class Run:
    """A command that ran: its object, wall and processor seconds, and the most memory that it held, in GB."""

    answer: dict[str, Any]
    seconds: float
    cpu_seconds: float
    memory_gb: float


def run(*words: str) -> Run:
    """Run a shipped command with --json, from its start as a process to its end."""
    before = time.perf_counter()
    with subprocess.Popen([*MRCNET, *words, "--json"], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - before
    if process.returncode:
        raise SystemExit(f"mrcnet {' '.join(words)} exited with {process.returncode}")
    return Run(json.loads(out), seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e9)


def size() -> Iterator[Figure]:
    """size-131072: the whole command, with its alternatives; what the paper says of them must come out."""
    runs = [run(*ASKED) for _ in range(RUNS)]
    asked, alternatives = runs[0].answer["asked"], runs[0].answer["alternatives"]
    single, three = alternatives[0], next(one for one in alternatives if one["tiers"] == 3)
    over = {key: round(share, 6) for key, share in three["asked_over_this"].items()}
    yield figure(
        "size-131072",
        [one.seconds for one in runs],
        "s",
        2.0,
        at_most=True,
        sound=(asked["switches"], asked["tiers"], asked["misfits"]) == ([4096, 2048], 2, [])
        and over == {"optics_per_gpu": 0.666667, "switches_per_gpu": 0.6}
        and (asked["lost_link"], single["lost_link"]) == (1 / 256, 1 / 32),
        lost_link=[asked["lost_link"], single["lost_link"]],
        of_three_tiers=over,
    )


def parts() -> Iterator[Figure]:
    """node-131072, pair-131072: a node's table, a pair's EVs with their hops; the slowest of several."""
    with tempfile.TemporaryDirectory() as folder:
        full = _full(folder)
        nodes = [run("plan", full, "--node", name) for name in ("p0-t0-0", "p7-t1-255", "h0", "h131071")]
        pairs = [run("plan", full, "--pair", pair) for pair in ("h0:h131071", "h70000:h5", "h1:h2")]
    entries = [len(one.answer["routes"]) + len(one.answer.get("steering", ())) for one in nodes]
    evs = [len(one.answer["evs"]) for one in pairs]
    hops = {len(ev["hops"]) for one in pairs[:2] for ev in one.answer["evs"]}
    for name, found, sound in (
        ("node-131072", nodes, entries == [1025, 1025, 16 + 8 * 512, 16 + 8 * 512]),
        ("pair-131072", pairs, evs == [2048] * 3 and hops == {5}),
    ):
        slowest = max(one.seconds for one in found)
        yield figure(
            name,
            [slowest],
            "s",
            1.0,
            at_most=True,
            sound=sound,
            seconds=[round(one.seconds, 3) for one in found],
            cpu_seconds=[round(one.cpu_seconds, 3) for one in found],
            memory_gb=round(max(one.memory_gb for one in found), 3),
        )


def tables() -> Iterator[Figure]:
    """tables-131072, tables-memory: the tables of all 6 144 switches, written and checked for clashes."""
    with tempfile.TemporaryDirectory() as folder:
        found = run("plan", _full(folder), "--tables", f"{folder}/tables")
        files = sum(1 for _ in Path(folder, "tables").iterdir())
    answer = found.answer
    sound = (files, answer["entries"], answer["lint"]) == (6144, 6144 * 1025, []) and answer[
        "most_usids"
    ] <= 6
    note = {key: answer[key] for key in ("switches", "entries", "bytes", "most_usids")}
    note["cpu_seconds"] = round(found.cpu_seconds, 1)
    yield figure("tables-131072", [found.seconds], "s", 600.0, at_most=True, sound=sound, digits=1, **note)
    yield figure("tables-memory", [found.memory_gb], "GB", 1.5, at_most=True, sound=sound)


def _full(folder: str) -> str:
    path = f"{folder}/full.yaml"
    run(*ASKED, "-o", path)
    return path
