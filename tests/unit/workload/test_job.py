"""Jobs: who takes part, hosts dealt to workers, addresses for end points."""

from __future__ import annotations

import socket

from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.settings import Settings
from mrcnet.plan.paths import paths
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job, ev_paths, local_ports, peer_addresses, shares
from tests.unit.plan.fabrics import plan_of, shipped

BIG = shipped("4p-16t0-8t1")


def test_hosts_are_those_with_flows() -> None:
    """Only hosts with a flow take part, in the plan's order, each once."""
    flows = tuple(Flow(n, src, dst, 1, 1, None) for n, (src, dst) in enumerate([("h9", "h2"), ("h2", "h30")]))
    assert ("h2", "h9", "h30") == Job("lab", BIG, flows, Settings(), 1, 1).hosts


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
