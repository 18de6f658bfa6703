"""Looking at a running lab. Keeps its namespaces' counters open, and nothing else; touches nothing.

A lab that `up` changes meanwhile is seen as it is then: its ports are found anew, for links come and go, and
rows of the ports' map may have another bearer.
"""

from __future__ import annotations

import time

from mrcnet.kernel import lab, marks, state
from mrcnet.kernel.ports import open_ports
from mrcnet.kernel.portwatch import PortWatch
from mrcnet.nic import desk
from mrcnet.port.model import DROPS
from mrcnet.topology.model import End
from mrcnet.watch.model import LabSeen, PortSeen, Queue


class Looker:
    """Looks at one lab, again and again, until it is closed. InputError if there is no such lab."""

    def __init__(self, name: str) -> None:
        self._lab = name
        self._open()

    def _open(self) -> None:
        """Find the ports that the lab has. An `up` that is under way comes to its end first."""
        marks.lab_name(self._lab)
        if not marks.owned(self._lab):
            raise lab.unknown(self._lab)
        with state.locked(self._lab):
            stored = lab.load(self._lab)
            plan = lab.plan_of(stored)
            ends = [End(node.name, port.name) for node in plan.nodes.values() for port in node.ports]
            programs = open_ports(self._lab)
            self._watch = PortWatch(self._lab, ends)
        self._stored, self._plan, self._programs = stored, plan, programs

    def _follow(self) -> None:
        """See what an `up` since the last look has made of the lab."""
        stored = state.recall(self._lab)
        if stored is not None and stored != self._stored:
            self._watch.close()
            self._open()

    def look(self) -> LabSeen:
        """All ports and runs as they stand. InputError if the lab went down."""
        if not marks.owned(self._lab):
            raise lab.unknown(self._lab)
        self._follow()
        at = time.monotonic_ns()
        ports = []
        for end, traffic in zip(self._watch.ends, self._watch.traffic(), strict=True):
            port = self._plan.nodes[end.node].port(end.port)
            peer = f"{port.peer_node}:{port.peer_port}"
            ports.append(PortSeen(end, peer, port.plane, traffic, self._queue(end, at)))
        topology = self._plan.topology
        return LabSeen(
            lab=self._lab,
            at=at,
            dilation=topology.dilation,
            planes=topology.planes,
            hosts=len(self._plan.hosts),
            ports=tuple(ports),
            runs=tuple(sorted(desk.pulses(self._lab).items())),
        )

    def _queue(self, end: End, now: int) -> Queue | None:
        programs = self._programs
        if programs is None or end not in programs.indices:
            return None
        index = programs.indices[end]
        counted = programs.maps.counters(index)
        faults = [fault.name for fault in programs.maps.faults(index, now)]
        return Queue(
            marked=counted.marked,
            trimmed=counted.trimmed,
            drops=tuple((word, int(getattr(counted, cause.name.lower()))) for cause, word in DROPS.items()),
            backlog=programs.backlog(end),
            faults=(*(["cut"] if programs.maps.is_cut(index) else []), *faults),
        )

    def close(self) -> None:
        """Let go of the namespaces."""
        self._watch.close()
