"""Drills as claims: the catalogue, a silent cut twenty times, both fabrics side by side, what turns red."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

from benches.figure import ROOT, Figure, figure, mrcnet
from mrcnet.api.drillfiles import read_drills
from mrcnet.api.topologies import plan_of
from mrcnet.workload.dilation import is_auto

FABRICS = ("kernel", "sim")
CUTS = int(os.environ.get("CUTS", "20"))  # runs of the silent cut
PAIRS = ("t1-grey", "silent-ring", "links-at-once", "cold-start", "flap-storm")  # silent: exact instants
SEEDS = 5
Data = dict[str, Any]


def catalogue() -> Iterator[Figure]:
    """catalogue: the share of the labs that pass, each once on every fabric that it is for, all choices
    of its matrix; LABS names some. A run of which the machine was the bottleneck is made anew in slower
    time, where the lab leaves that to the machine; if it still is, its lab is named.
    """
    names = os.environ.get("LABS", "").split() or sorted(
        path.parent.name for path in (ROOT / "labs").glob("*/drill.yaml")
    )
    passed, failed, unfaithful, seconds = [], [], [], {}
    for name in names:
        drill = read_drills(ROOT / "labs" / name)[0][0]
        for on in (on for on in FABRICS if on in drill.on):
            begin = time.perf_counter()
            told = _drill(name, on)
            seconds[f"{name} {on}"] = round(time.perf_counter() - begin, 1)
            passed.append(float(told.get("verdict") == "passed"))
            failed += [f"{name} {on}: {why}" for run in _runs(told) for why in _missed(run)]
            unfaithful += [f"{name} {on}" for run in _runs(told) if _is_unfaithful(run)]
    yield figure(
        "catalogue",
        [sum(passed) / len(passed)],
        "of the labs",
        1.0,
        at_most=False,
        drills=len(passed),
        failed=failed,
        unfaithful=sorted(set(unfaithful)),
        seconds=seconds,
    )


def _drill(name: str, on: str, *words: str) -> Data:
    _, source = read_drills(ROOT / "labs" / name)[0]
    how = (
        () if is_auto(plan_of(source)) else ("--allow-unfaithful",)
    )  # at its own dilation it is not made anew
    return mrcnet("drill", f"labs/{name}", "--on", on, *how, *words, check=False)


def _ran(name: str, on: str, *words: str) -> list[Data]:
    """The runs of a lab. SystemExit if it did not run."""
    found = _runs(_drill(name, on, *words))
    if any(run.get("metrics") is None for run in found):
        raise SystemExit(f"labs/{name} did not run on {on}: {[run.get('reasons') for run in found]}")
    return found


def _runs(told: Data) -> list[Data]:
    return list(told.get("runs", [told]))


def _missed(run: Data) -> Iterator[str]:
    """Why a run did not pass."""
    choice = " ".join(f"{name}={value}" for name, value in run.get("choice", ()))
    yield from (f"{choice} {why}".strip() for why in run.get("reasons", ["it did not run"]))
    for one in run.get("judgements", ()):
        if not one["met"]:
            yield f"{choice} {one['expectation']['measure']} {one['value']}".strip()


def _is_unfaithful(run: Data) -> bool:
    fidelity = (run.get("traffic") or {}).get("fidelity")
    return fidelity is not None and fidelity["faithful"] is False


# ---- a silent cut, again and again --------------------------------------------------------------------


def silent_cut() -> Iterator[Figure]:
    """silent-cut, silent-cut-detection, silent-cut-leanest: labs/silent-ring on the kernel's fabric, twenty
    seeds (CUTS): the packets that the median QP lost on an EV that was hit; the time to find one out, less
    the fault's error bar, over one RTO and one RTT; the leanest 100 bins after the cut.
    """
    runs = _ran("silent-ring", "kernel", "--repeat", str(CUTS))
    metrics = [run["metrics"] for run in runs]
    sound = all(run["traffic"]["verified"] and not run["reasons"] for run in runs)
    note = {
        "dilation": runs[0]["traffic"]["dilation"],
        "unfaithful": sum(map(_is_unfaithful, runs)),
        "evs_hit": [one["evs_hit"] for one in metrics],
    }
    lost = [one["lost_per_ev_median"] or 0.0 for one in metrics]
    yield figure("silent-cut", lost, "packets an EV", 1.0, at_most=True, sound=sound, **note)
    late = [
        max(0.0, one["detection_ms"] - one["error_ms"]) / (one["rto_ms"] + one["rtt_ms"]) for one in metrics
    ]
    yield figure(
        "silent-cut-detection",
        late,
        "of RTO + RTT",
        1.0,
        at_most=True,
        sound=sound and max(late) <= 1,
        detection_us=[round(one["detection_ms"] * 1e3, 1) for one in metrics],
        error_us=[round(one["error_ms"] * 1e3, 1) for one in metrics],
        rto_us=round(median(one["rto_ms"] for one in metrics) * 1e3, 1),
        rtt_us=round(median(one["rtt_ms"] for one in metrics) * 1e3, 1),
    )
    leanest = [one["leanest_share"] for one in metrics]
    yield figure(
        "silent-cut-leanest", leanest, "of before", 0.95, at_most=False, sound=sound and min(leanest) >= 0.95
    )


# ---- one file on both fabrics -------------------------------------------------------------------------


def sim_agrees() -> Iterator[Figure]:
    """sim-agrees: the share of comparisons in which five drills say the same on both fabrics: goodput before,
    during and after within 10 %, packets lost per EV hit within one, detection within one RTT and the error
    bar of the kernel's run. Medians of five seeds are compared, the simulator's with
    `--like-kernel`. The note has what differs; docs/simulator.md says why.
    """
    agreed, apart, compared = 0, [], {}
    for name in PAIRS:
        repeat = "--repeat", str(SEEDS)
        kernel, virtual = _ran(name, "kernel", *repeat), _ran(name, "sim", "--like-kernel", *repeat)
        for choice in dict.fromkeys(str(run["choice"]) for run in virtual):
            sides = [
                [run["metrics"] for run in side if str(run["choice"]) == choice] for side in (kernel, virtual)
            ]
            for measure, near in _COMPARED.items():
                mine, other = (_median(side, measure) for side in sides)
                compared[f"{name} {measure} {choice}"] = (mine, other)
                rtt, error = _median(sides[0], "rtt_ms") or 0.0, _median(sides[0], "error_ms") or 0.0
                if near(mine, other, rtt + error):
                    agreed += 1
                else:
                    apart.append(f"{name} {choice} {measure}: kernel {mine}, simulator {other}")
    yield figure(
        "sim-agrees",
        [agreed / len(compared)],
        "of the comparisons",
        1.0,
        at_most=False,
        apart=apart,
        compared={key: [_short(one) for one in pair] for key, pair in compared.items()},
    )


def _median(side: Sequence[Data], measure: str) -> float | None:
    values = [one[measure] for one in side if one[measure] is not None]
    return median(values) if values else None


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _alike(share: float) -> Callable[[float | None, float | None, float], bool]:
    def near(mine: float | None, other: float | None, _: float) -> bool:
        return abs((mine or 0.0) - (other or 0.0)) <= share * max(mine or 0.0, other or 0.0)

    return near


def _within_one(mine: float | None, other: float | None, _: float) -> bool:
    return abs((mine or 0.0) - (other or 0.0)) <= 1


def _in_time(mine: float | None, other: float | None, bar: float) -> bool:
    return mine == other if mine is None or other is None else abs(mine - other) <= bar


_COMPARED: dict[str, Callable[[float | None, float | None, float], bool]] = {
    "goodput_before_bps": _alike(0.1),
    "goodput_during_bps": _alike(0.1),
    "goodput_after_bps": _alike(0.1),
    "lost_per_ev_median": _within_one,
    "detection_ms": _in_time,
}


# ---- tests that are claims ----------------------------------------------------------------------------


def red_when_broken() -> Iterator[Figure]:
    """red-when-broken: the share of the measures that an expectation can name for which sabotage turns the
    verdict red, and nothing else does.
    """
    passed, failed, seconds = _tests(
        "tests/sim/test_red_when_broken.py", "-k", "test_a_broken_promise_is_red"
    )
    every = passed + failed
    yield figure(
        "red-when-broken",
        [passed / every if every else 0.0],
        "of the measures",
        1.0,
        at_most=False,
        sound=_tests("tests/sim/test_red_when_broken.py", "-k", "not promise")[1] == 0,
        measures=every,
        seconds=seconds,
    )


def report_browser() -> Iterator[Figure]:
    """report-browser: whether the tests that read a report in Chromium pass; 0 where there is none."""
    passed, failed, seconds = _tests("tests/browser")
    whole = float(passed > 0 and not failed)
    yield figure("report-browser", [whole], "", 1.0, at_most=False, tests=passed, seconds=seconds)


def _tests(*words: str) -> tuple[int, int, float]:
    """(passed, failed or in error, seconds) of some tests."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    last = (done.stdout.strip().splitlines() or [""])[-1]
    found = {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|error)", last)}
    seconds = round(time.perf_counter() - begin, 1)
    return found.get("passed", 0), found.get("failed", 0) + found.get("error", 0), seconds
