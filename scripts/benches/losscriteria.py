"""What the curves of loss-sweep must look like, and what of them is noted. Pure."""

from __future__ import annotations

from collections.abc import Mapping

BASELINES = ("rocev2", "rocev2x16")
TRANSPORTS = ("mrc", *BASELINES)
LOSSES = (0.0, 0.001, 0.01)
SIZES = (256 << 10, 1 << 20, 4 << 20, 16 << 20)
SMALLER = 2  # so many of them are small and middle ones
GAP = 4.0

Curve = tuple[float, ...]  # bus bandwidth in Gb/s, by size
Curves = dict[tuple[str, float], Curve]  # by transport and loss


def bar(ring: Curves, direct: Curves) -> dict[str, bool]:
    """The criteria of loss-sweep in words, and whether they are met."""
    met = {}
    for name, curves in (("ring", ring), ("all-to-all", direct)):
        for transport, gap in gaps(curves, 0.001).items():
            met[f"{name}: {GAP:g} times {transport} at 0.1%, smallest size"] = gap[0] >= GAP
        for loss in LOSSES[1:]:
            found = orders({t: curves[t, loss] for t in TRANSPORTS})[:SMALLER]
            met[f"{name}: mrc > rocev2x16 > rocev2 at {loss:.1%}, smaller sizes"] = set(found) == {
                "mrc > rocev2x16 > rocev2"
            }
    met["ring: half of the best without loss is reached at larger sizes"] = knees_move(ring)
    met["all-to-all: RoCEv2 recovers at the largest size, at 0.1 %"] = recovers(direct)
    return met


def gaps(curves: Curves, loss: float) -> dict[str, list[float]]:
    """By RoCEv2: MRC's bandwidth over its own, by size."""
    return {
        transport: [
            round(mine / theirs, 2)
            for mine, theirs in zip(curves["mrc", loss], curves[transport, loss], strict=True)
        ]
        for transport in BASELINES
    }


def orders(rates: Mapping[str, tuple[float | None, ...]]) -> list[str]:
    """Size by size: the transports, the fastest first; what could not be read is left out."""
    found = []
    for column in zip(*rates.values(), strict=True):
        known = {name: value for name, value in zip(rates, column, strict=True) if value is not None}
        alike: dict[float, list[str]] = {}
        for name, value in known.items():
            alike.setdefault(value, []).append(name)
        found.append(" > ".join(" = ".join(alike[value]) for value in sorted(alike, reverse=True)))
    return found


def leads(curves: Curves) -> dict[str, bool]:
    """In words: whether MRC is before both, at 1 % everywhere, at 0.1 % at small and middle sizes."""
    return {
        f"MRC leads {transport} at {loss:.1%}, {where}": all(
            mine > theirs
            for mine, theirs in zip(curves["mrc", loss][:most], curves[transport, loss][:most], strict=True)
        )
        for loss, most, where in ((0.001, SMALLER, "smaller sizes"), (0.01, None, "all sizes"))
        for transport in BASELINES
    }


def kept(curves: Curves) -> list[float]:
    """Of its own loss-free rate, what one QP has at 0.1 %: at the smallest and at the largest size."""
    return [round(curves["rocev2", 0.001][at] / curves["rocev2", 0.0][at], 3) for at in (0, -1)]


def recovers(curves: Curves) -> bool:
    """Half of the loss-free rate at the largest size, and four times the share of the smallest."""
    least, most = kept(curves)
    return most > max(0.5, 4 * least)


def knees(curves: Curves) -> dict[str, list[int | None]]:
    """By transport, for each loss: the first size at which half of the best loss-free rate is reached."""
    found: dict[str, list[int | None]] = {}
    for transport in TRANSPORTS:
        half = max(curves[transport, 0.0]) / 2
        found[transport] = [
            next(
                (size for size, rate in zip(SIZES, curves[transport, loss], strict=True) if rate >= half),
                None,
            )
            for loss in LOSSES
        ]
    return found


def knees_move(curves: Curves) -> bool:
    """Loss moves the knee to larger sizes, or beyond them all."""
    beyond = 1 << 62
    places = [[beyond if at is None else at for at in row] for row in knees(curves).values()]
    return all(row == sorted(row) and row[0] < row[-1] for row in places if row[0] != beyond)


def told(curves: Curves) -> dict[str, list[float]]:
    """Curves for a figure's note."""
    return {f"{t} at {p:.1%}": [round(rate, 1) for rate in rates] for (t, p), rates in curves.items()}
