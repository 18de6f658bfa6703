"""MRC beside RoCEv2: one fabric, the same flows, seeds and losses; the shape of the paper's figure 16."""

from __future__ import annotations

from statistics import median

import pytest

from mrcnet.mrc.settings import Settings
from mrcnet.plan.build import build_plan
from mrcnet.sim.fit import fit
from mrcnet.sim.model import Impairment, PortModel
from mrcnet.sim.run import Sim, SimRun
from mrcnet.topology.load import load_text
from mrcnet.topology.model import End, Role
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.patterns import pairs
from mrcnet.workload.transport import over
from tests.unit.plan.fabrics import ROOT

PLAN = build_plan(load_text((ROOT / "topologies" / "4p-2t0-4t1.yaml").read_text(), "4p-2t0-4t1"))
SIZE, MESSAGE = 1 << 20, 64 << 10
SEEDS = range(1, 6)
DEEP = PortModel(drop=32.0)  # PFC is not modelled: queues that hardly drop stand in for it
# timers of a fabric whose RTT is some 6 us, as RoCEv2's are of its NICs
QUICK = Settings(icrc=False, probe_floor_ns=20_000, timeout_exponent=9)


def ring_bps(transport: str, loss: float) -> float:
    """All hosts' goodput in a ring, to the end of the slowest flow: the median of some seeds.

    Every frame, whatever its plane, may be lost at its last hop.
    """
    rates = []
    for seed in SEEDS:
        flows = tuple(
            Flow(n, *ends, SIZE, MESSAGE, None) for n, ends in enumerate(pairs("ring", PLAN.hosts, 1))
        )
        run = SimRun(fit(over(Job("here", PLAN, flows, QUICK, seed, 1_000_000), transport)), Sim(ports=DEEP))
        for node in PLAN.nodes.values():
            for port in node.ports:
                if PLAN.nodes[port.peer_node].role is Role.HOST:
                    run.fabric.impair(End(node.name, port.name), Impairment(loss=loss))
        assert run.watch(None)
        assert len(flows) * SIZE == run.delivered
        rates.append(run.delivered * 8e9 / run.now)
    return median(rates)


@pytest.mark.parametrize("loss", [0.0, 0.001])
def test_mrc_then_sixteen_qps_then_one(loss: float) -> None:
    """With no loss or little: all planes beat many QPs, which collide, and those beat one QP on one port."""
    mrc, sixteen, one = (ring_bps(transport, loss) for transport in ("mrc", "rocev2x16", "rocev2"))
    assert mrc > sixteen > one


def test_one_percent_costs_go_back_n_most() -> None:
    """At 1 % MRC keeps a third of its rate at least; go-back-N falls far more, over one QP or sixteen."""
    kept = {
        transport: ring_bps(transport, 0.01) / ring_bps(transport, 0.0)
        for transport in ("mrc", "rocev2x16", "rocev2")
    }
    assert kept["mrc"] > 1 / 3
    assert kept["mrc"] > 4 * kept["rocev2x16"]


def test_the_baseline_is_no_straw_man() -> None:
    """Without losses one QP a host fills one port, to 85 % of its wire at least, though some share theirs."""
    wire = sum(PLAN.nodes[host].ports[0].rate_bps for host in PLAN.hosts)
    assert ring_bps("rocev2", 0.0) > 0.85 * wire
