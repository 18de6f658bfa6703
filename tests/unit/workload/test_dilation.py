"""Dilation: what a fabric offers, and how slow time must run for a machine to carry it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.settings import Settings
from mrcnet.nic.fit import fit
from mrcnet.plan.build import dilated
from mrcnet.workload.congestion import base_rtt_ns
from mrcnet.workload.dilation import dilation_for, friendly, offered_pps, shaped, slower, turn_ns
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from tests.unit.plan.fabrics import plan_of

TEXT = "name: d\nfabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}\n"
PLAN = plan_of(TEXT)
FLOWS = (Flow(0, "h0", "h3", None, 1 << 20, None),)


def test_what_a_fabric_offers() -> None:
    """Every host sends full frames of 138 + 4096 + 4 bytes on all its ports at the same time."""
    assert pytest.approx(4 * 2 * 100e9 / (8 * 4_238)) == offered_pps(PLAN)


@given(st.floats(1, 1e9))
def test_a_friendly_number(least: float) -> None:
    """1, 2 or 5 with zeros, never less than what is needed and never 2.5 times as much."""
    found = friendly(least)
    assert str(found).rstrip("0") in ("1", "2", "5")
    assert least <= found <= 2.5 * least


def test_the_load_decides_and_so_does_lateness() -> None:
    """Half the machine, or a NIC that is later, makes time slower; a fast one carries the fabric as it is."""
    slow = dilation_for(PLAN, 25_000, 100, 2)
    assert slow >= offered_pps(PLAN) / 50_000
    assert dilation_for(PLAN, 12_500, 100, 2) > slow
    assert dilation_for(PLAN, 25_000, 10_000_000, 2) > slow
    assert 1 == dilation_for(PLAN, 1e9, 0, 2)


def test_a_core_that_serves_many() -> None:
    """NICs that share a core wait for each other: with few hosts at work time may run faster."""
    some = dilation_for(PLAN, 1e9, 1_000_000, 2, FLOWS)
    assert dilation_for(PLAN, 1e9, 1_000_000, 2) == dilation_for(PLAN, 1e9, 2_000_000, 2, FLOWS) > some
    assert some == dilation_for(PLAN, 1e9, 1_000_000, 4)


@given(st.integers(1, 10**6), st.floats(0, 100))
def test_the_next_attempt(dilation: int, times: float) -> None:
    """A run that needs slower time gets as much and distinctly more than it had, but no more than need be."""
    found = slower(dilation, times)
    least = dilation * max(1.4, times)
    assert dilation < found
    assert least <= found <= max(2 * least, 2)


def test_auto_is_symbolic_until_it_is_settled() -> None:
    """A file may say auto: then ports have rates, whatever the number will be; `dilated` settles it."""
    plan = plan_of(TEXT + "dilation: auto\n")
    assert shaped(plan)
    assert PLAN == dilated(plan, 1)
    assert not shaped(dilated(plan, 1))


@pytest.mark.parametrize("dilation", [2, 1_000, 20_000])
def test_settings_think_in_fabric_time(dilation: int) -> None:
    """On a shaped fabric windows and timers follow from its own RTT and rates: 1.5 BDP, and a timeout that
    outlasts full queues and a stall of the machine, but no more than twice that.
    """
    plan = dilated(PLAN, dilation)
    settings = fit(Job("lab", plan, FLOWS, Settings(), 1, 1)).settings
    rtt = base_rtt_ns(plan, 4_096) + 2 * turn_ns(plan)
    assert rtt == settings.base_rtt_ns
    bdp = 200e9 * rtt / 8e9
    assert pytest.approx(1.5 * bdp, rel=0.1) == settings.window_bytes
    patience = 8 * base_rtt_ns(plan, 4_096) + 2 * turn_ns(plan) + 100_000_000 // dilation
    assert patience <= settings.timeout_ns <= 2 * patience


def test_a_chosen_timeout_stays() -> None:
    """A drill that names its timeout has it on a shaped fabric, too."""
    settings = Settings(timeout_exponent=9)
    assert 9 == fit(Job("lab", dilated(PLAN, 1_000), FLOWS, settings, 1, 1)).settings.timeout_exponent


def test_the_load_of_flows() -> None:
    """Flows offer what they ask for, those without a rate the line's; no host offers more than its ports."""

    def flow(src: str, rate: int | None) -> Flow:
        return Flow(0, src, "h3", None, 1 << 20, rate)

    bits = 8 * 4_238
    assert pytest.approx(50e9 / bits) == offered_pps(PLAN, (flow("h0", 20 * 10**9), flow("h1", 30 * 10**9)))
    assert pytest.approx(200e9 / bits) == offered_pps(PLAN, (flow("h0", None), flow("h0", 10**9)))
    assert dilation_for(PLAN, 1_000, 0, 1) > dilation_for(PLAN, 1_000, 0, 1, (flow("h0", 10**9),))
