"""Quantities as people write them, to and from integers: bit/s, bytes, nanoseconds.

Decimal prefixes are powers of ten (`100Gbps`, `5us`), binary ones powers of two (`64MiB`); a bare
number is already in the base unit.
"""

from __future__ import annotations

import re
from decimal import Decimal

RATE_UNITS = {"bps": 1, "kbps": 10**3, "mbps": 10**6, "gbps": 10**9, "tbps": 10**12}
RATE_UNITS |= {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
SIZE_UNITS = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
DURATION_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "min": 60 * 10**9,
    "h": 3600 * 10**9,
}

_QUANTITY = re.compile(r"^\s*(\d{1,18}(?:\.\d{1,18})?)\s*([A-Za-zµ/]*)\s*$")


def _parse(text: str | int, units: dict[str, int], what: str, example: str) -> int:
    match = _QUANTITY.match(str(text)) if not isinstance(text, bool) else None
    if match is None:
        raise ValueError(f"{text!r} is not a {what}; write it like {example}")
    number, unit = match.groups()
    unit = unit.lower().replace("bit/s", "bps").replace("b/s", "bps")
    if unit and unit not in units:
        raise ValueError(f"unknown unit {match.group(2)!r} in {text!r}; a {what} is written like {example}")
    value = Decimal(number) * (units[unit] if unit else 1)
    if value != value.to_integral_value():
        raise ValueError(f"{text!r} is not a whole number of base units; write it like {example}")
    return int(value)


def parse_rate(text: str | int) -> int:
    """`100Gbps` -> bit/s. Raises ValueError with an example when the text is no rate."""
    return _parse(text, RATE_UNITS, "rate", "100Gbps")


def parse_size(text: str | int) -> int:
    """`64MiB` or `4096` -> bytes. Raises ValueError with an example when the text is no size."""
    return _parse(text, SIZE_UNITS, "size", "64MiB or 4096")


def parse_duration(text: str | int) -> int:
    """`500ns` or `1.5s` -> nanoseconds. Raises ValueError with an example when the text is no duration."""
    return _parse(text, DURATION_UNITS, "duration", "500ns or 1.5s")


def parse_share(text: str | float) -> float:
    """`1%` or `0.01` -> 0.01. Raises ValueError with an example when the text is no share."""
    words = str(text).strip()
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", words)
    if match is None:
        raise ValueError(f"{text!r} is not a share; write it like 1% or 0.01")
    return float(match[1]) / (100 if match[2] else 1)


def _format(value: float, steps: tuple[tuple[float, str], ...]) -> str:
    for factor, unit in steps:
        if abs(value) >= factor:
            return f"{value / factor:.4g}{unit}"
    return f"{value:.4g}{steps[-1][1]}"


def format_rate(bps: float) -> str:
    """bit/s -> `100Gbps`."""
    return _format(bps, ((1e12, "Tbps"), (1e9, "Gbps"), (1e6, "Mbps"), (1e3, "kbps"), (1, "bps")))


def format_size(size: float) -> str:
    """bytes -> `64MiB`."""
    return _format(size, ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1, "B")))


def format_duration(ns: float) -> str:
    """nanoseconds -> `1.5ms`."""
    return _format(ns, ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1, "ns")))


def exact_rate(bps: int) -> str:
    """100 000 000 000 -> `100Gbps`: what `parse_rate` reads back to the same number."""
    return _exact(bps, (("Tbps", 10**12), ("Gbps", 10**9), ("Mbps", 10**6), ("kbps", 10**3), ("bps", 1)))


def exact_duration(ns: int) -> str:
    """500 -> `500ns`: what `parse_duration` reads back to the same number."""
    return _exact(ns, (("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)))


def _exact(value: int, units: tuple[tuple[str, int], ...]) -> str:
    return next(
        f"{value // factor}{unit}" for unit, factor in units if value % factor == 0 and (value or factor == 1)
    )
