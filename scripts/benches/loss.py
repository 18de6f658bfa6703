"""Collectives under loss, MRC against RoCEv2 over one QP and over sixteen (the paper's figures 16 and 17)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import harmonic_mean

from benches import published
from benches.collectives import plan_of, row
from benches.figure import ROOT, Figure, figure
from benches.losscriteria import (
    BASELINES,
    GAP,
    LOSSES,
    SIZES,
    TRANSPORTS,
    Curves,
    bar,
    gaps,
    kept,
    knees,
    knees_move,
    leads,
    orders,
    recovers,
    told,
)
from mrcnet.plan.model import Plan
from mrcnet.units import format_size
from mrcnet.workload.collective import Collective

# As in the paper's test bed C: MRC on four ports, RoCEv2 on one of the same rate together. Each has the marks
# that its congestion control is made for: NSCC a steep ramp and trimming, DCQCN a flat one and deep ports.
FABRICS = {"mrc": "topology", "rocev2": "rocev2-topology", "rocev2x16": "rocev2-topology"}
RANKS = 8
PIECE = 64 << 10
# iterations of each size, so many that even short ones see some losses, and seeds, for few timeouts decide
RING = ((40, 4), (12, 2), (3, 1), (1, 1))
ALL_TO_ALL = ((60, 4), (20, 2), (5, 1), (2, 1))
TURN_NS = 2_000

Runs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Regime:
    """A collective of so many ranks. `outstanding`: 1 if a rank awaits each send before the next one."""

    kind: str
    ranks: int = RANKS
    outstanding: int | None = None


REGIMES = {
    "ring, 16 ranks": Regime("all-reduce", 16),
    "ring, each send awaited, 8 ranks": Regime("all-reduce", outstanding=1),
    "ring, each send awaited, 16 ranks": Regime("all-reduce", 16, outstanding=1),
    "all-to-all, 16 ranks": Regime("all-to-all", 16),
}


def loss_sweep() -> Iterator[Figure]:
    """loss-sweep-ring: MRC's bus bandwidth over that of sixteen QPs in a ring all-reduce at 0.1 % and the
    smallest size. Sound if MRC leads both RoCEv2, at 1 % at every size and at 0.1 % at small and middle ones,
    and the size at which a curve reaches half of its loss-free best moves right with loss.

    loss-sweep-all-to-all: the same over one QP. Sound if MRC leads as above, and RoCEv2 recovers, or it would
    be a straw man: at the largest size it has half of its own loss-free rate and four times the share that it
    has at the smallest.

    loss-sweep: the least of MRC's bus bandwidths over one QP's and over sixteen's, in both collectives, at
    0.1 % and the smallest size. Sound if MRC is before sixteen QPs and they before one, at small and middle
    sizes under loss, RoCEv2 recovers, and the knees move. Noted: every gap and order, the paper's orders
    beside them, and the gaps of other regimes at 0.1 % and the smallest size.
    """
    ring, direct = sweep("all-reduce", RING), sweep("all-to-all", ALL_TO_ALL)
    yield _ring(ring)
    yield _all_to_all(direct)
    yield _both(ring, direct)


# ---- runs ----------------------------------------------------------------------------------------


def sweep(kind: str, runs: Runs) -> Curves:
    """Every curve of a figure. SystemExit if an element was wrong."""
    return {
        (transport, loss): tuple(
            rate(Regime(kind), transport, loss, size, iterations, seeds if loss else 1)
            for size, (iterations, seeds) in zip(SIZES, runs, strict=True)
        )
        for transport in FABRICS
        for loss in LOSSES
    }


def rate(regime: Regime, transport: str, loss: float, size: int, iterations: int, seeds: int) -> float:
    """Bus bandwidth in Gb/s over the mean time of an iteration, of all seeds. SystemExit as for `sweep`."""
    half = regime.ranks // 2
    # every step of the ring crosses the T1s
    ranks = tuple(
        f"h{number}" for pair in zip(range(half), range(half, 2 * half), strict=True) for number in pair
    )
    found = []
    for seed in range(1, seeds + 1):
        ask = Collective(
            regime.kind,
            "",
            ranks,
            iterations=iterations,
            piece=PIECE,
            seed=seed,
            outstanding=regime.outstanding,
        )
        one = row(
            _fabric(transport, regime.ranks),
            ask,
            size,
            transport,
            loss=loss,
            congestion="nscc" if transport == "mrc" else "fixed",
            backup_share=0,
            turn_ns=TURN_NS,
        )
        if not one.verified or one.busbw is None:
            raise SystemExit(f"{regime.kind} of {size} over {transport} at {loss:.1%}: {one.problems}")
        found.append(one.busbw * 8)
    return harmonic_mean(found)


def _fabric(transport: str, ranks: int) -> Plan:
    """The lab's topology for `transport`, with so many hosts under its two T0s, and T1s for all of them."""
    text = (ROOT / "labs" / "paper-fig16" / f"{FABRICS[transport]}.yaml").read_text(encoding="utf-8")
    return plan_of(text.replace("t1: 4, hosts_per_t0: 4", f"t1: {ranks // 2}, hosts_per_t0: {ranks // 2}"))


def gaps_of(regime: Regime) -> dict[str, float]:
    """By RoCEv2: MRC's bandwidth over its own in a regime, at 0.1 % and the smallest size."""
    iterations, seeds = RING[0]
    fewer = iterations * RANKS // regime.ranks
    found = {t: rate(regime, t, 0.001, SIZES[0], fewer, seeds) for t in TRANSPORTS}
    return {t: round(found["mrc"] / found[t], 2) for t in BASELINES}


# ---- verdicts ------------------------------------------------------------------------------------


def _ring(curves: Curves) -> Figure:
    met = {**leads(curves), "half of the best without loss is reached at larger sizes": knees_move(curves)}
    return figure(
        "loss-sweep-ring",
        [gaps(curves, 0.001)["rocev2x16"][0]],
        "times RoCEv2",
        GAP,
        at_most=False,
        sound=all(met.values()),
        criteria=met,
        one_qp=gaps(curves, 0.001)["rocev2"][0],
        sizes=SIZES,
        knees=knees(curves),
        **told(curves),
    )


def _all_to_all(curves: Curves) -> Figure:
    met = {**leads(curves), "RoCEv2 recovers at the largest size, at 0.1 %": recovers(curves)}
    return figure(
        "loss-sweep-all-to-all",
        [gaps(curves, 0.001)["rocev2"][0]],
        "times RoCEv2",
        GAP,
        at_most=False,
        sound=all(met.values()),
        criteria=met,
        sixteen_qps=gaps(curves, 0.001)["rocev2x16"][0],
        kept=kept(curves),
        sizes=SIZES,
        **told(curves),
    )


def _both(ring: Curves, direct: Curves) -> Figure:
    both = {"ring": ring, "all-to-all": direct}
    least = min(gap[0] for curves in both.values() for gap in gaps(curves, 0.001).values())
    met = bar(ring, direct)
    names = [format_size(size) for size in SIZES]
    return figure(
        "loss-sweep",
        [least],
        "times RoCEv2",
        GAP,
        at_most=False,
        sound=all(met.values()),
        criteria=met,
        gaps={f"{name} at {p:.1%}": gaps(curves, p) for name, curves in both.items() for p in LOSSES},
        orders={
            f"{name} at {p:.1%}": dict(zip(names, orders({t: curves[t, p] for t in TRANSPORTS}), strict=True))
            for name, curves in both.items()
            for p in LOSSES
        },
        paper={
            f"{name} at {p:.1%}": dict(
                zip(
                    [f"{size}MB" for size in published.MB],
                    orders({t: curves[f"{t} at {p:.1%}"] for t in TRANSPORTS}),
                    strict=True,
                )
            )
            for name, curves in (("ring", published.FIGURE_16), ("all-to-all", published.FIGURE_17))
            for p in LOSSES
        },
        regimes={name: gaps_of(regime) for name, regime in REGIMES.items()},
    )
