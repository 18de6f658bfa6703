"""The counters of a lab's ports before a run and after it, and the books of what happened in between."""

from __future__ import annotations

import time
from collections.abc import Sequence

from mrcnet.kernel.ports import LabPorts, open_ports, read_shapers
from mrcnet.kernel.portstats import FabricSeen, look
from mrcnet.mrc.wire.layout import ICRC, WRITE_HEAD
from mrcnet.plan.paths import paths
from mrcnet.plan.walk import crossed
from mrcnet.port.model import DROPS, FIXED_POINT
from mrcnet.topology.model import End, Role
from mrcnet.workload.books import FULL, Books
from mrcnet.workload.dilation import shaped
from mrcnet.workload.fidelity import Queues
from mrcnet.workload.job import Job
from mrcnet.workload.portbooks import PortDelta, SwitchDelta, balance
from mrcnet.workload.report import RunReport


def open_books(job: Job) -> Bookkeeper | None:
    """The books of a run that is about to begin; None in a lab whose ports do not count."""
    ports = open_ports(job.lab) if shaped(job.plan) else None
    return None if ports is None else Bookkeeper(job, ports)


class Bookkeeper:
    """Looks at the ports when it is made, and when the run has come to rest."""

    def __init__(self, job: Job, ports: LabPorts) -> None:
        self._job = job
        self._ports = ports
        self._before = look(job.lab, ports)
        self._began = time.monotonic_ns()

    def queues(self) -> Queues:
        """How ports kept to their rates since the run began, and how far model and shaper are apart now."""
        wall_ns = time.monotonic_ns() - self._began
        counters = self._ports.counters()
        shares, gaps = [0.0], [0]
        backlogs = {end: self._ports.backlog(end) for end in counters}
        shapers = read_shapers(self._job.lab)
        for end, found in counters.items():
            config, was = self._ports.config(end), self._before.ports.get(end)
            if config is None or was is None:
                continue
            sent = (found.bytes - was.counters.bytes) * config.byte_time / (1 << FIXED_POINT)
            shares.append(sent / wall_ns)
            if end in shapers:
                models = sorted((backlogs[end], self._ports.backlog(end)))  # before the shaper and after it
                held = shapers[end].backlog
                gaps.append(max(models[0] - held, held - models[1], 0) // config.frame)
        return Queues(round(max(shares), 4), max(gaps))

    def close(self, reports: Sequence[RunReport]) -> Books:
        """The books of the run that these reports are of."""
        job, was = self._job, self._before
        now = look(job.lab, self._ports, at_rest=True)
        peers = {
            End(node.name, port.name): f"{port.peer_node}:{port.peer_port}"
            for node in job.plan.nodes.values()
            for port in node.ports
        }
        switches = [node.name for node in job.plan.nodes.values() if node.role is not Role.HOST]
        frame = WRITE_HEAD + job.settings.payload + ICRC
        return balance(
            [_delta(end, peers[end], was, now) for end in now.ports if end in was.ports],
            [
                SwitchDelta(
                    name,
                    now.astray.get(name, 0) - was.astray.get(name, 0),
                    now.made.get(name, 0) - was.made.get(name, 0),
                )
                for name in switches
            ],
            [host for report in reports for host in report.hosts],
            [way for report in reports for way in report.ways],
            [(str(end), -(-one.backlog // frame)) for end, one in now.ports.items() if one.backlog],
            self._trail,
        )

    def _trail(self, src: str, dst: str, ev: int) -> frozenset[str]:
        """Every port, switch and ring on the way of an EV."""
        plan = self._job.plan
        path = next(path for path in paths(plan, src, dst) if path.ev == ev)
        steps = crossed(plan, src, dst, path)
        nodes = {node for step in steps for node in step}
        ports = (
            f"{here}:{port.name}"
            for here, there in steps
            for port in plan.nodes[here].ports
            if port.peer_node == there
        )
        return frozenset((*nodes, *ports, f"{dst}:ring"))


def _delta(end: End, peer: str, before: FabricSeen, after: FabricSeen) -> PortDelta:
    was, now = before.ports[end], after.ports[end]

    def more(name: str) -> int:
        return int(getattr(now.counters, name)) - int(getattr(was.counters, name))

    drops = [(word, more(cause.name.lower())) for cause, word in DROPS.items()]
    drops.append((FULL, now.shaper_drops - was.shaper_drops))
    return PortDelta(
        port=str(end),
        peer=peer,
        sent=more("sent"),
        drops=tuple((word, frames) for word, frames in drops if frames),
        marked=more("marked"),
        trimmed=more("trimmed"),
        deepest=now.counters.deepest,
        received=now.received - was.received,
        flipped=now.changes != was.changes,
    )
