"""What fits software NICs: windows, rings, timers and probes of processes that wait for a core."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from mrcnet.mrc.flight import OVERHEAD
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.numbers import MPR_UNIT
from mrcnet.plan.model import Plan
from mrcnet.rocev2.settings import Roce
from mrcnet.workload.dilation import shaped, turn_ns
from mrcnet.workload.fit import fit_roce, for_fabric, patient
from mrcnet.workload.job import Job

RING_BUDGET = 768 << 20  # bytes of ring memory that one run may take
_RING_MOST = 8192
_RING_LEAST = 2048
_IN_FLIGHT = 512  # packets under way in the whole run: more only wait, for nothing in the fabric holds them
_WINDOW_LEAST = 16  # packets of one flow
_PACE = 30_000  # packets per wall second that even a slow machine carries ...
_TURN_NS = 4_000_000  # ... and wall time that each flow adds to a turn of its hosts when there are several
_PROBES = 1_000  # probes per wall second, of all flows together, that leave it time for their data
_RARER = 8  # ASSUMED_BAD EVs of many flows are probed so many times less often, at most
_EXPONENT_MOST = 24  # spec 1.3
_FRAME = 512  # headers and the ring's own, rounded up


def ring_of(job: Job) -> int:
    """Frames that each host's ring holds."""
    slot = job.settings.payload + _FRAME
    return max(_RING_LEAST, min(_RING_MOST, RING_BUDGET // (slot * len(job.hosts))))


def fit(job: Job) -> Job:
    """The job with windows and rings that fit each other: what all peers of a host may have in flight fits
    its ring.

    A ring that overflows loses packets that no fabric lost, so the window (MPR) shrinks instead; and many
    flows share what a software NIC can have under way before its queues outlast the timers. Many flows also
    probe less often each: a NIC that is busy with probes answers late, and is probed the more for it.

    Where ports have rates, the fabric's own times and bandwidths decide instead (`workload.fit`).
    """
    if shaped(job.plan):
        turn = turn_ns(job.plan)
        settings = for_fabric(job.settings, job.plan, job.flows, turn, ring_of(job))
        job = replace(job, settings=settings, roce=fit_roce(job, settings.base_rtt_ns, turn))
        return replace(job, roce=job.roce and replace(job.roce, timeout_exponent=patient(job.roce, settings)))
    flows, settings = len(job.flows), job.settings
    fan = max(Counter(flow.dst for flow in job.flows).values())
    units = max(1, min(settings.mpr_units, ring_of(job) // (fan * MPR_UNIT)))
    window = max(_WINDOW_LEAST, min(units * MPR_UNIT, _IN_FLIGHT // flows))
    exponent = max(settings.timeout_exponent, _patience(window, flows, job.plan))
    between_probes = flows * 1_000_000_000 // _PROBES // job.plan.topology.dilation
    fitted = replace(
        settings,
        mpr_units=units,
        window_bytes=window * (settings.payload + OVERHEAD),
        timeout_exponent=exponent,
        timeout_ceiling_exponent=max(settings.timeout_ceiling_exponent, exponent),
        probe_floor_ns=max(settings.probe_floor_ns, between_probes),
        probe_rtts=settings.probe_rtts * min(_RARER, -(-flows // 4)),
        reverse_probe_ns=max(settings.reverse_probe_ns, between_probes),
    )
    return replace(job, settings=fitted, roce=_share(job.roce, fitted))


def _share(roce: Roce | None, settings: Settings) -> Roce | None:
    """RoCEv2's QPs share the window that MRC would have, and are as patient."""
    if roce is None:
        return None
    window = max(settings.payload, settings.window_bytes // roce.qps)
    return replace(roce, window_bytes=window, timeout_exponent=patient(roce, settings))


def _patience(window: int, flows: int, plan: Plan) -> int:
    """The timeout exponent (spec 1.3) that outlasts three turns of a software NIC with all windows full."""
    wall_us = 3 * flows * (window * 1e6 / _PACE + (_TURN_NS / 1e3 if flows > 1 else 0))
    return min(_EXPONENT_MOST, math.ceil(math.log2(max(1.0, wall_us / plan.topology.dilation / 1.024))))
