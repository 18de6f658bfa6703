"""Traffic patterns: which host writes to which. Pure; randomness comes from the seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mrcnet.errors import InputError

Pair = tuple[str, str]


def _pair(hosts: Sequence[str], seed: int) -> list[Pair]:  # noqa: ARG001
    return [(hosts[0], hosts[-1])]


def _ring(hosts: Sequence[str], seed: int) -> list[Pair]:  # noqa: ARG001
    return [(host, hosts[(number + 1) % len(hosts)]) for number, host in enumerate(hosts)]


def _permutation(hosts: Sequence[str], seed: int) -> list[Pair]:
    """Every host writes to one and hears from one, never itself: one random cycle through all."""
    order = [hosts[number] for number in np.random.default_rng(seed).permutation(len(hosts))]
    return sorted(_ring(order, seed))


def _incast(hosts: Sequence[str], seed: int) -> list[Pair]:  # noqa: ARG001
    return [(host, hosts[0]) for host in hosts[1:]]


def _all_to_all(hosts: Sequence[str], seed: int) -> list[Pair]:  # noqa: ARG001
    return [(one, other) for one in hosts for other in hosts if one != other]


PATTERNS: dict[str, Callable[[Sequence[str], int], list[Pair]]] = {
    "pair": _pair,
    "ring": _ring,
    "permutation": _permutation,
    "incast": _incast,
    "all-to-all": _all_to_all,
}


def pairs(pattern: str, hosts: Sequence[str], seed: int) -> list[Pair]:
    """The ordered pairs of a pattern over `hosts` (pair: first to last; incast: all to the first)."""
    if len(hosts) < 2:
        raise InputError(
            f"traffic needs two hosts, there is {len(hosts)}", remedy="name two hosts at least, e.g. h0,h1"
        )
    if len(set(hosts)) != len(hosts):
        raise InputError("a host is named twice", remedy="name each host once")
    return PATTERNS[pattern](hosts, seed)
