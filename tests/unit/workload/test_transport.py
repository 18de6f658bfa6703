"""Which transport carries a job: chosen by name, the same verbs, the same check of every byte."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mrcnet.errors import InputError
from mrcnet.mrc.settings import Settings
from mrcnet.plan.build import build_plan, dilated
from mrcnet.sim.fit import fit
from mrcnet.sim.run import run_traffic
from mrcnet.topology.load import load_text
from mrcnet.workload.congestion import controlled
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.summary import TrafficResult, summarise
from mrcnet.workload.transport import CHOICES, STACK, over

PLAN = build_plan(load_text("fabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}", "here.yaml"))


def job(transport: str, congestion: str = "fixed") -> Job:
    flows = tuple(Flow(n, f"h{n}", f"h{3 - n}", 1 << 20, 64 << 10, None) for n in range(4))
    settings = controlled(Settings(), PLAN, congestion)
    return over(Job("here", PLAN, flows, settings, 1, 1_000_000), transport)


def run(transport: str) -> TrafficResult:
    return summarise(run_traffic(fit(job(transport)), None))


@pytest.mark.parametrize("transport", CHOICES)
def test_each_carries_every_byte(transport: str) -> None:
    """Over each transport every byte arrives, right, and the fabric's books balance."""
    result = run(transport)
    assert result.verified
    assert 4 << 20 == result.bytes
    assert result.fabric is not None
    assert result.fabric.balanced


def test_more_qps_use_more_planes() -> None:
    """One QP of one flow fills one port; with sixteen, all planes carry some of every flow."""
    one, many = run("rocev2"), run("rocev2x16")
    assert max(flow.goodput_bps for flow in one.flows) < 100e9
    assert all(plane.goodput_bps > 0 for plane in many.planes)


def test_the_same_seed_the_same_run() -> None:
    """Source ports and so paths come from the seed."""
    assert run("rocev2x4") == run("rocev2x4")


def test_nscc_is_not_rocev2_s() -> None:
    """RoCEv2 with NSCC is refused, and the remedy says what to leave out."""
    with pytest.raises(InputError, match="rocev2 has its own") as caught:
        over(job("mrc", "nscc"), "rocev2")
    assert "--congestion" in str(caught.value.remedy)


def test_spray_is_without_path_health() -> None:
    """`spray` is MRC with every EV in use and no EV ever out."""
    made = job("spray")
    assert made.roce is None
    assert not made.settings.path_health
    assert 0 == made.settings.backup_share


@pytest.mark.parametrize("transport", STACK)
def test_the_kernels_own_keep_wall_time(transport: str) -> None:
    """TCP of the kernel is refused in dilated time and in virtual time, with what to do."""
    plain = Job("here", PLAN, job("mrc").flows, Settings(), 1, 1_000_000)
    with pytest.raises(InputError, match="keeps wall time"):
        over(replace(plain, plan=dilated(PLAN, 1000)), transport)
    with pytest.raises(InputError, match="is the kernel's own") as caught:
        fit(over(plain, transport))
    assert "--on sim" in str(caught.value.remedy)


@pytest.mark.parametrize("transport", ["mrc", "spray"])
def test_who_chooses_paths_needs_srv6(transport: str) -> None:
    """MRC is refused where switches choose the path."""
    text = "fabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}\nrouting: ecmp"
    hashed = replace(
        Job("here", PLAN, job("mrc").flows, Settings(), 1, 1_000_000),
        plan=build_plan(load_text(text, "here.yaml")),
    )
    with pytest.raises(InputError, match=f"the transport {transport} needs paths that the sender chooses"):
        over(hashed, transport)


def test_the_simulator_has_no_daemons() -> None:
    """A fabric that routes by BGP is the kernel's."""
    plan = build_plan(
        load_text("fabric: {planes: 1, t0: 2, t1: 2, hosts_per_t0: 2}\nrouting: bgp", "here.yaml")
    )
    with pytest.raises(InputError, match="no daemons"):
        fit(over(Job("here", plan, job("mrc").flows, Settings(), 1, 1_000_000), "rocev2"))
