"""A port of a lab as it stands: what its queue is told, what it counts, holds and plays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from mrcnet.errors import EnvironmentFault, InputError
from mrcnet.kernel import lab
from mrcnet.kernel.ports import open_ports
from mrcnet.plan.model import Plan
from mrcnet.plan.queues import Queue
from mrcnet.plan.target import find_end
from mrcnet.port.model import PortCounters


@dataclass(frozen=True, slots=True)
class PlayedFault:
    """A fault that a port plays for `left_s` more of wall time; None: until it is healed. `share`: of the
    frames that are lost, where that is the fault.
    """

    fault: str
    left_s: float | None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class PortState:
    """A port and its `peer`. `queue`: its rate on the fabric and thresholds; None: it counts and passes on.
    `counters` are of frames, since the lab came up; `queue_bytes` is what it holds.
    """

    port: str
    peer: str
    dilation: int
    queue: Queue | None
    counters: PortCounters
    queue_bytes: int
    faults: tuple[PlayedFault, ...]


class Port:
    """A port that counts; `look` is a load from memory, as often as one likes.

    InputError if there is no such port, or the lab is not shaped and no fault has put the program there;
    EnvironmentFault if the machine could not give it a queue.
    """

    def __init__(self, plan: Plan, lab_name: str, target: str) -> None:
        self._plan = plan
        self._end = end = find_end(plan, target)
        ports = open_ports(lab_name)
        if ports is None or end not in ports.indices:
            if lacks := lab.degraded(lab_name):
                raise EnvironmentFault(
                    f"{end} has no queue: lab {lab_name!r} goes without {'; '.join(lacks)}"
                )
            raise InputError(
                f"{end} has no queue: lab {lab_name!r} is not shaped",
                remedy="give its topology `ports: {}` and `mrcnet up` it again",
            )
        self._ports = ports

    def look(self) -> PortState:
        """The port now."""
        end, maps = self._end, self._ports.maps
        planned = self._plan.nodes[end.node].port(end.port)
        return PortState(
            port=str(end),
            peer=f"{planned.peer_node}:{planned.peer_port}",
            dilation=self._plan.topology.dilation,
            queue=planned.queue,
            counters=maps.counters(self._ports.indices[end]),
            queue_bytes=self._ports.backlog(end),
            faults=tuple(self._faults()),
        )

    def _faults(self) -> Iterator[PlayedFault]:
        index, now = self._ports.indices[self._end], time.monotonic_ns()
        for fault in self._ports.maps.faults(index, now):
            share = round(fault.value / 2**32, 9) if fault.name == "loss" else None
            yield PlayedFault(fault.name, round((fault.until - now) / 1e9, 3) if fault.until else None, share)
        if self._ports.maps.is_cut(index):
            yield PlayedFault("cut", None)
