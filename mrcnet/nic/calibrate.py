"""What this machine carries: measured once, over a small lab of its own, first unshaped, then shaped."""

from __future__ import annotations

import os
from collections.abc import Callable

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import lab
from mrcnet.kernel.calibration import Calibration
from mrcnet.kernel.processes import register_run
from mrcnet.mrc.settings import Settings
from mrcnet.nic.traffic import run_traffic
from mrcnet.plan.build import build_plan, dilated
from mrcnet.plan.model import Plan
from mrcnet.topology.load import load_text
from mrcnet.workload.fidelity import late_within
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job, bin_ns, shares
from mrcnet.workload.patterns import pairs
from mrcnet.workload.summary import summarise

# As many ports at a host as a production NIC has, and a way over a T1 for every packet: what a lab that is to
# be carried looks like.
_TEXT = """\
name: calibration
fabric: {planes: 4, t0: 4, t1: 2, hosts_per_t0: 1}
defaults: {rate: 100Gbps, delay: 500ns}
"""
_DILATION = 5_000  # offers about 10 000 packets a second: even a slow machine carries that
_WALL_NS = 2_000_000_000
_TIMES = 3  # that it is measured shaped
_MESSAGE = 64 << 10


def calibrate(progress: Callable[[str], None] = lambda _: None) -> Calibration:
    """Packets/s that a core carries. Makes a lab and takes it down again; lasts some seconds.

    Raises MrcnetError if the machine cannot carry a lab, or lost bytes.
    """
    plan = dilated(build_plan(load_text(_TEXT, "calibration.yaml")), 1)
    name = f"calibration-{os.getpid()}"
    try:
        progress("unshaped")
        lab.up(plan, name, "calibration.yaml", _TEXT)
        unshaped, _ = _measure(plan, name)
        slow = dilated(plan, _DILATION)
        progress("shaped")
        lab.down(name)
        lab.up(slow, name, "calibration.yaml", _TEXT)
        found = [_measure(slow, name) for _ in range(_TIMES)]
    finally:
        if name in lab.labs():
            lab.down(name)
    # What disturbs a run is not the machine's rule; and one that was too much for it, once, says so itself.
    shaped, late = max(pps for pps, _ in found), min(late for _, late in found)
    served = max(len(hosts) for hosts in shares(plan.hosts))
    return Calibration(round(unshaped), round(shaped), len(os.sched_getaffinity(0)), round(late / served))


def _measure(plan: Plan, name: str) -> tuple[float, int]:
    """Packets per busy core second; how late the NICs were, wall ns."""
    flows = tuple(
        Flow(number, src, dst, None, _MESSAGE, None)
        for number, (src, dst) in enumerate(pairs("ring", plan.hosts, 1))
    )
    settings = Settings(payload=plan.topology.transport.payload, udp_port=plan.topology.transport.udp_port)
    job = Job(name, plan, flows, settings, 1, bin_ns(plan))
    with register_run(name):
        recording = run_traffic(job, _WALL_NS // plan.topology.dilation)
    result = summarise(recording)
    if not result.verified or recording.fidelity is None:
        raise EnvironmentFault(f"the calibration failed: {'; '.join(result.problems)}")
    return result.packets.sent / recording.fidelity.cpu_seconds, late_within(recording.reports, 0.99)
