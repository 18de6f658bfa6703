"""NSCC on an 8:1 incast over a shipped topology: fair shares, the queue near its target (spec 5)."""

from __future__ import annotations

import pytest

from tests.support.incast import MRC, UET, Watched, incast, jain

WARM, END, STEP = 150_000, 600_000, 5_000  # ns; a base RTT is 5.4 us


@pytest.fixture(scope="module")
def uet() -> Watched:
    """spec 5.9: ports mark and trim, the last hop too."""
    return incast(UET, END, STEP)


@pytest.fixture(scope="module")
def mrc() -> Watched:
    """spec 6.5: the last hop does not mark."""
    return incast(MRC, END, STEP)


def payload_share(watched: Watched) -> float:
    """Payload delivered after the warm-up, as a share of what the sink's ports carry in that time."""
    return float(watched.between(WARM, END).sum()) * 8e9 / (END - WARM) / watched.line_bps


def test_shares_are_fair(uet: Watched) -> None:
    """[nscc-fair] Eight flows into one host share its ports with a Jain index of at least 0.98."""
    assert 0.98 <= jain(uet.between(WARM, END))


def test_windows_are_fair(uet: Watched) -> None:
    """Each flow's window is on average within a third of an even share: nobody is starved."""
    means = uet.cwnd[uet.at > WARM].mean(axis=0)
    assert (abs(means / means.mean() - 1) < 1 / 3).all()


def test_the_queue_is_near_its_target(uet: Watched) -> None:
    """[nscc-fair] The queue before the sink is on average within a fifth of the target delay (spec 5.3)."""
    target = uet.bdp * uet.knobs.target_delay_ns / uet.knobs.base_rtt_ns
    assert target == pytest.approx(uet.queue[uet.at > WARM].mean(), rel=0.2)


def test_the_link_stays_full(uet: Watched) -> None:
    """The sink's ports carry payload all the time: 4 096 of every 4 238 bytes."""
    assert 0.96 < payload_share(uet) < 0.967


def test_trimming_ends_with_the_start(uet: Watched) -> None:
    """Trims come from the start, when nobody knows of the others; then marks do the work."""
    started = int(uet.trimmed[uet.at <= WARM][-1])
    assert started > 0
    assert uet.trimmed[-1] - started < started / 10
    assert uet.marked[-1] > uet.marked[uet.at <= WARM][-1]


def test_without_marks_trims_bound_the_queue(mrc: Watched) -> None:
    """spec 6.5: where the last hop does not mark, trims hold the queue at their threshold, 1.5 BDP."""
    late = mrc.queue[mrc.at > WARM]
    assert late.max() < 1.6 * mrc.bdp
    assert late.mean() > 1.3 * mrc.bdp
    assert mrc.trimmed[-1] > mrc.trimmed[mrc.at <= WARM][-1]
    assert payload_share(mrc) > 0.94
