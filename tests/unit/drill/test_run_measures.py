"""Measures of a whole run, on recordings of which the answer is known; each turns red when it should."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mrcnet.drill.measures import measure
from mrcnet.drill.model import Expectation, Measures
from mrcnet.drill.verdict import judge
from mrcnet.workload.rank import RankReport
from mrcnet.workload.report import Told
from tests.unit.drill.recordings import CUT, DEAD, END, MS, OTHER, change, faults, lost, recording

BAD, GOOD = "ASSUMED_BAD", "GOOD"


def measured(*events: tuple[str, Told], trimmed: int = 0, error: int = 0, **changed: Any) -> Measures:
    return measure(recording(*events, **changed), faults(error), END, trimmed=trimmed)


@pytest.mark.parametrize(
    ("name", "most", "broken"),
    [
        ("duplicates", 0, measured(sink={"duplicates": 1})),
        ("messages_wrong", 0, measured(sink={"wrong": [4]})),
        ("trimmed", 0, measured(trimmed=3)),
        ("false_assumed_bad", 0, measured(change(CUT + MS, OTHER, GOOD, BAD))),
        ("error_ms", 0, measured(error=MS)),
        ("longest_gap_before_ms", 1, measured(sink={"arrivals": recording().sinks[0].arrivals[::4]})),
        ("rtt_ms", 0.06, measured(source={"base_rtt": 90_000})),
    ],
)
def test_too_much_is_red(name: str, most: float, broken: Measures) -> None:
    """A bound from above is met by a run in which nothing happened, and not by one that breaks it."""
    expected = [Expectation(name, None, most)]
    assert [True, False] == [judge(expected, found)[0].met for found in (measured(), broken)]


def test_wrong_elements_count() -> None:
    """Elements of a collective that are wrong count as messages do; those of one that never ended do not."""
    ranks = [RankReport(1, 0, "h0", (END, None), (3, 9)), RankReport(1, 1, "h1", (END, END), (0, 2))]
    assert 5 == measured(ranks=ranks).messages_wrong


@pytest.mark.parametrize("name", ["jain", "slowest_share"])
def test_unfair_is_red(name: str) -> None:
    """Two flows of which one got a tenth are not fair."""
    expected = [Expectation(name, 0.98, None)]
    unfair = measured(sink={"verified_bytes": 1})
    assert [True, False] == [judge(expected, found)[0].met for found in (measured(), unfair)]


def test_an_ev_on_the_link_is_no_false_alarm() -> None:
    """An EV that crosses what was cut goes rightly, after the cut; before it, it is a false alarm."""
    assert 0 == measured(change(CUT + MS, DEAD, GOOD, BAD)).false_assumed_bad
    assert 1 == measured(change(CUT - MS, DEAD, GOOD, BAD)).false_assumed_bad


def test_losses_by_qp_and_ev() -> None:
    """Packets lost are counted by QP and by EV; those without a loss are not among them."""
    found = measured(
        lost(CUT + 2 * MS, DEAD, CUT, CUT + 1, CUT + 2), lost(CUT + 3 * MS, DEAD, CUT + MS, flow=1)
    )
    assert (2.0, 3.0, 2.0, 3.0, 2) == (
        found.lost_per_qp_mean,
        found.lost_per_qp_max,
        found.lost_per_ev_median,
        found.lost_per_ev_max,
        found.qps_hit,
    )


def test_respray() -> None:
    """Spraying has closed over the cut when the last EV on the link was left for the first time."""
    found = measured(
        change(CUT + 2 * MS, DEAD, GOOD, BAD),
        change(CUT + 5 * MS, DEAD, GOOD, BAD, flow=1),
        change(CUT + 9 * MS, DEAD, BAD, GOOD),
        change(CUT + 11 * MS, DEAD, GOOD, BAD),
    )
    assert (2.0, 5.0) == (found.detection_ms, found.respray_ms)


def test_churn() -> None:
    """Every change into and out of ASSUMED_BAD counts, over the number of QPs."""
    found = measured(change(CUT + MS, DEAD, GOOD, BAD), change(CUT + 9 * MS, DEAD, BAD, GOOD))
    assert 1.0 == found.ev_churn


def test_messages() -> None:
    """Percentiles are over all messages; the stretch is that of the longest after the cut."""
    source = {"durations": [MS, MS, MS, 5 * MS], "ends": [100 * MS, 200 * MS, 300 * MS, CUT + MS]}
    found = measured(source=source)
    assert (5.0, 5.0) == (found.message_ms_max, found.step_stretch)


def test_loss_rate_falls() -> None:
    """The worst tenth of a run against its last three."""
    early = lost(50 * MS, DEAD, *range(40))
    assert 120.0 == measured(early).loss_fall
    assert 40 / (30 / 3) == measured(early, lost(END - MS, DEAD, *range(30))).loss_fall
    assert measured().loss_fall is None


def test_rtos() -> None:
    """The timeout is that of the settings with which the run was made."""
    assert replace(measured(), rto_ms=None) != measured()
    assert pytest.approx(134.2, abs=0.1) == measured().rto_ms
