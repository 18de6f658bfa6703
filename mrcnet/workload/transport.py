"""Which transport a run uses, and the end points that speak it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from mrcnet.errors import InputError
from mrcnet.mrc import warm as mrc_warm
from mrcnet.mrc.endpoint import Endpoint
from mrcnet.plan.prefixes import need_srv6
from mrcnet.rocev2 import warm as roce_warm
from mrcnet.rocev2.endpoint import Endpoint as RoceEndpoint
from mrcnet.rocev2.settings import Roce
from mrcnet.rocev2.wire import FlowLabel
from mrcnet.workload.endpoint import EndPoint
from mrcnet.workload.job import Job, local_ports

MRC, SPRAY = "mrc", "spray"
MPTCP = "mptcp"
STACK = ("tcp", MPTCP)  # the kernels' own, by iperf3: streams, not messages
Kind = Literal["mrc", "rocev2", "rocev2x4", "rocev2x16", "spray", "tcp", "mptcp"]
EVERY: tuple[str, ...] = get_args(Kind)
CHOICES = tuple(kind for kind in EVERY if kind not in STACK)  # what end points of ours speak
_QPS = {"rocev2": 1, "rocev2x4": 4, "rocev2x16": 16}


def over(job: Job, transport: str) -> Job:
    """The job over the transport of that name. InputError for what only another has."""
    if has_paths(transport):
        need_srv6(job.plan, f"the transport {transport}")
    if transport in STACK:
        _refuse_stack(job, transport)
    job = replace(job, transport=transport)
    if transport == SPRAY:
        # what no state takes out needs no backup
        return replace(job, settings=replace(job.settings, path_health=False, backup_share=0.0))
    if transport == MRC:
        return job
    if job.settings.nscc is not None or job.settings.control is not None:
        chosen = "NSCC" if job.settings.control is None else "this"
        raise InputError(
            f"{chosen} is MRC's congestion control; {transport} has its own", remedy="leave --congestion out"
        )
    if job.denied:
        raise InputError(f"{transport} has no EVs that could be denied", remedy="leave --deny out")
    if transport in STACK:
        return job
    settings = replace(job.settings, ev_format=FlowLabel())
    return replace(job, settings=settings, roce=Roce(qps=_QPS[transport]))


def _refuse_stack(job: Job, transport: str) -> None:
    if job.plan.topology.dilation > 1:
        raise InputError(
            f"{transport} is the kernel's own, and keeps wall time; this fabric is dilated",
            remedy="use a topology of dilation 1",
        )
    if any(flow.beside or flow.script for flow in job.flows):
        raise InputError(f"{transport} carries plain flows only, no collectives and no loads beside")


def has_paths(transport: str) -> bool:
    """Whether it knows states of EVs, which a controller may deny."""
    return transport in (MRC, SPRAY)


def make_endpoint(job: Job, host: str) -> EndPoint:
    """A host's end point, without connections."""
    node = job.plan.nodes[host]
    ports = local_ports(node)
    rng = np.random.default_rng((job.seed, job.plan.hosts.index(host)))
    if job.roce is None:
        return Endpoint(ports, job.settings, rng)
    rates = [port.rate_bps for port in node.ports]
    return RoceEndpoint(ports, rates, job.settings, job.roce, rng)


def warm(job: Job) -> None:
    """Have the compiled loops of the job's transport ready."""
    (mrc_warm if job.roce is None else roce_warm).warm(np.random.default_rng(job.seed))
