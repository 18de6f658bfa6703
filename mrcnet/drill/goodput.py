"""Goodput before, during and after a cut, and when it was back: from bins of delivered bytes. Pure.

The words are defined in GLOSSARY.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

WINDOW = 100  # bins that must be good together ...
SPOT = 10  # ... with no stretch of so many bins leaner than any before: a stall is not made up for later
BACK = 0.99  # of the goodput before

Rates = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Goodput:
    """bit/s per plane (planes), and the time from the cut to the recovery in ns; None: never."""

    before: Rates
    during: Rates
    after: Rates
    recovery: int | None


class Curve:
    """Delivered bytes, cumulated: any stretch's sum is one subtraction."""

    def __init__(self, delivered: npt.NDArray[np.int64], start: int, width: int) -> None:
        """`delivered`: bytes (planes, bins of `width` ns) from the instant `start` on, then nothing."""
        self._start = start
        self.width = width
        self._sums = np.pad(np.cumsum(delivered, axis=1), ((0, 0), (1, 0)))

    def first(self, at: int) -> int:
        """The first bin that begins at or after an instant."""
        return max(0, -(-(at - self._start) // self.width))

    def last(self, at: int) -> int:
        """The bin that an instant falls into: those before it have ended by then."""
        return max(0, (at - self._start) // self.width)

    def begins(self, number: int) -> int:
        """When a bin begins."""
        return self._start + number * self.width

    def _upto(self, number: npt.NDArray[np.int64] | int) -> npt.NDArray[np.int64]:
        return self._sums[:, np.minimum(number, self._sums.shape[1] - 1)]

    def mean(self, first: int, last: int) -> Rates:
        """bit/s per plane over the bins [first, last); 0 for none."""
        if last <= first:
            return np.zeros(len(self._sums))
        return (self._upto(last) - self._upto(first)) * 8e9 / ((last - first) * self.width)

    def slope(self, first: int, last: int) -> Rates:
        """bit/s per plane over the bins [first, last): the line of least squares through the cumulated bytes.

        For a steady stream that is the mean; but a machine's stall at an edge, of which the catching up (or
        the stall itself) lies outside, hardly bends the line, where it would falsify the mean.
        """
        if last <= first:
            return np.zeros(len(self._sums))
        number = np.arange(first, last + 1)
        off_centre = number - number.mean()
        slope = self._upto(number) @ off_centre / (off_centre @ off_centre)  # bytes a bin
        return np.asarray(slope * 8e9 / self.width)

    def sliding(self, first: int, last: int, size: int) -> npt.NDArray[np.int64]:
        """Bytes of all planes in every stretch of `size` bins within [first, last), by where it begins."""
        begin = np.arange(first, last - size + 1)
        return np.asarray((self._upto(begin + size) - self._upto(begin)).sum(axis=0), np.int64)


def goodput(curve: Curve, steady: int, cut: int, until: int, later: int | None = None) -> Goodput:
    """Compare what came from `cut` to `until` with what came from `steady` to `cut` (instants in ns).

    With `later`, an instant after the cut, what came from then on is compared instead.
    """
    begin, end, stop = curve.first(steady), curve.last(cut), curve.last(until)
    broken = curve.first(cut if later is None else later)
    before = curve.slope(begin, end)
    leanest = curve.sliding(begin, end, SPOT).min(initial=np.iinfo(np.int64).max)
    number = _recovered(curve, broken, stop, float(before.sum()) * curve.width / 8e9, int(leanest))
    settled = broken + WINDOW if number is None else number
    return Goodput(
        before=before,
        during=curve.mean(broken, min(stop, max(settled, broken + WINDOW))),
        after=curve.slope(settled, stop),
        recovery=None
        if number is None
        else 0
        if number == broken
        else curve.begins(number) - (cut if later is None else later),
    )


def _recovered(curve: Curve, broken: int, stop: int, usual: float, leanest: int) -> int | None:
    """The first bin of [broken, stop) from which on bytes come as before: `usual` a bin, `leanest` a spot."""
    whole, spots = curve.sliding(broken, stop, WINDOW), curve.sliding(broken, stop, SPOT)
    if not usual or not len(whole):
        return None
    lean = np.concatenate(([0], np.cumsum(spots < min(leanest, BACK * usual * SPOT))))
    starts = np.arange(len(whole))
    good = (whole >= BACK * usual * WINDOW) & (lean[starts + WINDOW - SPOT + 1] == lean[starts])
    return broken + int(good.argmax()) if good.any() else None
