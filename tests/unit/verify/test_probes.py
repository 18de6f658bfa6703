"""Probe frames, taken apart by an independent decoder."""

from __future__ import annotations

import numpy as np
import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from mrcnet.plan.model import Plan
from mrcnet.verify.model import PlannedPath, planned_paths
from mrcnet.verify.probes import FRAME, NONCE, PAYLOAD, PAYLOAD_AT, Probes, build_probes, ours, probe_port
from tests.unit.plan.fabrics import plan_of, shipped

Planned = tuple[PlannedPath, ...]
A_NONCE = bytes(range(NONCE))


@pytest.fixture(scope="module")
def plan() -> Plan:
    return shipped("2p-2t0-2t1")


@pytest.fixture(scope="module")
def planned(plan: Plan) -> Planned:
    return tuple(planned_paths(plan))


@pytest.fixture(scope="module")
def probes(plan: Plan, planned: Planned) -> Probes:
    return build_probes(plan, planned, A_NONCE)


def test_planned_paths_are_all_evs_of_all_ordered_pairs(planned: Planned) -> None:
    """12 ordered pairs, 2 planes, 2 uplinks: 48 different paths, each of which the plan walks to its end."""
    assert 48 == len({(each.src, each.dst, each.path.ev) for each in planned}) == len(planned)
    assert all(each.walk.reached for each in planned)


def test_every_frame_is_what_the_plan_says(plan: Plan, planned: Planned, probes: Probes) -> None:
    """Scapy reads Ethernet, IPv6 to the carrier, IPv6 between the hosts, UDP to the probe port."""
    for each, row in zip(planned, probes.frames, strict=True):
        near = plan.nodes[each.src].port(each.path.port)
        far = next(port for port in plan.nodes[each.dst].ports if port.plane == each.path.plane)
        ether = Ether(row.tobytes())
        outer, inner, udp = ether[IPv6], ether[IPv6].payload[IPv6], ether[UDP]
        source, target = (port.addresses[0].removesuffix("/128") for port in (near, far))
        assert (near.peer_mac, near.mac, 0x86DD) == (ether.dst, ether.src, ether.type)
        assert (source, each.path.carrier, 41) == (outer.src, outer.dst, outer.nh)
        assert (source, target, 17) == (inner.src, inner.dst, inner.nh)
        assert (FRAME - 54, FRAME - 94, FRAME - 94) == (outer.plen, inner.plen, udp.len)
        assert (probe_port(plan), each.path.ev & 0xFFFF) == (udp.dport, udp.sport)
        assert each.path.ev >> 16 == outer.fl == inner.fl


def test_checksums_are_valid(probes: Probes) -> None:
    """The destination's kernel would drop a datagram with a wrong checksum: scapy's own is the same."""
    for row in probes.frames:
        inner = Ether(row.tobytes())[IPv6].payload[IPv6]
        said = inner[UDP].chksum
        del inner[UDP].chksum
        assert IPv6(bytes(inner))[UDP].chksum == said


def test_payload_names_the_path(plan: Plan, planned: Planned, probes: Probes) -> None:
    """The payload holds the run's nonce, the path's index, both hosts' positions and the EV."""
    read = np.ascontiguousarray(probes.frames[:, PAYLOAD_AT:]).view(PAYLOAD)[:, 0]
    for index, (each, payload) in enumerate(zip(planned, read, strict=True)):
        assert A_NONCE == payload["nonce"].tobytes()
        assert index == payload["index"]
        assert (each.src, each.dst) == (plan.hosts[payload["src"]], plan.hosts[payload["dst"]])
        assert each.path.ev == payload["ev"]


def test_ports_are_those_of_the_plane(plan: Plan, planned: Planned, probes: Probes) -> None:
    """A probe goes out of, and is expected in by, the ports in its path's plane."""
    for each, out, into in zip(planned, probes.out, probes.into, strict=True):
        assert each.path.port == plan.nodes[each.src].ports[out].name
        assert each.path.plane == plan.nodes[each.dst].ports[into].plane


def test_only_exact_payloads_are_ours(plan: Plan, planned: Planned, probes: Probes) -> None:
    """Only a probe's payload byte for byte counts: not another run's, a longer, shorter or bent one."""
    mine = probes.frames[7, PAYLOAD_AT:].tobytes()
    other = build_probes(plan, planned, bytes(NONCE)).frames[7, PAYLOAD_AT:].tobytes()
    beyond = mine[:16] + (2**32 - 1).to_bytes(4, "big") + mine[20:]
    bent = mine[:-1] + bytes([mine[-1] ^ 1])
    places, index = ours([b"", other, mine + b"\0", mine[:-1], beyond, bent, mine], probes)
    assert [6] == places.tolist()
    assert [7] == index.tolist()


def test_nothing_received_is_nothing_of_ours(probes: Probes) -> None:
    """An empty batch gives empty columns."""
    places, index = ours([], probes)
    assert (0, 0) == (len(places), len(index))


def test_no_paths_no_frames() -> None:
    """A fabric with a single host has nothing to probe."""
    plan = plan_of("name: one\nfabric: {planes: 1, t0: 1, t1: 1, hosts_per_t0: 1}\n")
    assert (0, FRAME) == build_probes(plan, tuple(planned_paths(plan)), A_NONCE).frames.shape


def test_probe_port_keeps_away_from_the_transport() -> None:
    """A fabric whose MRC uses the usual probe port is probed on another."""
    usual = probe_port(shipped("2p-2t0-2t1"))
    shape = "fabric: {planes: 1, t0: 1, t1: 1, hosts_per_t0: 2}"
    plan = plan_of(f"name: clash\n{shape}\ntransport: {{udp_port: {usual}}}\n")
    assert usual == plan.topology.transport.udp_port
    assert usual != probe_port(plan)
