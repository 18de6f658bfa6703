"""`scripts/soak`: rounds until the time is over, a sample in each, a verdict at the end."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mrcnet.drill.interrupt import interruptible, undisturbed
from mrcnet.errors import ExitCode, MrcnetError
from soaking.census import Sample, take
from soaking.verdict import MOST, WARM_UP, Conduct, Growth, growths, passed
from soaking.weather import Weather

_ROUND_S = (2.0, 48.0)  # the long run of a round
_ROUNDS = 24  # that there shall be, if that leaves a run some seconds
_SHARE = 0.8  # of a round that its long run takes, or less where rounds are short
_LEAST = 3  # rounds that there are, however short the time: of fewer nothing can be judged
_TROUBLES = 5  # after so many a round is not begun


def main(words: Sequence[str], text: str | None) -> int:
    """Parse, run, judge. The exit code: 0 passed, 1 failed, else that of the error that kept it from it."""
    parser = argparse.ArgumentParser(
        "scripts/soak", description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="wall time [60]")
    parser.add_argument("--seed", type=int, default=2026, help="decides which links are struck, and how")
    parser.add_argument("--lab", default=f"soak-{os.getpid()}", help="the name of the lab that it makes")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    asked = parser.parse_args(words)
    if not 0 < asked.minutes <= 24 * 60:
        parser.error("--minutes: more than 0, at most a day")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    samples: list[Sample] = []
    conduct = Conduct()
    try:
        stopped = _soak(asked, samples, conduct)
    except MrcnetError as error:
        print(f"soak: {error}", file=sys.stderr)
        return int(error.exit_code)
    with undisturbed():
        found = growths([(sample.at, sample.levels()) for sample in samples])
        ok = passed(found, conduct)
        _tell(asked.json, samples, conduct, found, ok=ok, stopped=stopped)
    return ExitCode.OK if ok else ExitCode.FAILED


def _soak(asked: argparse.Namespace, samples: list[Sample], conduct: Conduct) -> bool:
    """Fill in what was seen; whether somebody stopped it. MrcnetError if the lab does not come up."""
    seconds = 60 * asked.minutes
    least, most = _ROUND_S
    run_s = min(most, max(least, _SHARE * seconds / _ROUNDS))
    try:
        with interruptible() as check, Weather(asked.lab, asked.seed, conduct) as weather:
            begun = time.monotonic()

            def sample() -> None:
                samples.append(take(asked.lab, time.monotonic() - begun, weather.roles()))
                _say(asked.json, samples[-1], conduct)

            number = 0
            while (time.monotonic() - begun < seconds or number < _LEAST) and (
                len(conduct.troubles) < _TROUBLES
            ):
                try:
                    weather.round(number, run_s, sample)
                except MrcnetError as error:
                    check()
                    conduct.troubles.append(f"round {number}: {error}")
                number += 1
    except KeyboardInterrupt:
        return True
    return False


def _say(as_json: bool, sample: Sample, conduct: Conduct) -> None:
    """A sample's line."""
    told = {**sample.data(), "runs": conduct.runs, "strikes": conduct.strikes, "faults": conduct.faults}
    if as_json:
        print(json.dumps(told), flush=True)
        return
    held = sample.held
    own = ", ".join(f"{one.role} {one.rss / 2**20:.1f} MiB {one.descriptors} fd" for one in sample.processes)
    print(
        f"{sample.at:7.1f} s  {conduct.runs} runs, {conduct.strikes} strikes, {len(conduct.faults)} faults;"
        f" {held.namespaces} namespaces, {held.interfaces} interfaces (numbers up to {held.numbers}),"
        f" {held.routes} routes, {held.qdiscs} qdiscs, {held.filters} filters, {held.programs} programs,"
        f" {held.maps} maps, {held.rows} rows, {held.files} files; {own}",
        flush=True,
    )


def _tell(
    as_json: bool,
    samples: Sequence[Sample],
    conduct: Conduct,
    found: Sequence[Growth],
    *,
    ok: bool,
    stopped: bool,
) -> None:
    """The verdict."""
    seconds = samples[-1].at if samples else 0.0
    if as_json:
        told: dict[str, Any] = {
            "verdict": "passed" if ok else "failed",
            "stopped": stopped,
            "seconds": round(seconds, 1),
            "samples": len(samples),
            **asdict(conduct),
            "faults": conduct.faults,
            "growths": [{**asdict(one), "ok": one.ok} for one in found],
        }
        print(json.dumps(told), flush=True)
        return
    print(
        f"{conduct.runs} runs ({conduct.unfaithful} unfaithful), {conduct.strikes} strikes,"
        f" {conduct.edits} edits, {conduct.captures} captures, {conduct.evs_lost} EVs lost to them;"
        f" growth from {WARM_UP:.0%} of {seconds:.0f} s on, {len(samples)} samples:"
    )
    for one in found:
        if one.share or one.what.startswith("memory"):
            said = "" if one.judged else " (too few samples to judge)"
            print(f"  {one.share:+8.3%}  {one.what}, median {one.level:.0f}{said}")
    print(f"  nothing at all: {sum(not one.share for one in found)} others")
    for fault in conduct.faults:
        print(f"  {fault}")
    if conduct.doubtful:
        print(f"  {len(conduct.doubtful)} EVs lost without a fault in unfaithful runs, which decide nothing:")
    for text in conduct.doubtful:
        print(f"    {text}")
    word = "passed" if ok else "failed"
    print(f"{'stopped, ' if stopped else ''}{word}: the bar is {MOST:.0%}, and no fault")
