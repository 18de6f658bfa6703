"""A traffic run, decided: who takes part, with which windows and rings, in which worker."""

from __future__ import annotations

import math
import os
import socket
from collections import Counter
from dataclasses import dataclass, replace

from mrcnet.mrc.evs import EvPath
from mrcnet.mrc.flight import OVERHEAD
from mrcnet.mrc.qp import LocalPort
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.numbers import MPR_UNIT
from mrcnet.plan.model import NodePlan, Plan
from mrcnet.plan.paths import paths
from mrcnet.workload.flow import Flow

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


@dataclass(frozen=True, slots=True)
class Job:
    """One run. `bin_ns` is the width of a goodput bin in fabric ns; `ring` the frames a host's ring holds."""

    lab: str
    plan: Plan
    flows: tuple[Flow, ...]
    settings: Settings
    seed: int
    bin_ns: int
    ring: int

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that take part, in the plan's order."""
        used = {flow.src for flow in self.flows} | {flow.dst for flow in self.flows}
        return tuple(host for host in self.plan.hosts if host in used)

    @property
    def message(self) -> int:
        """The longest message of all flows, bytes."""
        return max(flow.message for flow in self.flows)


def make_job(
    lab: str, plan: Plan, flows: tuple[Flow, ...], settings: Settings, seed: int, bin_ns: int
) -> Job:
    """Fit windows and rings to each other: what all peers of a host may have in flight fits its ring.

    A ring that overflows loses packets that no fabric lost, so the window (MPR) shrinks instead; and many
    flows share what a software NIC can have under way before its queues outlast the timers. Many flows also
    probe less often each: a NIC that is busy with probes answers late, and is probed the more for it.
    """
    hosts = {flow.src for flow in flows} | {flow.dst for flow in flows}
    fan = max(Counter(flow.dst for flow in flows).values())
    slot = settings.payload + _FRAME
    ring = max(_RING_LEAST, min(_RING_MOST, RING_BUDGET // (slot * len(hosts))))
    units = max(1, min(settings.mpr_units, ring // (fan * MPR_UNIT)))
    window = max(_WINDOW_LEAST, min(units * MPR_UNIT, _IN_FLIGHT // len(flows)))
    exponent = max(settings.timeout_exponent, _patience(window, len(flows), plan))
    between_probes = len(flows) * 1_000_000_000 // _PROBES // plan.topology.dilation
    fitted = replace(
        settings,
        mpr_units=units,
        window_bytes=window * (settings.payload + OVERHEAD),
        timeout_exponent=exponent,
        timeout_ceiling_exponent=max(settings.timeout_ceiling_exponent, exponent),
        probe_floor_ns=max(settings.probe_floor_ns, between_probes),
        probe_rtts=settings.probe_rtts * min(_RARER, -(-len(flows) // 4)),
        reverse_probe_ns=max(settings.reverse_probe_ns, between_probes),
    )
    return Job(lab, plan, flows, fitted, seed, bin_ns, ring)


def _patience(window: int, flows: int, plan: Plan) -> int:
    """The timeout exponent (spec 1.3) that outlasts three turns of a software NIC with all windows full."""
    wall_us = 3 * flows * (window * 1e6 / _PACE + (_TURN_NS / 1e3 if flows > 1 else 0))
    return min(_EXPONENT_MOST, math.ceil(math.log2(max(1.0, wall_us / plan.topology.dilation / 1.024))))


def shares(hosts: tuple[str, ...], most: int | None = None) -> list[tuple[str, ...]]:
    """Deal the hosts to workers, one a core; neighbours go to different workers."""
    workers = min(most or len(os.sched_getaffinity(0)), len(hosts))
    return [hosts[number::workers] for number in range(workers)]


def local_ports(node: NodePlan) -> tuple[LocalPort, ...]:
    """A host's ports as its end point knows them."""
    return tuple(
        LocalPort(
            port.plane, _mac(port.mac), _mac(port.peer_mac), _address(port.addresses[0].partition("/")[0])
        )
        for port in node.ports
    )


def ev_paths(plan: Plan, src: str, dst: str) -> tuple[EvPath, ...]:
    """The EVs of an ordered pair as its end point knows them."""
    number = {port.name: index for index, port in enumerate(plan.nodes[src].ports)}
    return tuple(
        EvPath(path.ev, path.plane, number[path.port], _address(path.carrier))
        for path in paths(plan, src, dst)
    )


def peer_addresses(plan: Plan, host: str) -> dict[int, bytes]:
    """{plane: address} of a host."""
    return {port.plane: port.address for port in local_ports(plan.nodes[host])}


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _address(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, text)
