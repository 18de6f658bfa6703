"""What is drawn of a run: EVs and their states, time lines, faults, completions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mrcnet.drill.result import conclude
from mrcnet.plan.paths import paths
from mrcnet.report.model import WITHDRAWN, Ev, Fault, Picture, Span
from mrcnet.report.picture import picture
from mrcnet.report.portchart import ports
from mrcnet.workload.portsamples import PortSamples
from tests.unit.drill.recordings import (
    CUT,
    DEAD,
    END,
    FLOWS,
    HEAL,
    LINK,
    MS,
    PLAN,
    STEADY,
    change,
    faults,
    lost,
    recording,
)
from tests.unit.report.results import DRILL, EVENTS, result, withdrawal


def the_ev(drawn: Picture, ev: int, flow: int = 0) -> Ev:
    return next(row for row in drawn.evs if (row.ev, row.src) == (ev, FLOWS[flow].src))


def test_what_ports_carried_around_a_fault() -> None:
    """Frames of ports are told bin by bin around the cut, as they were counted; a report draws them."""
    at = np.arange(0, END, 2 * MS)
    counts = np.stack([at // MS, np.minimum(at, CUT) // MS], axis=1)  # one a millisecond; until the cut
    samples = PortSamples(("p0-t0-0:eth3", "p0-t0-0:eth4"), at, counts, 0 * counts)
    seen = replace(recording(*EVENTS), ports=samples)
    told = conclude(DRILL, "sim", seen, faults())
    (drawn,) = picture(PLAN, told, seen).ports
    assert (CUT / MS - 50, 2.0) == (drawn.start_ms, drawn.bin_ms)
    alive, dead = drawn.ports
    assert {2} == set(alive.sent)
    assert [2] * 25 + [0] * (len(dead.sent) - 25) == list(dead.sent)
    assert {0} == set(alive.received)
    svg = ports("x", drawn, picture(PLAN, told, seen).faults)
    assert "p0-t0-0:eth4" in svg


def test_every_ev_has_a_row_and_its_walk() -> None:
    """Each EV of each flow is there once, with the nodes that its packets pass."""
    drawn = result().picture
    expected = [(flow.src, flow.dst, path.ev) for flow in FLOWS for path in paths(PLAN, flow.src, flow.dst)]
    assert expected == [(row.src, row.dst, row.ev) for row in drawn.evs]
    assert ("h0", "p0-t0-0", "p0-t1-1", "p0-t0-1", "h3") == the_ev(drawn, DEAD).walk


def test_states_begin_with_the_traffic() -> None:
    """An EV's first state is the one that its first change left; each change begins another."""
    drawn = result().picture
    assert (
        Span(0.0, "GOOD", ""),
        Span(CUT / MS + 3, "ASSUMED_BAD", "loss inferred"),
        Span(HEAL / MS + 5, "GOOD", "loss inferred"),
    ) == the_ev(drawn, DEAD).spans
    assert (Span(0.0, "GOOD", ""),) == the_ev(drawn, DEAD, flow=1).spans


def test_withdrawal_hides_the_state_until_the_plane_returns() -> None:
    """While a plane is withdrawn all its EVs are, of that QP and no other; then their states show again."""
    drawn = result(
        withdrawal(CUT, 0, up=False),
        change(CUT + MS, DEAD, "GOOD", "ASSUMED_BAD"),
        withdrawal(HEAL, 0, up=True),
    ).picture
    states = [(span.at_ms, span.state) for span in the_ev(drawn, DEAD).spans]
    assert [(0.0, "GOOD"), (CUT / MS, WITHDRAWN), (HEAL / MS, "ASSUMED_BAD")] == states
    assert ["GOOD"] == [span.state for span in the_ev(drawn, DEAD, flow=1).spans]
    assert {"GOOD"} == {span.state for row in drawn.evs if row.plane == 1 for span in row.spans}


def test_faults_have_instants_and_error_bars() -> None:
    """Each fault is there with its instant, its target and, if it struck, its error bar."""
    assert (
        Fault(CUT / MS, 0.1, "cut", LINK),
        Fault(HEAL / MS, None, "heal", LINK),
    ) == result().picture.faults


def test_time_lines_add_up() -> None:
    """The whole run in coarse bins has all bytes of its whole bins, and what struck has a fine time line."""
    whole, *fine = result().picture.timelines
    bins = len(whole.delivered[0])
    assert bins * whole.bin_ms * STEADY == sum(whole.delivered[0])
    assert END / MS - whole.bin_ms < bins * whole.bin_ms <= END / MS
    (line,) = fine
    assert 1.0 == line.bin_ms
    assert line.start_ms < CUT / MS < line.start_ms + len(line.delivered[0])


def test_losses_stand_where_the_packets_were_sent() -> None:
    """A lost packet counts in the bin in which it was sent, in its own plane."""
    fine = result(lost(CUT + 9 * MS, DEAD, CUT + MS, CUT + 2 * MS, CUT + 2 * MS)).picture.timelines[1]
    at = int(CUT / MS - fine.start_ms)
    assert (0, 1, 2, 0) == fine.lost[0][at : at + 4]
    assert 3 == sum(fine.lost[0]) + sum(fine.lost[1])


def test_bins_hold_packets_enough() -> None:
    """Where a recorded bin has less than a few packets, several are taken together, at most the whole run."""
    seen = recording(*EVENTS)
    job = seen.job
    for payload, expected in ((STEADY, 4.0), (10 * STEADY, 40.0), (1 << 30, 1_000.0)):
        bins = replace(seen, job=replace(job, settings=replace(job.settings, payload=payload)))
        drawn = picture(job.plan, conclude(DRILL, "sim", seen, faults()), bins)
        assert expected == drawn.timelines[-1].bin_ms
