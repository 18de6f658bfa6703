"""Figures in words, the same in every form of a result. Pure."""

from __future__ import annotations

from mrcnet.report.model import Expectation, Figure
from mrcnet.units import format_rate


def bounds(expectation: Expectation) -> str:
    """`>= 1 and <= 3`."""
    found = []
    if expectation.at_least is not None:
        found.append(f">= {expectation.at_least:g}")
    if expectation.at_most is not None:
        found.append(f"<= {expectation.at_most:g}")
    return " and ".join(found)


def value(figure: Figure) -> str:
    """A bare figure; None is one that did not occur."""
    if isinstance(figure, tuple):
        return ", ".join(value(one) for one in figure)
    return "never" if figure is None else f"{figure:.6g}"


def figure(name: str, number: Figure) -> str:
    """A measure's figure with the unit that its name says."""
    if isinstance(number, tuple):
        return ", ".join(figure(name, one) for one in number)
    if number is None:
        return "never"
    if name.endswith("_bps"):
        return format_rate(round(number))
    if name.endswith(("_ms", "_ms_p50", "_ms_p99", "_ms_max")):
        return milliseconds(number)
    if name.endswith("_share"):
        return f"{number:.2%}"
    return f"{number:.6g}"


def milliseconds(number: float) -> str:
    """`2.793 ms`, or in µs and s where these are easier to read."""
    if number == 0:
        return "0 ms"
    if abs(number) < 0.1:
        return f"{number * 1000:.3g} µs"
    return f"{number:.3f} ms" if abs(number) < 1000 else f"{number / 1000:.3f} s"


def title(name: str) -> str:
    """`longest_gap_ms` -> `longest gap`."""
    for unit in ("_ms", "_bps"):
        name = name.removesuffix(unit)
    return name.replace("_", " ")
