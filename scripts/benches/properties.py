"""The transport under random schedules and hostile frames, at full size; the spec's rules and their marks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator

from benches.figure import ROOT, Figure, figure

EXAMPLES = 600  # schedules of that property with MRCNET_EXAMPLES=1
FRAMES = 50_000  # frames of the mutation tests with MRCNET_EXAMPLES=1 (tests/sim/test_hostile.py)

_SAID = 4_000  # characters of what a failure said


def schedules() -> Iterator[Figure]:
    """schedules: 2 000 random schedules of the weather's main property; every one must hold."""
    yield _property("schedules", "tests/sim/test_any_weather.py", "every_byte_once", 2_000, EXAMPLES)


def frame_fuzz() -> Iterator[Figure]:
    """frame-fuzz: 1 000 000 random and mutated frames to both roles."""
    yield _property("frame-fuzz", "tests/sim/test_hostile.py", "", 1_000_000, FRAMES)


def parser_fuzz() -> Iterator[Figure]:
    """parser-fuzz: MRCNET_FUZZ_MINUTES (30) of topology, drill and frame each; the value counts the parsers
    that failed: by an error that they do not promise, over 1 s, or over 500 MB."""
    minutes = os.environ.get("MRCNET_FUZZ_MINUTES", "30")
    failed, told = [], {}
    for parser in ("topology", "drill", "frame"):
        line = [sys.executable, "-m", "tests.fuzz", parser, str(60 * int(minutes))]
        done = subprocess.run(
            line,
            cwd=ROOT,
            env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        lines = done.stderr.splitlines()
        told[parser] = _stats(lines)
        if done.returncode:
            failed.append(f"{parser}: {done.stderr[-_SAID:]}")
    yield figure(
        "parser-fuzz", [len(failed)], "failures", 0, at_most=True, minutes=minutes, told=told, failed=failed
    )


def _stats(lines: Iterable[str]) -> dict[str, int]:
    """`stat::peak_rss_mb:  61` of each slice: of executions the sum, of all else the most."""
    found: dict[str, int] = {}
    for line in lines:
        name, _, value = line.removeprefix("stat::").partition(":")
        if name != line:
            join = sum if name == "number_of_executed_units" else max
            found[name] = join((found.get(name, 0), int(value)))
    return found


def _property(name: str, file: str, select: str, bar: int, each: int) -> Figure:
    effort = -(-bar // each)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file, "-k", select]
    before = time.perf_counter()
    done = subprocess.run(
        words,
        cwd=ROOT,
        env=os.environ | {"MRCNET_EXAMPLES": str(effort)},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - before
    last = (done.stdout.strip().splitlines() or [""])[-1]
    passed, failed = (_count(last, word) for word in ("passed", "failed"))
    return figure(
        name,
        [each * effort if done.returncode == 0 else 0],
        "runs",
        bar,
        at_most=False,
        sound=done.returncode == 0 and passed > 0,
        tests=passed,
        failures=failed,
        seconds=round(seconds, 1),
        **({} if done.returncode == 0 else {"said": (done.stdout + done.stderr)[-_SAID:]}),
    )


def _count(line: str, word: str) -> int:
    found = re.search(rf"(\d+) {word}", line)
    return int(found.group(1)) if found else 0


def spec_coverage() -> Iterator[Figure]:
    """spec-coverage: share of the rules that are marked in code and tests, or left out for a reason."""
    script = [sys.executable, str(ROOT / "scripts" / "spec-coverage"), "--json"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    rules = json.loads(done.stdout)["rules"]
    yield figure(
        "spec-coverage",
        [sum(rule["covered"] for rule in rules) / len(rules)],
        "of the rules",
        1.0,
        at_most=False,
        sound=done.returncode == 0,
        rules=len(rules),
        marked=sum(rule["code"] > 0 and rule["tests"] > 0 for rule in rules),
        left_out={rule["rule"]: rule["left_out"] for rule in rules if rule["left_out"]},
    )
