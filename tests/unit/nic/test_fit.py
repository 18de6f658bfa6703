"""What a run is like on software NICs: windows, rings, timeouts and probes that fit each other."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.flight import OVERHEAD
from mrcnet.mrc.settings import Settings
from mrcnet.nic.fit import RING_BUDGET, fit, ring_of
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.patterns import PATTERNS, pairs
from tests.unit.plan.fabrics import shipped

BIG = shipped("4p-16t0-8t1")
PACE = 30_000  # packets a second that a slow machine carries


def job(pattern: str, hosts: int, settings: Settings | None = None) -> Job:
    found = pairs(pattern, BIG.hosts[:hosts], 1)
    flows = tuple(Flow(number, src, dst, None, 1 << 20, None) for number, (src, dst) in enumerate(found))
    return fit(Job("lab", BIG, flows, settings or Settings(), 1, 1_000_000))


def window(made: Job) -> int:
    """Packets that one flow may have under way."""
    return min(made.settings.mpr, made.settings.window_bytes // (made.settings.payload + OVERHEAD))


@given(st.sampled_from(sorted(PATTERNS)), st.integers(2, 32))
def test_what_peers_have_under_way_fits_the_ring(pattern: str, hosts: int) -> None:
    """Whatever the pattern, all that may be under way to one host has room in its ring."""
    made = job(pattern, hosts)
    fan = max(Counter(flow.dst for flow in made.flows).values())
    assert fan * window(made) <= ring_of(made)


@given(st.sampled_from(sorted(PATTERNS)), st.integers(2, 32))
def test_timeouts_outlast_the_queues(pattern: str, hosts: int) -> None:
    """No timer runs out while a slow machine works through all that may be under way, three times over."""
    made = job(pattern, hosts)
    assert 3e9 * window(made) * len(made.flows) / PACE <= made.settings.timeout_ns
    assert made.settings.timeout_exponent >= Settings().timeout_exponent


@given(st.sampled_from(sorted(PATTERNS)), st.integers(2, 32))
def test_probes_leave_time_for_data(pattern: str, hosts: int) -> None:
    """However many flows there are, their EV probes and probes of silence are at most 1000 a second together;
    those of a few flows come as often as the settings say.
    """
    made, plain = job(pattern, hosts), Settings()
    for interval in (made.settings.probe_floor_ns, made.settings.reverse_probe_ns):
        assert len(made.flows) * 1e9 / interval <= 1_001
    if len(made.flows) <= 1:
        assert (plain.probe_floor_ns, plain.reverse_probe_ns, plain.probe_rtts) == (
            made.settings.probe_floor_ns,
            made.settings.reverse_probe_ns,
            made.settings.probe_rtts,
        )


@given(st.sampled_from(sorted(PATTERNS)), st.integers(2, 32))
def test_the_ceiling_of_timeouts_is_above_them(pattern: str, hosts: int) -> None:
    """Back-off never makes a timeout shorter than the linear ones; exponents are at most 24 (spec 1.3)."""
    settings = job(pattern, hosts).settings
    assert settings.timeout_exponent <= 24
    assert settings.timeout_of(0) == settings.timeout_ns <= settings.timeout_of(settings.linear_retries + 1)


@given(st.sampled_from(sorted(PATTERNS)), st.integers(2, 32))
def test_rings_stay_in_their_budget(pattern: str, hosts: int) -> None:
    """The rings of all hosts of a run together take no more memory than a run may."""
    made = job(pattern, hosts)
    assert len(made.hosts) * ring_of(made) * (made.settings.payload + 512) <= RING_BUDGET


@pytest.mark.parametrize(
    ("pattern", "hosts", "packets", "units", "ring"),
    [
        ("pair", 2, 512, 8, 8_192),
        ("incast", 32, 16, 1, 5_461),
        ("all-to-all", 32, 16, 1, 5_461),
        ("ring", 32, 16, 8, 5_461),
    ],
)
def test_known_jobs(pattern: str, hosts: int, packets: int, units: int, ring: int) -> None:
    """A pair, a 31:1 incast, 992 flows and a ring of 32 have the windows that were worked out by hand."""
    made = job(pattern, hosts)
    assert (packets, units, ring) == (window(made), made.settings.mpr_units, ring_of(made))


def test_a_smaller_window_is_kept() -> None:
    """Fitting never widens what the user's settings allow, and never shortens their timeout."""
    made = job("pair", 2, Settings(mpr_units=1, timeout_exponent=20))
    assert (1, 20) == (made.settings.mpr_units, made.settings.timeout_exponent)
    assert window(made) <= 128
