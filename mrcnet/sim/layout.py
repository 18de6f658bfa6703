"""The ports of a plan as columns: where they stand, where they lead, and what their queues may hold."""

from __future__ import annotations

import numpy as np

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
        self.rtt = {plane: self._rtt(plane, frame, answer) for plane in sorted(set(self._plane.tolist()))}
        self.bdp = {
            plane: int(self.rate[self._plane == plane].min()) * rtt // (8 * 10**9)
            for plane, rtt in self.rtt.items()
        }

    @property
    def base_rtt(self) -> int:
        """The longest of the planes' RTTs, ns."""
        return max(self.rtt.values())

    def _rtt(self, plane: int, frame: int, answer: int) -> int:
        """spec 5.9: a full frame there and a SACK back over the longest way: two host links, two above them.

        Propagation and serialisation at every hop.
        """
        total = 0
        for low, high in ((_HOST, _HOST), (_T0_DOWN, _T0_DOWN), (_T0_UP, _T1)):
            mine = (
                (self._plane == plane) & (self.tier[: self.count] >= low) & (self.tier[: self.count] <= high)
            )
            if mine.any():
                times = 2 * self.delay[mine] / PS + (frame + answer) * 8e9 / self.rate[mine]
                total += round(float(times.max())) * (2 if low == _T0_UP else 1)
        return total

    def limits(self, model: PortModel) -> Limits:
        """The thresholds of every port. A host's own queue is bounded by what it is given room for."""
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
        )


def _tier(here: Role, there: Role) -> int:
    if here is Role.HOST:
        return _HOST
    if here is Role.T1:
        return _T1
    return _T0_DOWN if there is Role.HOST else _T0_UP
