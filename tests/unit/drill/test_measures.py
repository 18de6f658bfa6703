"""Every measure on a recording of which the answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mrcnet.drill.measures import measure
from mrcnet.drill.model import Done, Measures, Op
from mrcnet.drill.story import story
from mrcnet.mrc.events import PlaneChanged, QpFailed
from mrcnet.plan.crossings import Crossings
from mrcnet.plan.target import find_link
from mrcnet.workload.report import Told
from tests.unit.drill.recordings import (
    CUT,
    DEAD,
    DOWN,
    END,
    HEAL,
    LINK,
    MS,
    OTHER,
    PLAN,
    change,
    faults,
    lost,
    recording,
    step,
)

BAD, GOOD = "ASSUMED_BAD", "GOOD"


def measured(*events: tuple[str, Told], error: int = 0, healed: bool = True, **changed: Any) -> Measures:
    return measure(recording(*events, **changed), faults(error, healed), END)


def test_a_run_in_which_nothing_happened() -> None:
    """Without a loss nothing was detected and nothing lost; goodput is the same throughout."""
    found = measured()
    assert (None, None, 0.0) == (found.detection_ms, found.last_loss_ms, found.recovery_ms)
    assert (2, 0, 0, 0, 0) == (
        found.evs_on_link,
        found.evs_hit,
        found.evs_lost,
        found.evs_lost_elsewhere,
        found.evs_regained,
    )
    assert pytest.approx([16e6] * 3) == [
        found.goodput_before_bps,
        found.goodput_during_bps,
        found.goodput_after_bps,
    ]
    assert pytest.approx(1.0) == found.goodput_after_share
    assert pytest.approx([8e6, 8e6]) == found.planes_before_bps


def test_detection() -> None:
    """Detection is the first EV of the dead link out, whichever flow's; others that go do not count."""
    found = measured(
        change(CUT + 1 * MS, OTHER, GOOD, BAD),
        change(CUT + 7 * MS, DEAD, GOOD, BAD, flow=1),
        change(CUT + 9 * MS, DEAD, GOOD, BAD),
        change(CUT - 5 * MS, DEAD, GOOD, BAD),
    )
    assert 7.0 == found.detection_ms
    assert (2, 3, 1) == (found.evs_hit, found.evs_lost, found.evs_lost_elsewhere)


def test_a_withdrawn_plane_is_a_detection() -> None:
    """A host that lost its port withdraws the plane: that tells of the cut as well as an EV does."""
    plane = DEAD >> 16
    away = [
        ("h0", PlaneChanged(CUT + at * MS, 0x100, number, up, "peer port"))
        for at, number, up in ((2, plane + 1, False), (3, plane, True), (5, plane, False), (6, plane, False))
    ]
    assert 5.0 == measured(*away).detection_ms
    assert 4.0 == measured(change(CUT + 4 * MS, DEAD, GOOD, BAD), *away).detection_ms


def test_an_ev_that_goes_twice() -> None:
    """An EV that came back and went again was hit once, and lost twice."""
    found = measured(
        change(CUT + 2 * MS, DEAD, GOOD, BAD),
        change(CUT + 20 * MS, DEAD, BAD, GOOD),
        change(CUT + 30 * MS, DEAD, "SKIP", BAD),
        change(HEAL + 20 * MS, DEAD, BAD, GOOD),
        change(HEAL + 30 * MS, OTHER, "SKIP", GOOD),
    )
    assert (1, 2, 0, 2) == (found.evs_hit, found.evs_lost, found.evs_lost_elsewhere, found.evs_regained)


def test_events_within_the_error_bar_belong_to_the_cut() -> None:
    """The cut may have been earlier by its error bar: what happened since then is its doing."""
    events = (change(CUT - 3 * MS, DEAD, GOOD, BAD), lost(CUT - 3 * MS, DEAD, CUT - 4 * MS))
    with_bar = measured(*events, error=3 * MS)
    assert (3.0, -3.0, -4.0, 1) == (
        with_bar.error_ms,
        with_bar.detection_ms,
        with_bar.last_loss_ms,
        with_bar.evs_hit,
    )
    without = measured(*events, error=3 * MS - 1)
    assert (None, None, 0) == (without.detection_ms, without.last_loss_ms, without.evs_hit)


def test_last_loss() -> None:
    """The last loss is the latest send time of a packet lost on the dead link, not when it was missed."""
    found = measured(
        lost(CUT + 9 * MS, DEAD, CUT - 1 * MS, CUT + 4 * MS),
        lost(CUT + 12 * MS, DEAD, CUT + 6 * MS, flow=1),
        lost(CUT + 50 * MS, OTHER, CUT + 40 * MS),
    )
    assert 6.0 == found.last_loss_ms
    assert 3 == found.packets_lost_on_dead_evs


def test_losses_after_the_heal_are_not_the_cuts() -> None:
    """A packet that was sent after the heal and lost was not lost by the cut."""
    events = (lost(CUT + 2 * MS, DEAD, CUT + 1 * MS), lost(HEAL + 5 * MS, DEAD, HEAL))
    assert (1.0, 1) == (measured(*events).last_loss_ms, measured(*events).packets_lost_on_dead_evs)
    assert 400.0 == measured(*events, healed=False).last_loss_ms


def test_heal_of_another_link_is_not_the_heal() -> None:
    """Only the heal of the cut link ends its outage; the link counts, not the words that name it."""
    delivered = np.full((2, 1_000), 1_000, np.int64)
    delivered[:, 400:710] = 0
    first, second = faults()
    other = Op("down", find_link(PLAN, "p1-t0-0:p1-t1-1"))
    elsewhere = Done(step("heal", "p1-t0-0:p1-t1-1"), CUT + 10 * MS, 0, undid=(other,))
    by_port = Done(step("heal", "p0-t1-1:p0-t0-0"), second.at, 0, undid=(DOWN,))
    made = recording(delivered=delivered)
    assert measure(made, (first, elsewhere, by_port), END).recovery_ms is None  # only 90 ms until the heal
    assert 310.0 == measure(made, (first, elsewhere), END).recovery_ms


def test_longest_gap() -> None:
    """The longest gap of any flow; the one into which the cut falls counts from its beginning."""
    arrivals = np.array(
        [ms * MS for ms in (0, 50, 110, 150, 200, 300, 390, 415, 417, 500, 600, 700, 790, 900, 1_000)]
    )
    found = measured(sink={"arrivals": arrivals})
    assert 110.0 == found.longest_gap_ms  # 790 to 900
    assert 100.0 == found.longest_gap_before_ms  # 200 to 300; the first 100 ms are warm-up


def test_gap_around_the_cut() -> None:
    """From the last delivery before the cut to the first one after it."""
    arrivals = np.concatenate((np.arange(0, 395, 5), np.arange(430, 1_001, 5))) * MS
    assert 40.0 == measured(sink={"arrivals": arrivals}).longest_gap_ms  # 390 to 430


def test_a_flow_that_stays_dead_has_a_gap_to_the_end() -> None:
    """When nothing came any more, the gap runs from the last delivery until posting ended."""
    arrivals = np.arange(0, 401, 5) * MS
    assert 600.0 == measured(sink={"arrivals": arrivals}).longest_gap_ms


def test_a_flow_that_never_delivered() -> None:
    """Without any delivery the gap is the whole run."""
    found = measured(sink={"arrivals": np.array([], np.int64)})
    assert (1_000.0, 400.0) == (found.longest_gap_ms, found.longest_gap_before_ms)


def test_books() -> None:
    """Packets lost are those sent that never arrived, over both flows; copies are no losses."""
    found = measured(
        source={"sent": 1_010, "retransmitted": 10},
        sink={"arrived": 1_003, "duplicates": 3, "wrong": [4, 5]},
    )
    assert (7, 10, 3, 2) == (
        found.packets_lost,
        found.packets_retransmitted,
        found.duplicates,
        found.messages_wrong,
    )


def test_goodput_by_plane() -> None:
    """A plane that loses half shows in the plane's figures, and in the share of the whole."""
    delivered = np.full((2, 1_000), 1_000, np.int64)
    delivered[0, 400:800] = 500
    found = measured(delivered=delivered)
    assert pytest.approx([4e6, 8e6]) == found.planes_after_bps
    assert pytest.approx(0.75) == found.goodput_after_share
    assert found.recovery_ms is None


def test_evs_on_a_link() -> None:
    """A T0-T1 link carries one EV of a pair under different T0s, a host link all of a plane, others none."""
    crossings, link = Crossings(PLAN), find_link(PLAN, LINK)
    assert {DEAD} == crossings.evs("h0", "h3", [link])
    assert {DEAD} == crossings.evs("h3", "h0", [link])
    assert {1, 2} == crossings.evs("h0", "h3", [find_link(PLAN, "h0:p0-t0-0")])
    assert set() == crossings.evs("h0", "h1", [link])


def test_story() -> None:
    """Faults and events in order of time, in milliseconds since traffic began, in words."""
    failed: tuple[str, Told] = ("h1", QpFailed(900 * MS, 0x102, "retry counter exceeded"))
    made = recording(failed, change(410 * MS, DEAD, GOOD, BAD), lost(405 * MS, DEAD, 400 * MS, 401 * MS))
    silent = Done(step("cut", silent=True), CUT, 0)
    told = [(line.at_ms, line.kind, line.text) for line in story(made, (silent, faults()[1]))]
    assert [
        (400.0, "cut", f"{LINK} (silent)"),
        (405.0, "lost", "h0 QP 0x100: 2 packets (loss inferred)"),
        (410.0, "ev", "h0 QP 0x100 EV 0x00000002 plane 0: GOOD -> ASSUMED_BAD (loss inferred)"),
        (800.0, "heal", LINK),
        (900.0, "qp", "h1 QP 0x102 to ERROR: retry counter exceeded"),
    ] == told
