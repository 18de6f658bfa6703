"""A fabric without SRv6 in virtual time: hashes choose, and what is down locally is pruned."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from mrcnet.mrc.settings import Settings
from mrcnet.plan.addressing import to_int
from mrcnet.plan.build import build_plan
from mrcnet.plan.model import Plan
from mrcnet.rocev2.endpoint import Endpoint
from mrcnet.sim.fit import fit
from mrcnet.sim.hashed import Hashed
from mrcnet.sim.run import Sim, SimRun, run_traffic
from mrcnet.topology.load import load_text
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.summary import summarise
from mrcnet.workload.transport import over

TEXT = "fabric: {planes: 2, t0: 2, t1: 4, hosts_per_t0: 2}\nrouting: ecmp\n"


def plan_of() -> Plan:
    return build_plan(load_text(TEXT, "here.yaml"))


def words(plan: Plan, src: str, dst: str, source_port: int) -> bytes:
    ends = (to_int(plan.nodes[host].address or "").to_bytes(16, "big") for host in (src, dst))
    return b"".join(ends) + source_port.to_bytes(2, "big")


def job(transport: str) -> Job:
    flows = tuple(Flow(n, f"h{n}", f"h{3 - n}", 1 << 20, 64 << 10, None) for n in range(4))
    return fit(over(Job("here", plan_of(), flows, Settings(), 1, 1_000_000), transport))


def test_every_tuple_arrives_and_they_spread() -> None:
    """Whatever the source port, a frame arrives; all T1s behind each port of the host get their share."""
    plan = plan_of()
    hashed = Hashed(plan)
    seen: Counter[str] = Counter()
    for source_port in range(0xC000, 0xC000 + 800):
        tuple_ = words(plan, "h0", "h3", source_port)
        first = hashed.hop("h0", tuple_)
        assert first is not None
        trace = hashed.trace("h0", first.port, tuple_)
        assert (trace.node, trace.arrives) == ("h3", True)
        seen[trace.ports[2].node] += 1
    assert {f"p{plane}-t1-{number}" for plane in (0, 1) for number in range(4)} == set(seen)
    assert min(seen.values()) > 50  # of 100


def test_what_is_down_here_is_pruned() -> None:
    """A T0 leaves out a port of its own that is down; of one further on it knows nothing, frames end."""
    plan = plan_of()
    hashed = Hashed(plan)
    tuple_ = words(plan, "h0", "h3", 0xC001)
    before = hashed.trace("h0", "eth1", tuple_)
    hashed.down.add(before.ports[1])
    pruned = hashed.trace("h0", "eth1", tuple_)
    assert pruned.arrives
    assert before.ports[1] not in pruned.ports
    hashed.down = {before.ports[2]}
    assert (before.ports[2].node, False) == ((lost := hashed.trace("h0", "eth1", tuple_)).node, lost.arrives)


def test_every_byte() -> None:
    """RoCEv2 carries every byte of every flow, and the books balance; the same seed gives the same run."""
    results = [summarise(run_traffic(job("rocev2x16"), None)) for _ in range(2)]
    assert results[0] == results[1]
    assert results[0].verified
    assert results[0].fabric is not None
    assert results[0].fabric.balanced
    assert all(plane.bytes for plane in results[0].planes)


def test_a_host_leaves_a_dead_port() -> None:
    """When a host's port goes down its QPs move to the other; when it is back, to where they were."""
    begun = job("rocev2x16")
    run = SimRun(replace(begun, seed=3), Sim())
    ports = _ports(run)
    assert {0, 1} == set(ports)
    run.cut("h0:p0-t0-0")
    assert {1} == set(_ports(run))
    run.heal("h0:p0-t0-0")
    assert ports == _ports(run)


def _ports(run: SimRun) -> list[int]:
    """The local ports of h0's QPs to h3."""
    (station,) = [host.station for host in run._hosts.values() if host.station.name == "h0"]
    assert isinstance(station.endpoint, Endpoint)
    return [qp.port for qp in station.endpoint.connections[0x100].qps]
