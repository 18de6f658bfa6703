"""One link dies: how soon MRC goes on, and how soon RoCEv2 does over BGP and over static ECMP."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benches.figure import ROOT, Figure, figure, mrcnet

FOLDER = ROOT / "labs" / "failover-bgp"
LAB = "bench-failover"
RUNS = int(os.environ.get("RUNS", "10"))
CUT_AT_S, LASTS_S = 1.0, 4.0  # the cut, and the end of traffic
VARIANTS = ("srv6/mrc", "bgp/rocev2x16", "ecmp/rocev2x16")  # routing, transport
CUTS = {"silent": ", silent: true", "loud": ""}


@dataclass(frozen=True)
class Seen:
    """One run: ms from the cut until all was as before (None: never while traffic lasted)."""

    failover_ms: float | None
    metrics: Mapping[str, Any]
    bytes_right: bool


def failover_ratio() -> Iterator[Figure]:
    """failover-ratio: time of fail-over of RoCEv2 over BGP with BFD 300 ms x 3 over MRC's, one silent T0-T1
    link failure on the way of a pair, at dilation 1, wall time. failover-ratio-loud: with both ends down.

    Fail-over is the drill's recovery; for MRC, whose goodput hardly dips, at least the time until the last
    dead EV was out, and one bin. A run that never recovers counts as the time that was left to it. RoCEv2 has
    16 QPs, some of which cross the link; of MRC all EVs are active, so that one is hit. Sound if no byte
    was wrong and static ECMP never recovers from the silent cut.
    """
    seen = {variant: _runs(variant) for variant in VARIANTS}
    window = (LASTS_S - CUT_AT_S) * 1e3
    for cut, bar in (("silent", 50), ("loud", 0)):
        found = {variant: [runs[cut] for runs in seen[variant]] for variant in VARIANTS}
        times = {variant: [one.failover_ms for one in ones] for variant, ones in found.items()}
        pairs = zip(times["bgp/rocev2x16"], times["srv6/mrc"], strict=True)
        ratios = [(window if theirs is None else theirs) / (ours or window) for theirs, ours in pairs]
        stuck = sum(one is None for one in times["ecmp/rocev2x16"])
        yield figure(
            "failover-ratio" if cut == "silent" else f"failover-ratio-{cut}",
            ratios,
            "times MRC's",
            bar,
            at_most=False,
            sound=all(one.bytes_right for ones in found.values() for one in ones)
            and (cut == "loud" or stuck == RUNS),
            digits=1,
            failover_ms={variant: list(map(_rounded, ones)) for variant, ones in times.items()},
            median_ms={
                variant: _rounded(median(window if one is None else one for one in ones))
                for variant, ones in times.items()
            },
            never={variant: sum(one is None for one in ones) for variant, ones in times.items()},
            **{
                name: {variant: [one.metrics[name] for one in ones] for variant, ones in found.items()}
                for name in ("packets_lost", "qps_failed", "message_ms_max")
            },
        )


def _runs(variant: str) -> list[dict[str, Seen]]:
    os.environ["ROUTING"], os.environ["TRANSPORT"] = variant.split("/")
    with TemporaryDirectory() as folder:
        drills = {cut: _drill(Path(folder), cut, words) for cut, words in CUTS.items()}
        _up()
        try:
            return [{cut: _run(file, seed) for cut, file in drills.items()} for seed in range(1, RUNS + 1)]
        finally:
            mrcnet("down", LAB)


def _up() -> None:
    """Bring the lab up, or make it whole: of BGP, until it has converged again."""
    mrcnet("up", str(FOLDER / "topology.yaml"), "--lab", LAB)


def _drill(folder: Path, cut: str, words: str) -> Path:
    file = folder / f"{cut}.yaml"
    file.write_text(
        f"""\
name: failover-{cut}
story: One link dies.
topology: {FOLDER / "topology.yaml"}
on: [kernel]
seed: ${{SEED}}
traffic: {{pattern: pair, hosts: [h0, h1], message: 4KiB, rate: 50Mbps, duration: {LASTS_S:g}s}}
transport: {{kind: "${{TRANSPORT}}", backup_share: 0}}
actions:
  - {{at: {CUT_AT_S:g}s, do: cut, target: "p0-t0-0:p0-t1-0"{words}}}
expect:
  - {{measure: messages_wrong, at_most: 0}}
"""
    )
    return file


def _run(file: Path, seed: int) -> Seen:
    os.environ["SEED"] = str(seed)
    told = mrcnet("drill", str(file), "--lab", LAB, "--allow-unfaithful", check=False)
    _up()
    metrics = told["metrics"]
    recovery, respray = metrics["recovery_ms"], metrics["respray_ms"] or 0.0
    failover = None if recovery is None else max(recovery, respray, told["traffic"]["bin_ms"])
    return Seen(failover, metrics, metrics["messages_wrong"] == 0)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
