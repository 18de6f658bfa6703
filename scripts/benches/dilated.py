"""A fabric at line rate in dilated time, and what a lab costs that does nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benches.figure import MRCNET, ROOT, SETTLE, Figure, figure, mrcnet
from mrcnet.mrc.wire.layout import ICRC, WRITE_HEAD
from mrcnet.nic.cores import Cores

LAB = "bench-dilated"
FULL = ROOT / "topologies" / "8p-2t0-4t1.yaml"
BIG = ROOT / "topologies" / "4p-16t0-8t1.yaml"
HOSTS, PORTS, PORT_BPS = 8, 8, 100e9
PAYLOAD = 4_096
RUNS = 3
WINDOWS, WINDOW_S = 8, 1.0  # of looking at what a lab costs


def dilated_line_rate() -> Iterator[Figure]:
    """dilated-line-rate: goodput of a permutation of 8 hosts x 8 x 100 Gb/s at dilation auto, as a share of
    line rate: of the payload that the wires can carry in full frames, 4 096 B of each 4 238.

    From the first post to the last completion, so with the ramps at both ends. All EVs are active: with half
    of them in reserve a few hosts would crowd on some of the four uplinks while others stand idle. Sound if
    every run is faithful and its books balance.
    """
    mrcnet("up", str(FULL), "--lab", LAB)
    try:
        words = ("traffic", LAB, "--pattern", "permutation", "--duration", "1ms", "--backup-share", "0")
        runs = [mrcnet(*words, "--seed", str(seed), check=False) for seed in range(1, RUNS + 1)]
    finally:
        mrcnet("down", LAB)
    line = HOSTS * PORTS * PORT_BPS * PAYLOAD / (PAYLOAD + WRITE_HEAD + ICRC)
    yield figure(
        "dilated-line-rate",
        [run["goodput_bps"] / line for run in runs],
        "of line rate",
        0.97,
        at_most=False,
        sound=all(run["verified"] and run["fidelity"]["faithful"] for run in runs),
        digits=4,
        dilation=runs[0]["dilation"],
        wall_seconds=[round(run["wall_seconds"], 1) for run in runs],
        packets_a_second=[round(run["packets"]["delivered"] / run["wall_seconds"]) for run in runs],
        lost=[run["packets"]["lost"] for run in runs],
        frames=[run["fabric"]["sent"] for run in runs],
        cores=[run["fidelity"]["cores"] for run in runs],
        reasons=[run["fidelity"]["reasons"] for run in runs],
        problems=[run["problems"] for run in runs],
    )


def idle_lab() -> Iterator[Figure]:
    """idle-lab: the share of a core that a lab of 32 hosts costs which does nothing, and the memory that it
    needs while all of them send.

    Cost is the least that was seen in a second with the lab, less the least without: what else the machine
    does comes and goes. Memory is what MemAvailable lacks at the worst moment of a run.
    """
    time.sleep(SETTLE)
    before, free = _least_busy(), _available()
    mrcnet("up", str(BIG), "--lab", LAB)
    try:
        time.sleep(SETTLE)
        cost = max(0.0, _least_busy() - before)
        idle = free - _available()
        least = _least_available(["traffic", LAB, "--pattern", "permutation", "--duration", "4s"])
    finally:
        mrcnet("down", LAB)
    yield figure("idle-lab", [cost], "of a core", 0.02, at_most=True, digits=4, idle_gb=round(idle / 1e9, 3))
    yield figure("lab-memory", [(free - least) / 1e9], "GB", 2.0, at_most=True)


def _least_busy() -> float:
    """Of all cores together, the least in several windows."""
    found = []
    for _ in range(WINDOWS):
        cores = Cores()
        time.sleep(WINDOW_S)
        found.append(sum(cores.shares()))
    return min(found)


def _available() -> int:
    words = Path("/proc/meminfo").read_text()
    return int(words.partition("MemAvailable:")[2].split()[0]) << 10


def _least_available(words: list[str]) -> int:
    """While a command runs. SystemExit if it fails."""
    process = subprocess.Popen([*MRCNET, *words], stdout=subprocess.DEVNULL, stderr=sys.stderr, cwd=ROOT)
    least = _available()
    while process.poll() is None:
        least = min(least, _available())
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"mrcnet {' '.join(words)} exited with {process.returncode}")
    return least
