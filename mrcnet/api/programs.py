"""Runs of what collectives and training steps send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mrcnet.mrc.settings import Settings
from mrcnet.workload.congestion import controlled
from mrcnet.workload.job import Job, bin_ns
from mrcnet.workload.program import Program
from mrcnet.workload.summary import Recording
from mrcnet.workload.transport import over

if TYPE_CHECKING:
    from mrcnet.api.place import Place


def run_program(place: Place, program: Program, transport: str, congestion: str, seed: int) -> Recording:
    """Run a program over a transport, with one of the controls of `choices()`; `seed` decides paths."""
    plan = place.plan
    wire = plan.topology.transport
    settings = controlled(Settings(payload=wire.payload, udp_port=wire.udp_port), plan, congestion)
    job = Job(place.name, plan, program.flows, settings, seed, bin_ns(plan), programs=(program,))
    return place.run_job(over(job, transport))
