"""Windows and timers that fit a fabric whose ports have rates: from its bandwidths and delays alone. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mrcnet.mrc.flight import OVERHEAD
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.layout import ICRC, WRITE_HEAD
from mrcnet.mrc.wire.numbers import MPR_UNIT
from mrcnet.plan.model import Plan
from mrcnet.rocev2.settings import Roce
from mrcnet.workload.congestion import base_rtt_ns
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job

_BDPS = 1.5  # spec 5.8: the largest window
_LEAST = 4  # packets of one flow
_FULL_QUEUES = (
    8  # base RTTs that a packet and its answer may take when queues are full (spec 5.9: up to 5 BDP)
)
_STALL_WALL_NS = 100_000_000  # a machine may stop for so long without a timer running out ...
_PROBE_WALL_NS = 20_000_000  # ... and for so long without a probe
_REFRESH_RTTS = 64  # between two probes of a reverse EV


def windows(settings: Settings, flows: Sequence[Flow], rate_bps: int, rtt_ns: int) -> Settings:
    """Fixed windows that together are 1.5 BDP of a host of `rate_bps`, split among the most flows at one."""
    frame = WRITE_HEAD + settings.payload + ICRC
    fan = max(*Counter(flow.dst for flow in flows).values(), *Counter(flow.src for flow in flows).values())
    bdp = rate_bps * rtt_ns / 8e9 / frame  # in packets
    packets = max(_LEAST, round(_BDPS * bdp / fan))
    units = min(255, max(settings.mpr_units, -(-packets // MPR_UNIT)))  # spec 1.2: 8 bits
    return replace(settings, window_bytes=packets * (settings.payload + OVERHEAD), mpr_units=units)


def fit_roce(job: Job, rtt_ns: int, turn_ns: int) -> Roce | None:
    """RoCEv2's knobs where ports have rates, if it is what carries the job: each QP may fill the widest port
    of a host, and a limited rate makes up for the turns of the NIC. How many share a port or a peer it does
    not know: that is DCQCN's to find out.
    """
    if job.roce is None:
        return None
    frame = WRITE_HEAD + job.settings.payload + ICRC
    rate = max(port.rate_bps for host in job.hosts for port in job.plan.nodes[host].ports)
    packets = max(_LEAST, round(_BDPS * rate * rtt_ns / 8e9 / frame))
    return replace(
        job.roce,
        window_bytes=packets * job.settings.payload,
        burst_ns=max(job.roce.burst_ns, 2 * turn_ns),
    )


def patient(roce: Roce, settings: Settings) -> int:
    """RoCEv2's timeout exponent (4.096 us x 2^t) that waits at least as long as MRC's (1.024 us x 2^t)."""
    return max(roce.timeout_exponent, settings.timeout_exponent - 2)


def for_fabric(settings: Settings, plan: Plan, flows: Sequence[Flow], turn_ns: int, ring: int) -> Settings:
    """Settings for end points on a shaped fabric; `turn_ns`: what the NIC itself adds to each end of an RTT;
    `ring`: frames that a host takes in. Timers come from the base RTT, and outlast the machine's stalls.
    """
    base = base_rtt_ns(plan, settings.payload)
    hosts = {flow.src for flow in flows} | {flow.dst for flow in flows}
    rate = min(sum(port.rate_bps for port in plan.nodes[host].ports) for host in hosts)
    fitted = windows(settings, flows, rate, base + 2 * turn_ns)
    fan = max(Counter(flow.dst for flow in flows).values())
    dilation = plan.topology.dilation
    fitted = replace(fitted, mpr_units=max(1, min(fitted.mpr_units, ring // (fan * MPR_UNIT))))
    return timers(fitted, base, turn_ns, _STALL_WALL_NS // dilation, _PROBE_WALL_NS // dilation)


def timers(settings: Settings, base: int, turn_ns: int, stall_ns: int, probe_ns: int) -> Settings:
    """Timers for a fabric of the base RTT `base`, whose machine may stop for `stall_ns`, and needs `probe_ns`
    between two probes of an EV; fabric ns. A timeout that somebody chose stays.
    """
    longest = _FULL_QUEUES * base + 2 * turn_ns + stall_ns
    exponent = settings.timeout_exponent
    if exponent == Settings().timeout_exponent:  # nobody chose it: that one suits an unshaped lab
        exponent = max(1, math.ceil(math.log2(longest / 1_024)))  # spec 1.3: 1.024 us x 2^t
    return replace(
        settings,
        base_rtt_ns=base + 2 * turn_ns,
        timeout_exponent=exponent,
        timeout_ceiling_exponent=exponent + 3,
        probe_floor_ns=max(1, 2 * turn_ns, probe_ns),
        reverse_probe_ns=min(settings.reverse_probe_ns, _REFRESH_RTTS * base),
        port_status_ns=min(settings.port_status_ns, _FULL_QUEUES * base),
    )
