"""Goodput and recovery from bins, against answers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.drill.goodput import Curve, Goodput, goodput
from tests.unit.drill.recordings import CUT, HEAL, MS, steady

BEGIN = 100 * MS
RATE = 8e6  # bit/s of a plane that delivers 1000 bytes every ms


def judge(delivered: np.ndarray, cut: int = CUT, until: int = HEAL) -> Goodput:
    return goodput(Curve(delivered, 0, MS), BEGIN, cut, until)


def test_nothing_disturbed() -> None:
    """A steady stream has the same goodput before, during and after, and was never lost: recovery 0."""
    found = judge(steady())
    for rates in (found.before, found.during, found.after):
        assert pytest.approx([RATE, RATE]) == rates.tolist()
    assert 0 == found.recovery


def test_outage() -> None:
    """30 ms without deliveries: recovered after 30 ms; during them the first 100 ms lack 30 %."""
    delivered = steady()
    delivered[:, 400:430] = 0
    found = judge(delivered)
    assert 30 * MS == found.recovery
    assert pytest.approx([0.7 * RATE] * 2) == found.during.tolist()
    assert pytest.approx([RATE] * 2) == found.after.tolist()


def test_cut_in_the_middle_of_a_bin() -> None:
    """Only bins that begin after the cut count: recovery is from the cut to the beginning of a bin."""
    delivered = steady()
    delivered[:, 400:430] = 0
    assert 29_750_000 == judge(delivered, cut=CUT + 250_000).recovery


def test_catching_up_does_not_hide_an_outage() -> None:
    """What was held up and comes all at once later does not make the outage undone."""
    delivered = steady()
    delivered[:, 400:430] = 0
    delivered[:, 430:440] = 4_000  # 100 ms together are whole, but the first 30 were empty
    recovery = judge(delivered).recovery
    assert recovery is not None
    assert 20 * MS < recovery <= 30 * MS


def test_usual_unevenness_is_no_outage() -> None:
    """Gaps as they were before the cut do not count as its doing."""
    delivered = steady()
    for start in range(0, 1_000, 50):
        delivered[:, start : start + 5] = 0
        delivered[:, start + 5] = 6_000
    assert 0 == judge(delivered).recovery


def test_capacity_lost_for_good() -> None:
    """If less comes ever after, it never recovers; goodput after is what comes once 100 ms are over."""
    delivered = steady()
    delivered[1, 400:] = 500
    found = judge(delivered)
    assert found.recovery is None
    assert pytest.approx([RATE, RATE / 2]) == found.after.tolist()
    assert pytest.approx([RATE, RATE / 2]) == found.during.tolist()


@pytest.mark.parametrize(("share", "recovered"), [(0.991, True), (0.989, False)])
def test_recovery_is_99_percent(share: float, recovered: bool) -> None:
    """99.1 % of before is recovered, 98.9 % is not."""
    delivered = steady() * 1_000
    delivered[:, 400:] = round(1_000_000 * share)
    assert recovered == (judge(delivered).recovery is not None)


def test_late_recovery_must_last() -> None:
    """Ten good milliseconds between two outages are no recovery."""
    delivered = steady()
    delivered[:, 400:450] = 0
    delivered[:, 460:500] = 0
    assert 100 * MS == judge(delivered).recovery


def test_heal_comes_too_early() -> None:
    """If the heal comes before 100 ms were seen, nobody can tell: never recovered."""
    assert judge(steady(), until=CUT + 99 * MS).recovery is None


def test_deliveries_that_end_are_missed() -> None:
    """Time after the last delivery counts as time in which nothing came, not as time not measured."""
    found = judge(steady()[:, :450])
    assert found.recovery is None
    assert pytest.approx([RATE / 2] * 2) == found.during.tolist()
    assert 0 <= found.after.sum() < 0.1 * RATE


def test_nothing_before() -> None:
    """Without goodput before there is nothing to get back to."""
    delivered = steady()
    delivered[:, :400] = 0
    found = judge(delivered)
    assert found.recovery is None
    assert [0, 0] == found.before.tolist()


@given(st.integers(5, 40))
def test_a_stall_at_an_edge_hardly_counts(stall: int) -> None:
    """A stall just before the cut falsifies goodput by less than half of what it does to the mean."""
    delivered = steady()
    delivered[:, 400 - stall : 400] = 0
    delivered[:, 400] = (stall + 1) * 1_000
    error = abs(judge(delivered).before.sum() / (2 * RATE) - 1)
    assert error < stall / 300 / 2


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=60))
def test_slopes_of_planes_add_up(bins: list[int]) -> None:
    """The goodputs of the planes add up to that of the fabric, whatever they delivered."""
    delivered = np.array([bins, bins[::-1]])
    whole = Curve(delivered.sum(axis=0, keepdims=True), 0, MS).slope(0, len(bins))
    assert pytest.approx(whole.sum()) == Curve(delivered, 0, MS).slope(0, len(bins)).sum()


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_slope_of_a_steady_stream_is_its_mean(size: int, bins: int) -> None:
    """For a steady stream of any length slope and mean are the same."""
    curve = Curve(np.full((1, bins), size), 0, MS)
    assert pytest.approx(curve.mean(0, bins)) == curve.slope(0, bins)
