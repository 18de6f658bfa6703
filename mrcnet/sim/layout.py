"""The ports of a plan as columns: where they stand, where they lead, and what their queues may hold."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from mrcnet.plan.bdp import Hop, base_rtt_ns, bdp_bytes
from mrcnet.plan.model import Plan
from mrcnet.sim.model import PortModel
from mrcnet.sim.port import PS, UNLIMITED, Limits
from mrcnet.topology.model import End, Role

AT_HOST, NOWHERE = -1, -2  # stand for the end of a way in place of a port's number
TIERS = 4
ARRIVED, LOST = TIERS, TIERS + 1  # the tiers of those two
_HOST, _T0_UP, _T1, _T0_DOWN = range(TIERS)


class PortTable:
    """Ports numbered in the plan's order of nodes. `tier`: 0 host, 1 T0 up, 2 T1, 3 T0 down.

    `tier` has two more entries, for AT_HOST and NOWHERE. `delay` in ps, `of_host`: the numbers of a host's
    ports in its local order. `rtt` in ns and `bdp` in bytes, by plane.
    """

    def __init__(self, plan: Plan, frame: int, answer: int) -> None:
        listed = [(node, port) for node in plan.nodes.values() for port in node.ports]
        self.count = len(listed)
        self.ends = tuple(End(node.name, port.name) for node, port in listed)
        self.number = {end: number for number, end in enumerate(self.ends)}
        self.peer = tuple(self.number[End(port.peer_node, port.peer_port)] for _, port in listed)
        self.rate = np.array([port.rate_bps for _, port in listed], np.int64)
        self.delay = np.array([port.delay_ns * PS for _, port in listed], np.int64)
        roles = [(node.role, plan.nodes[port.peer_node].role) for node, port in listed]
        self.lasthop = np.array([there is Role.HOST for _, there in roles])
        self.tier = np.array([*(_tier(*pair) for pair in roles), LOST, ARRIVED], np.int64)
        self.of_host = {
            name: np.array([self.number[End(name, port.name)] for port in plan.nodes[name].ports], np.int64)
            for name in plan.hosts
        }
        self._plane = np.array([port.plane for _, port in listed], np.int64)
        hops: dict[int, list[Hop]] = {}
        for (_, port), pair in zip(listed, roles, strict=True):
            hops.setdefault(port.plane, []).append(Hop(*pair, port.delay_ns, port.rate_bps))
        self.rtt = {plane: base_rtt_ns(hops[plane], frame, answer) for plane in sorted(hops)}
        self.bdp = {
            plane: bdp_bytes(int(self.rate[self._plane == plane].min()), rtt)
            for plane, rtt in self.rtt.items()
        }
        self._queues = [port.queue for _, port in listed]

    @property
    def base_rtt(self) -> int:
        """The longest of the planes' RTTs, ns."""
        return max(self.rtt.values())

    def limits(self, model: PortModel | None) -> Limits:
        """The thresholds of every port, by the plan's own queues if `model` is None and it has any.

        A host's own queue is bounded by what it is given room for.
        """
        if model is None and all(self._queues):
            return self._planned()
        model = model or PortModel()
        bdp = np.array([self.bdp[plane] for plane in self._plane.tolist()])
        switch = self.tier[: self.count] != _HOST

        def share(value: float | None) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
            at = np.full(self.count, UNLIMITED) if value is None else np.asarray(bdp * value).astype(np.int64)
            return np.where(switch, at, UNLIMITED)

        marks = switch & (~self.lasthop | model.ecn_lasthop)  # spec 6.5
        return Limits(
            ecn_min=np.where(marks, share(model.ecn_min), UNLIMITED),
            ecn_max=np.where(marks, share(model.ecn_max), UNLIMITED),
            trim=np.where(self.lasthop, share(model.trim_lasthop), share(model.trim)),
            drop=share(model.drop),
            control_drop=share(model.control_drop),
            trim_size=np.full(self.count, model.trim_size),
        )

    def _planned(self) -> Limits:
        def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
            depths = [getattr(queue, name) for queue in self._queues]
            return np.array([UNLIMITED if depth is None else depth for depth in depths], np.int64)

        return Limits(*map(column, [field.name for field in fields(Limits)]))


def _tier(here: Role, there: Role) -> int:
    if here is Role.HOST:
        return _HOST
    if here is Role.T1:
        return _T1
    return _T0_DOWN if there is Role.HOST else _T0_UP
