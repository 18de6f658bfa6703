"""A traffic run, decided: who takes part, with which settings, in which worker."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from mrcnet.mrc.evs import EvPath
from mrcnet.mrc.qp import LocalPort
from mrcnet.mrc.settings import Settings
from mrcnet.plan.crossings import Crossings
from mrcnet.plan.model import NodePlan, Plan
from mrcnet.plan.paths import paths
from mrcnet.rocev2.settings import Roce
from mrcnet.topology.model import Link
from mrcnet.workload.flow import Flow
from mrcnet.workload.program import Program


@dataclass(frozen=True, slots=True)
class Job:
    """One run, as it was asked for. `bin_ns` is the width of a goodput bin in fabric ns. EVs that cross a
    `denied` link carry nothing from the start (spec 4.1).

    What carries it fits windows and timers to itself: `mrcnet.nic.fit`, `mrcnet.sim.fit`.
    """

    lab: str
    plan: Plan
    flows: tuple[Flow, ...]
    settings: Settings
    seed: int
    bin_ns: int
    transport: str = "mrc"  # by its name
    roce: Roce | None = None  # the knobs of RoCEv2, if that is it
    denied: tuple[Link, ...] = ()
    programs: tuple[Program, ...] = ()  # of collectives; their flows are among `flows`

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that take part, in the plan's order."""
        used = {flow.src for flow in self.flows} | {flow.dst for flow in self.flows}
        return tuple(host for host in self.plan.hosts if host in used)

    @property
    def message(self) -> int:
        """The longest message of all flows, bytes."""
        return max(flow.message for flow in self.flows)


def bin_ns(plan: Plan) -> int:
    """The width of a goodput bin: 1 ms of wall time, in fabric ns, also for virtual time (auto: of 1000)."""
    return max(1, 1_000_000 // (plan.topology.dilation or 1_000))


def shares(hosts: tuple[str, ...], most: int | None = None) -> list[tuple[str, ...]]:
    """Deal the hosts to workers, one a core; neighbours go to different workers."""
    workers = min(most or len(os.sched_getaffinity(0)), len(hosts))
    return [hosts[number::workers] for number in range(workers)]


def local_ports(node: NodePlan) -> tuple[LocalPort, ...]:
    """A host's ports as its end point knows them."""
    return tuple(
        LocalPort(
            port.plane,
            _mac(port.mac),
            _mac(port.peer_mac),
            _address(node.address or port.addresses[0].partition("/")[0]),
        )
        for port in node.ports
    )


def denied_evs(job: Job, src: str, dst: str) -> tuple[int, ...]:
    """The EVs of an ordered pair that are denied from the start, ascending."""
    return tuple(sorted(Crossings(job.plan).evs(src, dst, job.denied))) if job.denied else ()


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
