"""Two results, measure by measure: what differs, and which is better. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mrcnet.report.model import PASSED, Result

# A measure is better when it is lower, but for these: by what their names begin with.
_HIGHER = ("goodput_", "planes_", "evs_regained", "jain", "slowest_share", "leanest_share", "plateau_share")
_NEITHER = ("error_ms", "evs_on_link", "longest_gap_before_ms", "last_loss_ms", "rtt_ms", "rto_ms", "also_")
# These count from the fault's instant, so that they carry its error bar.
_FROM_FAULT = ("detection_ms", "last_loss_ms", "recovery_ms", "respray_ms")

SAME, BETTER, WORSE, OTHER = "same", "better", "worse", "other"


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure in both; None: it did not occur. `judged` says what the second is, held against the first:
    same, better, worse, or other (neither is better). `share` is the change relative to the first; None if
    there is none to tell, as from 0. `gone_wrong`: worse by more than was allowed.
    """

    measure: str
    first: float | None
    second: float | None
    delta: float | None
    share: float | None
    judged: str
    gone_wrong: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two results. `alike`: they ran the same files with the same seed on the same fabric."""

    drills: tuple[str, str]
    verdicts: tuple[str, str]
    alike: bool
    differences: tuple[Difference, ...]
    failed: bool


def compare(first: Result, second: Result, most: float | None = None) -> Comparison:
    """Hold the second result against the first.

    It fails if a measure is worse by more than the share `most`, or if the first passed and the second did
    not; with `most` None it never fails. What is within the error bars of both is the same.
    """
    differences = tuple(_differences(first, second, most))
    fell = first.verdict == PASSED and second.verdict != PASSED
    return Comparison(
        drills=(first.drill, second.drill),
        verdicts=(first.verdict, second.verdict),
        alike=_key(first) == _key(second),
        differences=differences,
        failed=most is not None and (fell or any(one.gone_wrong for one in differences)),
    )


def _key(result: Result) -> tuple[str, str, int, str]:
    return result.origin.digest, result.origin.topology_digest, result.seed, result.on


def _differences(first: Result, second: Result, most: float | None) -> Iterator[Difference]:
    ours, theirs = first.metrics or {}, second.metrics or {}
    bars = [metrics.get("error_ms") for metrics in (ours, theirs)]
    bar = sum(one for one in bars if isinstance(one, int | float))
    for name in ours:
        a, b = ours[name], theirs.get(name)
        if name in theirs and not isinstance(a, tuple) and not isinstance(b, tuple):
            yield _difference(name, a, b, bar if name in _FROM_FAULT else 0.0, most)


def _difference(name: str, a: float | None, b: float | None, bar: float, most: float | None) -> Difference:
    delta = None if a is None or b is None else b - a
    share = None if delta is None or not a else delta / abs(a)
    judged = _judge(name, a, b, delta, bar)
    excess = float("inf") if share is None else abs(share)
    wrong = judged == WORSE and most is not None and excess > most
    return Difference(name, a, b, delta, share, judged, wrong)


def _judge(name: str, a: float | None, b: float | None, delta: float | None, bar: float) -> str:
    """A measure that never occurred (never detected, never recovered) is worse than any that did."""
    if (a is None and b is None) or (delta is not None and abs(delta) <= bar):
        return SAME
    if name.startswith(_NEITHER):
        return OTHER
    if delta is None:
        return WORSE if b is None else BETTER
    return BETTER if (delta > 0) == name.startswith(_HIGHER) else WORSE
