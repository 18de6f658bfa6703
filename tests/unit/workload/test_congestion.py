"""Congestion control chosen for a run: knobs from the topology's rates and delays (spec 5.4, 5.8)."""

from __future__ import annotations

import pytest

from mrcnet.mrc.flight import OVERHEAD
from mrcnet.mrc.settings import Settings
from mrcnet.plan.build import build_plan
from mrcnet.plan.model import Plan
from mrcnet.topology.load import load_text
from mrcnet.workload.congestion import FIXED, NSCC, base_rtt_ns, controlled, for_pair, knobs_for
from tests.unit.plan.fabrics import shipped

FABRIC = """
name: x
fabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}
defaults: {rate: 10Gbps, delay: 1us}
"""
# 4 096 B of payload in a frame of 4 238, and a SACK of 154: 4 392 B take 3 513 ns at 10 Gb/s
SERIAL = 4_392 * 8 // 10


def plan_of(text: str = FABRIC) -> Plan:
    return build_plan(load_text(text, "x.yaml"))


def test_base_rtt_counts_every_hop() -> None:
    """Four links, each there and back: propagation, and serialisation of a packet and a SACK."""
    assert 4 * (2 * 1_000 + SERIAL) == base_rtt_ns(plan_of(), 4_096)


def test_base_rtt_of_one_tier() -> None:
    """A fabric without T1s has two links."""
    text = FABRIC.replace("t0: 2, t1: 2", "t0: 1, t1: 0")
    assert 2 * (2 * 1_000 + SERIAL) == base_rtt_ns(plan_of(text), 4_096)


def test_knobs_count_all_planes() -> None:
    """spec 5.8: the BDP is of all planes together."""
    knobs = knobs_for(plan_of(), 4_096)
    bdp = 20 * base_rtt_ns(plan_of(), 4_096) // 8
    assert bdp * 3 // 2 == knobs.max_cwnd
    assert 4_096 + OVERHEAD == knobs.mtu


@pytest.mark.parametrize(("congestion", "chosen"), [(FIXED, False), (NSCC, True)])
def test_the_choice(congestion: str, chosen: bool) -> None:
    """Fixed leaves NSCC out, nscc puts its knobs in; nothing else changes."""
    settings = controlled(Settings(), plan_of(), congestion)
    assert chosen == (settings.nscc is not None)
    assert Settings().window_bytes == settings.window_bytes


def test_windows_fit_what_a_pair_shares() -> None:
    """Among unlike hosts a pair's window is in proportion to its slower ports in the planes of both."""
    plan = shipped("mixed-nics")
    settings = controlled(Settings(window_bytes=400_000), plan, NSCC)
    windows = {
        dst: for_pair(settings, plan, plan.hosts, "h0", dst).window_bytes for dst in ("h1", "h2", "h3")
    }
    assert {"h1": 800_000, "h2": 400_000, "h3": 400_000} == windows
    knobs = [for_pair(settings, plan, plan.hosts, "h0", dst).nscc for dst in ("h1", "h3")]
    assert [2, 1] == [knob.max_cwnd / settings.nscc.max_cwnd for knob in knobs if knob and settings.nscc]


def test_alike_hosts_have_one_window() -> None:
    """Where all hosts are alike, every pair has the settings as they are."""
    plan = shipped("4p-2t0-4t1")
    settings = controlled(Settings(), plan, NSCC)
    assert settings is for_pair(settings, plan, plan.hosts, "h0", "h5")
