"""Jobs: windows, rings and timeouts that fit each other; hosts dealt to workers; addresses for end points."""

from __future__ import annotations

import socket
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.flight import OVERHEAD
from mrcnet.mrc.settings import Settings
from mrcnet.plan.paths import paths
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import RING_BUDGET, Job, ev_paths, local_ports, make_job, peer_addresses, shares
from mrcnet.workload.patterns import PATTERNS, pairs
from tests.unit.plan.fabrics import plan_of, shipped

BIG = shipped("4p-16t0-8t1")
PACE = 30_000  # packets a second that a slow machine carries


def job(pattern: str, hosts: int, settings: Settings | None = None) -> Job:
    found = pairs(pattern, BIG.hosts[:hosts], 1)
    flows = tuple(Flow(number, src, dst, None, 1 << 20, None) for number, (src, dst) in enumerate(found))
    return make_job("lab", BIG, flows, settings or Settings(), 1, 1_000_000)


def window(made: Job) -> int:
    """Packets that one flow may have under way."""
    return min(made.settings.mpr, made.settings.window_bytes // (made.settings.payload + OVERHEAD))


@given(st.sampled_from(sorted(PATTERNS)), st.integers(2, 32))
def test_what_peers_have_under_way_fits_the_ring(pattern: str, hosts: int) -> None:
    """Whatever the pattern, all that may be under way to one host has room in its ring."""
    made = job(pattern, hosts)
    fan = max(Counter(flow.dst for flow in made.flows).values())
    assert fan * window(made) <= made.ring


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
    assert len(made.hosts) * made.ring * (made.settings.payload + 512) <= RING_BUDGET


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
    assert (packets, units, ring) == (window(made), made.settings.mpr_units, made.ring)


def test_a_smaller_window_is_kept() -> None:
    """Fitting never widens what the user's settings allow, and never shortens their timeout."""
    made = job("pair", 2, Settings(mpr_units=1, timeout_exponent=20))
    assert (1, 20) == (made.settings.mpr_units, made.settings.timeout_exponent)
    assert window(made) <= 128


def test_hosts_are_those_with_flows() -> None:
    """Only hosts with a flow take part, in the plan's order, each once."""
    flows = tuple(Flow(n, src, dst, 1, 1, None) for n, (src, dst) in enumerate([("h9", "h2"), ("h2", "h30")]))
    assert ("h2", "h9", "h30") == make_job("lab", BIG, flows, Settings(), 1, 1).hosts


@given(st.integers(1, 40), st.integers(1, 8))
def test_shares(hosts: int, cores: int) -> None:
    """Every host goes to one worker, no worker is without a host, and loads differ by one at most."""
    names = tuple(f"h{number}" for number in range(hosts))
    dealt = shares(names, cores)
    assert sorted(names) == sorted(name for share in dealt for name in share)
    assert min(cores, hosts) == len(dealt)
    sizes = [len(share) for share in dealt]
    assert max(sizes) - min(sizes) <= 1


def test_ends_of_a_pair_are_on_different_workers() -> None:
    """With two cores the two hosts of a pair do not share one."""
    assert [("h0",), ("h31",)] == shares(("h0", "h31"), 2)


UNEQUAL = """
fabric: {planes: 3, t0: 2, t1: 2, hosts_per_t0: 1, plane_shapes: {1: {t1: 1}}}
hosts:
  h0: {planes: [1, 2]}
"""


def test_ports_of_a_host_with_fewer_planes() -> None:
    """A host's ports count from 0 whatever their planes; each EV leaves by the port of its plane."""
    plan = plan_of(UNEQUAL)
    ports = local_ports(plan.nodes["h0"])
    assert [1, 2] == [port.plane for port in ports]
    evs = ev_paths(plan, "h0", "h1")
    assert {(1, 0), (2, 1)} == {(path.plane, path.port) for path in evs}
    assert len(paths(plan, "h0", "h1")) == len(evs)
    back = ev_paths(plan, "h1", "h0")
    assert {(1, 1), (2, 2)} == {(path.plane, path.port) for path in back}
    assert {1, 2} == set(peer_addresses(plan, "h0"))


def test_addresses_are_the_plans() -> None:
    """MACs, addresses and carriers reach the end point as the bytes of what the plan says in text."""
    plan = plan_of(UNEQUAL)
    port, made = plan.nodes["h1"].ports[0], local_ports(plan.nodes["h1"])[0]
    assert port.mac == made.mac.hex(":")
    assert port.peer_mac == made.next_mac.hex(":")
    address = port.addresses[0].partition("/")[0]
    assert socket.inet_pton(socket.AF_INET6, address) == made.address == peer_addresses(plan, "h1")[0]
    path, ev = paths(plan, "h0", "h1")[0], ev_paths(plan, "h0", "h1")[0]
    assert (path.ev, path.carrier) == (ev.ev, socket.inet_ntop(socket.AF_INET6, ev.carrier))
