"""Arguments that may be written as people write them: `64MiB`, `100Gbps`, `2ms`, `1%`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mrcnet.errors import InputError

Number = TypeVar("Number", int, float)
Quantity = int | str  # in the base unit (bytes, bit/s, ns), or with one


def whole(name: str, value: Quantity, parse: Callable[[str | int], int]) -> int:
    """The argument `name` in its base unit. InputError if it is none, or not more than 0."""
    return _more_than_zero(name, value, parse)


def share(name: str, value: float | str, parse: Callable[[str | float], float]) -> float:
    """The argument `name` as a share of 1. InputError if it is none, or not more than 0."""
    return _more_than_zero(name, value, parse)


def maybe(name: str, value: Quantity | None, parse: Callable[[str | int], int]) -> int | None:
    """The same of an argument that may be left out."""
    return None if value is None else whole(name, value, parse)


def _more_than_zero(name: str, value: object, parse: Callable[..., Number]) -> Number:
    try:
        found = parse(value)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None
    if found <= 0:
        raise InputError(f"{name} must be more than 0, not {value}")
    return found
