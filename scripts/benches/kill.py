"""Killing the tool at random instants: what is left, and what of others is hurt."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benches.figure import MRCNET, ROOT, Figure, figure, mrcnet, namespaces

SHAPE = ROOT / "topologies" / "4p-2t0-4t1.yaml"
LAB = "bench-kill"
STRANGER = "mrcnet-stranger"  # looks like one of ours and is not
KILLS = 30


def kill_clean() -> Iterator[Figure]:
    """kill-clean: kill -9 during up, traffic and down; the value counts what `down --all` leaves of ours
    and what it takes of a stranger's."""
    dice = random.Random(2026)
    subprocess.run(["ip", "netns", "add", STRANGER], check=True)
    subprocess.run(["ip", "-n", STRANGER, "link", "add", "keep0", "type", "bridge"], check=True)
    faults: list[str] = []
    others = namespaces("mrcnet-")  # somebody else's, to be left alone
    try:
        for number in range(KILLS):
            phase = ("up", "traffic", "down")[number % 3]
            _kill_once(phase, dice)
            done = subprocess.run(
                [*MRCNET, "down", "--all", "--json"], capture_output=True, text=True, check=False, cwd=ROOT
            )
            if done.returncode:
                faults.append(f"{phase}: down --all exited with {done.returncode}: {done.stderr.strip()}")
            faults += [f"{phase}: {fault}" for fault in _left_over(others)]
    finally:
        subprocess.run(["ip", "netns", "del", STRANGER], check=False)
    yield figure("kill-clean", [len(faults)], "left-overs", 0, at_most=True, kills=KILLS, faults=faults[:5])


def _kill_once(phase: str, dice: random.Random) -> None:
    up = ["up", str(SHAPE), "--lab", LAB]
    traffic = ["traffic", LAB, "--pattern", "ring", "--duration", "5s"]
    if phase != "up":
        mrcnet(*up)
    words = {"up": up, "traffic": traffic, "down": ["down", LAB]}[phase]
    longest = {"up": 0.9, "traffic": 2.5, "down": 0.6}[phase]
    process = subprocess.Popen(
        [*MRCNET, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
    )
    time.sleep(dice.uniform(0.05, longest))
    process.send_signal(signal.SIGKILL)
    process.wait()


def _left_over(others: list[str]) -> list[str]:
    deadline = time.monotonic() + 5
    while (found := _look(others)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _look(others: list[str]) -> list[str]:
    found = [f"namespace {name} is left" for name in namespaces("mrcnet-") if name not in others]
    if STRANGER not in namespaces(STRANGER):
        found.append("the stranger's namespace is gone")
    else:
        inside = subprocess.run(
            ["ip", "-n", STRANGER, "-j", "link"], capture_output=True, text=True, check=True
        )
        if "keep0" not in {link["ifname"] for link in json.loads(inside.stdout)}:
            found.append("the stranger's link is gone")
    own = json.loads(subprocess.run(["ip", "-j", "link"], capture_output=True, text=True, check=True).stdout)
    found += [
        f"link {link['ifname']} is left"
        for link in own
        if link["ifname"].startswith(("eth", "sr")) and link.get("link_netnsid") is not None
    ]
    found += [f"process {pid} is left" for pid in _processes()]
    state = Path("/run/mrcnet")
    found += [
        f"{path} is left"
        for path in (state.glob(f"{LAB}*") if state.exists() else ())
        if path.suffix != ".lock"
    ]
    return found


def _processes() -> list[int]:
    """Processes of the tool, except the bench itself."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"mrcnet.cli.main" in words and LAB.encode() in words and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found
