"""Summaries: books of a run added up by hand, and every kind of problem found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mrcnet.mrc.events import EvChanged
from mrcnet.mrc.settings import Settings
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.report import RunReport, SinkReport, SourceReport
from mrcnet.workload.summary import Recording, record, summarise
from tests.unit.plan.fabrics import shipped

PLAN = shipped("2p-2t0-2t1")
MS = 1_000_000
FLOWS = (Flow(0, "h0", "h3", 3_000, 1_000, None), Flow(1, "h1", "h2", 1_000, 1_000, None))
JOB = Job("lab", PLAN, FLOWS, Settings(), 7, MS)


def source(flow: int, **changed: Any) -> SourceReport:
    """A flow of three messages in one packet each, one of them sent twice; 10 ms to 30 ms."""
    plain = SourceReport(
        flow=flow,
        completed_bytes=3_000,
        sent=4,
        retransmitted=1,
        lost=1,
        probes=0,
        durations=[2 * MS, 4 * MS, 9 * MS],
        started_at=10 * MS,
        ended_at=30 * MS,
        base_rtt=50_000,
        done=True,
        failure=None,
        evs=[],
    )
    return replace(plain, **changed)


def sink(flow: int, **changed: Any) -> SinkReport:
    plain = SinkReport(
        flow=flow,
        verified_bytes=3_000,
        wrong=[],
        arrived=3,
        delivered=3,
        duplicates=0,
        out_of_window=0,
        arrivals=np.array([], np.int64),
    )
    return replace(plain, **changed)


def small_source(**changed: Any) -> SourceReport:
    """The second flow: one message in one packet; 20 ms to 50 ms."""
    small = {"completed_bytes": 1_000, "sent": 1, "retransmitted": 0, "durations": [30 * MS]}
    return source(1, **(small | {"started_at": 20 * MS, "ended_at": 50 * MS} | changed))


def small_sink(**changed: Any) -> SinkReport:
    return sink(1, **({"verified_bytes": 1_000, "arrived": 1, "delivered": 1} | changed))


def recording(
    first: dict[str, Any] | None = None, far: dict[str, Any] | None = None, **rest: Any
) -> Recording:
    """Two reports, as of two workers: the second holds the sinks, and more bins than the first."""
    lost, back = ("GOOD", "ASSUMED_BAD", "loss inferred"), ("ASSUMED_BAD", "GOOD", "probes answered")
    left = RunReport(
        sources=[source(0, **(first or {})), small_source()],
        sinks=[],
        events=[
            ("h0", EvChanged(40 * MS, 0x100, 1, 0, *back)),
            ("h0", EvChanged(12 * MS, 0x100, 1, 0, *lost)),
        ],
        delivered=np.array([[0, 1_000], [0, 0]]),
        drops={"not MRC": 2},
        ring_drops=1,
        refused=3,
        longest_turn=4 * MS,
    )
    right = RunReport(
        sources=[],
        sinks=[sink(0, **(far or {})), small_sink()],
        events=[("h3", EvChanged(20 * MS, 0x101, 2, 1, *lost))],
        delivered=np.array([[500, 0, 500], [1_000, 0, 1_000]]),
        drops={"not MRC": 1, "bad ICRC": 5},
        longest_turn=6 * MS,
    )
    return record(JOB, 0, [replace(left, **rest), right])


def test_a_run_without_problems() -> None:
    """Sums, rates and times of two flows are those worked out by hand."""
    result = summarise(recording())
    assert () == result.problems
    assert result.verified
    assert (4_000, 0.04, 0.04) == (result.bytes, result.seconds, result.wall_seconds)
    assert pytest.approx(4_000 * 8 / 0.04) == result.goodput_bps
    books = result.packets
    assert (5, 4, 1, 0, 1) == (books.sent, books.delivered, books.retransmitted, books.duplicates, books.lost)
    assert [(0, 2_000), (1, 2_000)] == [(plane.plane, plane.bytes) for plane in result.planes]
    assert (2, 1) == (result.evs_lost, result.evs_regained)
    assert {"not MRC": 3, "bad ICRC": 5} == result.dropped
    assert (1, 3, 6.0) == (result.ring_drops, result.refused, result.longest_turn_ms)
    assert ("lab", 7) == (result.lab, result.seed)


def test_a_flow() -> None:
    """A flow's rate runs from its first post to its last completion; its messages' times are in ms."""
    flow = summarise(recording()).flows[0]
    assert ("h0", "h3", 3_000) == (flow.src, flow.dst, flow.bytes)
    assert pytest.approx(3_000 * 8 / 0.02) == flow.goodput_bps
    assert (4.0, 9.0, 50.0) == (flow.message_ms_median, flow.message_ms_max, flow.base_rtt_us)


def test_bins_and_events_of_all_workers() -> None:
    """Bins are added even if workers recorded for different times; events are in order of time."""
    made = recording()
    assert [[500, 1_000, 500], [1_000, 0, 1_000]] == made.delivered.tolist()
    assert [12 * MS, 20 * MS, 40 * MS] == [event.at for _, event in made.events]


def test_a_duplicate_is_not_lost() -> None:
    """What was sent is delivered, a duplicate or lost: a copy that came twice is no loss."""
    books = summarise(recording(far={"arrived": 4, "duplicates": 1})).flows[0].packets
    assert (4, 3, 1, 0) == (books.sent, books.delivered, books.duplicates, books.lost)


@pytest.mark.parametrize(
    ("first", "far", "said"),
    [
        (
            {},
            {"wrong": [2, 5], "verified_bytes": 1_000},
            "2 messages arrived with wrong bytes, first number 2",
        ),
        ({"failure": "retry counter exceeded"}, {}, "the QP went to ERROR: retry counter exceeded"),
        ({"done": False}, {}, "messages were still under way at the end"),
        ({}, {"verified_bytes": 2_000}, "3000 bytes completed, 2000 verified"),
        ({"sent": 5}, {}, "the books do not balance: 5 packets sent, 1 of them again, 3 delivered"),
        (
            {},
            {"delivered": 4, "arrived": 4},
            "the books do not balance: 4 packets sent, 1 of them again, 4 delivered",
        ),
        (
            {"started_at": None, "ended_at": None, "done": False},
            {},
            "messages were still under way at the end",
        ),
    ],
)
def test_problems(first: dict[str, Any], far: dict[str, Any], said: str) -> None:
    """Each thing that can be wrong with a flow is said, with the flow's name, and the run is not verified."""
    result = summarise(recording(first, far))
    assert (f"h0 -> h3: {said}",) == result.problems
    assert not result.verified


def test_nothing_began() -> None:
    """A run in which nothing was ever posted has no rates, and no division by zero."""
    never = {
        "started_at": None,
        "ended_at": None,
        "durations": [],
        "sent": 0,
        "retransmitted": 0,
        "done": False,
    }
    far = {"verified_bytes": 0, "arrived": 0, "delivered": 0}
    made = recording(never, far, sources=[source(0, **never), small_source(**never)])
    result = summarise(made)
    assert (0.0, 0.0) == (result.goodput_bps, result.seconds)
    assert (None, 0.0) == (result.flows[0].message_ms_median, result.flows[0].goodput_bps)
    assert not result.verified
