"""Kills and collisions at random: of any process of ours, at any moment; of any two commands."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from soaking.census import descendants

from benches.figure import MRCNET, ROOT, Figure, figure, namespaces
from tests.netns.ordinary import User, ordinary_user

KILLS = int(os.environ.get("MRCNET_STORM_KILLS", "200"))
PAIRS = int(os.environ.get("MRCNET_STORM_PAIRS", "50"))
SEED = int(os.environ.get("MRCNET_STORM_SEED", "2026"))
TOPOLOGY = "4p-2t0-4t1"
LINK = "p0-t0-0:p0-t1-1"
LAB = f"storm-{os.getpid()}"
WITHIN_S = 120.0
SETTLED_S = 10.0
# What a command may end with: the exit codes of README.md, and of a signal that was sent to it.
CODES = {0, 1, 2, 3, 4, 130, 143, -signal.SIGKILL, -signal.SIGTERM}
# Each command, and how many seconds after its begin it is struck at the latest.
VERBS: dict[tuple[str, ...], float] = {
    ("up", TOPOLOGY, "--lab", LAB): 1.5,
    ("down", LAB): 1.2,
    ("status",): 0.8,
    ("verify", LAB): 2.0,
    ("traffic", LAB, "--pattern", "ring", "--duration", "2s"): 5.0,
    ("drill", "silent-cut", "--lab", LAB): 6.0,
    ("fault", LAB, "cut", LINK, "--silent"): 1.0,
    ("fault", LAB, "cut", LINK): 1.0,
    ("fault", LAB, "heal", LINK): 1.0,
    ("exec", LAB, "h0", "--", "sleep", "2"): 2.0,
    ("probe", LAB, "--duration", "2s"): 3.0,
}


@dataclass
class Storm:
    """The lab of one user, None for root, through kills and collisions; `faults` is what went wrong."""

    dice: random.Random
    user: User | None
    faults: list[str] = field(default_factory=list)
    ended: dict[int, int] = field(default_factory=dict)  # how often with which exit code

    def kill(self) -> None:
        """Begin a command, kill any process of ours, see what is left."""
        words, longest = self.dice.choice(list(VERBS.items()))
        process = self._begin(words)
        time.sleep(self.dice.uniform(0.02, longest))
        victims = [
            process.pid,
            *descendants(process.pid),
            *([] if self.user is None else self.user.holders()),
        ]
        victim = self.dice.choice(victims)
        name = f"{' '.join(words)}, killed {'itself' if victim == process.pid else 'another'}"
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            name = f"{' '.join(words)}, not killed"
        self._end(process, name)
        self._look(name)

    def collide(self) -> None:
        """Two commands at once."""
        pair = [self.dice.choice(list(VERBS)) for _ in range(2)]
        name = " | ".join(" ".join(words) for words in pair)
        begun = []
        for words in pair:
            begun.append(self._begin(words))
            time.sleep(self.dice.uniform(0, 0.3))
        for process in begun:
            self._end(process, name)
        self._look(name)

    def finish(self) -> None:
        """Down, and nothing is left."""
        self._run("the end", "down", *(["--all"] if self.user else [LAB]), codes=(0, 2))
        deadline = time.monotonic() + SETTLED_S
        while (left := self._left()) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.faults += left

    def _look(self, name: str) -> None:
        """Mend it, or take it down, or leave it as it is for what comes next."""
        match self.dice.choice(("up", "up", "down", "nothing")):
            case "up":
                self._run(name, "up", TOPOLOGY, "--lab", LAB)
                found = self._run(name, "status", "--json")
                states = {
                    one["lab"]: one["state"] for one in json.loads(found.stdout or '{"labs": []}')["labs"]
                }
                if states.get(LAB) != "up":
                    self.faults.append(f"{name}: after `up` the lab is {states.get(LAB)}")
            case "down":
                self.finish()

    def _begin(self, words: Sequence[str]) -> subprocess.Popen[str]:
        if self.user is not None:
            return self.user.begin(*self.user.line(*words), start_new_session=True)
        pipe = subprocess.PIPE
        return subprocess.Popen([*MRCNET, *words], stdout=pipe, stderr=pipe, text=True, cwd=ROOT)

    def _run(self, name: str, *words: str, codes: Sequence[int] = (0,)) -> subprocess.CompletedProcess[str]:
        done = self._end(self._begin(words), f"{name}, then {' '.join(words)}")
        if done.returncode not in codes:
            self.faults.append(
                f"{name}: {' '.join(words)} exits with {done.returncode}: {done.stderr[-300:]}"
            )
        return done

    def _end(self, process: subprocess.Popen[str], name: str) -> subprocess.CompletedProcess[str]:
        try:
            out, err = process.communicate(timeout=WITHIN_S)
        except subprocess.TimeoutExpired:
            self.faults.append(f"{name}: hangs")
            process.kill()
            out, err = process.communicate()
        self.ended[process.returncode] = self.ended.get(process.returncode, 0) + 1
        if process.returncode not in CODES or "Traceback" in err or "unexpected" in err:
            self.faults.append(f"{name}: exits with {process.returncode}: {err[-600:]}")
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def _left(self) -> list[str]:
        if self.user is not None:
            left = [f"process {pid} ({name}) is left" for pid, name in _of(self.user.number)]
            return left + [f"{one} is left" for one in os.listdir(self.user.folder) if one != "holder"]
        found = [f"namespace {one} is left" for one in namespaces(f"mrcnet-{LAB}-")]
        found += [f"{one} is left" for one in Path("/run/mrcnet").glob(f"*{LAB}*") if one.suffix != ".lock"]
        return found + [f"process {pid} is left" for pid in _named(LAB)]


def kill_storm() -> Iterator[Figure]:
    """kill-storm: random kills of any process of ours, and random pairs of commands at once, as root and as
    an ordinary user in turn; the value counts leftovers, wrong states, tracebacks and hangs."""
    dice = random.Random(SEED)
    with ordinary_user() as user:
        storms = [Storm(dice, None), Storm(dice, user)]
        for act, times in ((Storm.kill, KILLS), (Storm.collide, PAIRS)):
            for number in range(times):
                act(storms[number % 2])
        for storm in storms:
            storm.finish()
    faults = [fault for storm in storms for fault in storm.faults]
    codes: dict[str, int] = {}
    for storm in storms:
        for code, count in storm.ended.items():
            codes[str(code)] = codes.get(str(code), 0) + count
    yield figure(
        "kill-storm", [len(faults)], "faults", 0, at_most=True, kills=KILLS, pairs=PAIRS, seed=SEED,
        exits=codes, faults=faults[:20],
    )  # fmt: skip


def _of(user: int) -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if entry.stat().st_uid == user:
                yield int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue


def _named(word: str) -> Iterator[int]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"mrcnet.cli.main" in words and word.encode() in words:
            yield int(entry.name)
