"""Collectives under loss, MRC against RoCEv2 over one QP and over sixteen (the paper's figures 16 and 17)."""

from __future__ import annotations

from collections.abc import Iterator

from benches.collectives import row, shipped
from benches.figure import Figure, figure
from mrcnet.workload.collective import Collective

# As in the paper's test bed C: MRC on four ports, RoCEv2 on one of the same rate together. Each has the marks
# that its congestion control is made for: NSCC a steep ramp and trimming, DCQCN a flat one and deep ports.
FABRICS = {"mrc": shipped("paper-fig16/topology"), "rocev2": shipped("paper-fig16/rocev2-topology")}
FABRICS["rocev2x16"] = FABRICS["rocev2"]
# every step of the ring crosses the T1s
RANKS = ("h0", "h4", "h1", "h5", "h2", "h6", "h3", "h7")
PIECE = 64 << 10
LOSSES = (0.0, 0.001, 0.01)
# bytes, and iterations: so many that even short ones see some losses
RING = ((256 << 10, 40), (1 << 20, 12), (4 << 20, 3), (16 << 20, 1))
ALL_TO_ALL = ((256 << 10, 60), (1 << 20, 20), (4 << 20, 5), (16 << 20, 2))
TURN_NS = 2_000

Curve = tuple[float, ...]  # bus bandwidth in Gb/s, by size


def curve(kind: str, transport: str, loss: float, sizes: tuple[tuple[int, int], ...]) -> Curve:
    """One line of the figure. SystemExit if an element was wrong."""
    found = []
    for size, iterations in sizes:
        ask = Collective(kind, "", RANKS, iterations=iterations, piece=PIECE)
        congestion = "nscc" if transport == "mrc" else "fixed"
        one = row(
            FABRICS[transport],
            ask,
            size,
            transport,
            loss=loss,
            congestion=congestion,
            backup_share=0,
            turn_ns=TURN_NS,
        )
        if not one.verified or one.busbw is None:
            raise SystemExit(f"{kind} of {size} over {transport} at {loss:.1%}: {one.problems}")
        found.append(one.busbw * 8)
    return tuple(found)


def loss_sweep() -> Iterator[Figure]:
    """loss-sweep-ring: MRC's bus bandwidth over that of sixteen QPs in a ring all-reduce at 0.1 % and the
    smallest size. Sound if MRC leads both RoCEv2, at 1 % at every size and at 0.1 % at small and middle ones,
    and the size at which a curve reaches half of its loss-free best moves right with loss. One QP is noted:
    its next message soon asks for what was lost of the last one, where each of sixteen waits for its timer.

    loss-sweep-all-to-all: the same over one QP. Sound if MRC leads as above, and RoCEv2 recovers, or it would
    be a straw man: at the largest size it has half of its own loss-free rate and four times the share that it
    has at the smallest.
    """
    ring = {(t, p): curve("all-reduce", t, p, RING) for t in FABRICS for p in LOSSES}
    met = {**leads(ring), "half of the best without loss is reached at larger sizes": knees_move(ring)}
    yield figure(
        "loss-sweep-ring",
        [ring["mrc", 0.001][0] / ring["rocev2x16", 0.001][0]],
        "times RoCEv2",
        4,
        at_most=False,
        sound=all(met.values()),
        criteria=met,
        one_qp=round(ring["mrc", 0.001][0] / ring["rocev2", 0.001][0], 2),
        sizes=[size for size, _ in RING],
        knees=knees(ring),
        **told(ring),
    )
    a2a = {(t, p): curve("all-to-all", t, p, ALL_TO_ALL) for t in FABRICS for p in LOSSES}
    kept = [a2a["rocev2", 0.001][at] / a2a["rocev2", 0.0][at] for at in (0, -1)]
    met = {
        **leads(a2a),
        "RoCEv2 recovers at the largest size, at 0.1 %": kept[1] > max(0.5, 4 * kept[0]),
    }
    yield figure(
        "loss-sweep-all-to-all",
        [a2a["mrc", 0.001][0] / a2a["rocev2", 0.001][0]],
        "times RoCEv2",
        4,
        at_most=False,
        sound=all(met.values()),
        criteria=met,
        kept=[round(one, 3) for one in kept],
        sizes=[size for size, _ in ALL_TO_ALL],
        **told(a2a),
    )


def leads(curves: dict[tuple[str, float], Curve]) -> dict[str, bool]:
    """In words: whether MRC is before both, at 1 % everywhere, at 0.1 % at small and middle sizes."""
    return {
        f"MRC leads {transport} at {loss:.1%}, {where}": all(
            mine > theirs
            for mine, theirs in zip(curves["mrc", loss][:most], curves[transport, loss][:most], strict=True)
        )
        for loss, most, where in ((0.001, 2, "smaller sizes"), (0.01, None, "all sizes"))
        for transport in ("rocev2", "rocev2x16")
    }


def knees(curves: dict[tuple[str, float], Curve]) -> dict[str, list[int | None]]:
    """By transport, for each loss: the first size at which half of the best loss-free rate is reached."""
    sizes = [size for size, _ in RING]
    found: dict[str, list[int | None]] = {}
    for transport in FABRICS:
        half = max(curves[transport, 0.0]) / 2
        found[transport] = [
            next(
                (size for size, rate in zip(sizes, curves[transport, loss], strict=True) if rate >= half),
                None,
            )
            for loss in LOSSES
        ]
    return found


def knees_move(curves: dict[tuple[str, float], Curve]) -> bool:
    """Loss moves the knee to larger sizes, or beyond them all."""
    beyond = 1 << 62
    places = [[beyond if at is None else at for at in row] for row in knees(curves).values()]
    return all(row == sorted(row) and row[0] < row[-1] for row in places if row[0] != beyond)


def told(curves: dict[tuple[str, float], Curve]) -> dict[str, list[float]]:
    """Curves for a figure's note."""
    return {f"{t} at {p:.1%}": [round(rate, 1) for rate in rates] for (t, p), rates in curves.items()}
