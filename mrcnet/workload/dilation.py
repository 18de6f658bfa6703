"""The dilation at which a machine keeps up with a fabric. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mrcnet.mrc.wire.layout import ICRC, WRITE_HEAD
from mrcnet.plan.model import Plan
from mrcnet.topology.model import AUTO
from mrcnet.workload.congestion import base_rtt_ns
from mrcnet.workload.flow import Flow

_SHARE = 0.5  # of what the machine carries: the rest is its margin, for it is not always as fast as once
LATE_SHARE = 0.25  # of the base RTT that a NIC may be late
TURNS = 8  # of a NIC in a base RTT
_TURN_WALL_NS = 500_000
_STEPS = (1, 2, 5, 10)
_FINE = (1, 2, 3, 5, 7, 10)
_SLOWER_LEAST = 1.4  # a bound that was missed by little is not met for sure by going a little slower


def shaped(plan: Plan) -> bool:
    """Whether the fabric's ports have their rates; without, a link is as fast as the CPU."""
    return plan.topology.shaped


def turn_ns(plan: Plan) -> int:
    """How far apart a software NIC's turns are where ports have rates, fabric ns: a small part of the RTT, so
    that delays stay what the fabric makes them, but no less than a machine needs to gather some frames.
    """
    base = base_rtt_ns(plan, plan.topology.transport.payload)
    return max(1, base // TURNS, _TURN_WALL_NS // plan.topology.dilation)


def offered_pps(plan: Plan, flows: Sequence[Flow] = ()) -> float:
    """Packets per fabric second when these flows send full packets, no host more than its ports carry.

    Without flows: when every host sends at line rate on all its ports.
    """
    frame = WRITE_HEAD + plan.topology.transport.payload + ICRC
    line = {host: sum(port.rate_bps for port in plan.nodes[host].ports) for host in plan.hosts}
    if flows:
        asked: dict[str, int] = {}
        for flow in flows:
            asked[flow.src] = asked.get(flow.src, 0) + (flow.rate_bps or line[flow.src])
        line = {host: min(bps, line[host]) for host, bps in asked.items()}
    return sum(line.values()) / (8 * frame)


def dilation_for(plan: Plan, pps: float, late_ns: float, cores: int, flows: Sequence[Flow] = ()) -> int:
    """The smallest friendly dilation at which a machine keeps up with what `flows` offer; without any, with
    all hosts sending at line rate on all ports at the same time.

    Each of its `cores` carries `pps` packets per wall second, and makes a NIC `late_ns` late for every host
    that it serves.
    """
    busy = {host for flow in flows for host in (flow.src, flow.dst)} or plan.hosts
    late = late_ns * math.ceil(len(busy) / cores)
    by_load = offered_pps(plan, flows) / (_SHARE * pps * cores)
    by_time = late / (LATE_SHARE * base_rtt_ns(plan, plan.topology.transport.payload))
    return friendly(max(by_load, by_time))


def slower(dilation: int, times: float) -> int:
    """A dilation for the next attempt, where a run has shown that time must be so many `times` slower."""
    return friendly(dilation * max(times, _SLOWER_LEAST), _FINE)


def friendly(least: float, steps: Sequence[int] = _STEPS) -> int:
    """The next of 1, 2, 5, 10, 20, 50 ... that is not less; or of other `steps` from 1 to 10."""
    power: int = 10 ** max(0, math.floor(math.log10(max(least, 1))))
    return next(step * power for step in steps if step * power >= least)


def is_auto(plan: Plan) -> bool:
    """Whether the dilation is still to be chosen."""
    return plan.topology.dilation == AUTO
