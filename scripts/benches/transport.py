"""Packets per second of one pair; what a cut costs."""

from __future__ import annotations

from collections.abc import Iterator

from benches.figure import ROOT, Figure, figure, mrcnet

SHAPE = ROOT / "topologies" / "4p-2t0-4t1.yaml"
LAB = "bench-pair"
RUNS = 5


def pair_pps() -> Iterator[Figure]:
    """pair-pps: packets a second delivered and verified, one pair, 4 planes, 4 096 B."""
    mrcnet("up", str(SHAPE), "--lab", LAB)
    try:
        words = ("traffic", LAB, "--pattern", "pair", "--hosts", "h0,h4", "--duration", "4s")
        runs = [mrcnet(*words) for _ in range(RUNS)]
    finally:
        mrcnet("down", LAB)
    yield figure(
        "pair-pps",
        [run["packets"]["delivered"] / run["wall_seconds"] for run in runs],
        "packets/s",
        50_000,
        at_most=False,
        sound=all(run["verified"] for run in runs),
        digits=0,
        goodput_bps=[round(run["goodput_bps"]) for run in runs],
        lost=[run["packets"]["lost"] for run in runs],
    )


def cut_recovery() -> Iterator[Figure]:
    """cut-recovery: goodput after a cut as a share of that before, the worse of loud and silent."""
    runs = {
        kind: [mrcnet("drill", f"labs/{kind}-cut/drill.yaml", check=False) for _ in range(RUNS)]
        for kind in ("loud", "silent")
    }
    shares = {kind: [run["metrics"]["goodput_after_share"] for run in found] for kind, found in runs.items()}
    every = [run for found in runs.values() for run in found]
    worse = min(shares, key=lambda kind: sorted(shares[kind])[RUNS // 2])
    names = ("detection_ms", "last_loss_ms", "recovery_ms", "longest_gap_ms", "packets_lost", "error_ms")
    yield figure(
        "cut-recovery",
        shares[worse],
        "of before",
        0.99,
        at_most=False,
        sound=all(run["metrics"]["messages_wrong"] == 0 and run["traffic"]["verified"] for run in every),
        digits=4,
        verdicts=[run["verdict"] for run in every],
        **{
            f"{kind}_{name}": [run["metrics"][name] for run in found]
            for kind, found in runs.items()
            for name in names
        },
    )
