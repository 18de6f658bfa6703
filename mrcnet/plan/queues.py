"""Thresholds of ports' queues in bytes: shares of a BDP worked out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mrcnet.plan.bdp import WRITE_OVERHEAD, plane_bdps
from mrcnet.topology.model import Depth, End, QueueSettings, Role, Topology


@dataclass(frozen=True, slots=True)
class Queue:
    """A port's egress queue: thresholds in bytes that a frame finds before it; None is never reached.

    `frame`: bytes of a full data frame. `last_hop`: the port faces a host, and trims with a mark of its own.
    """

    rate_bps: int
    frame: int
    last_hop: bool
    ecn_min: int | None
    ecn_max: int | None
    trim: int | None
    trim_size: int
    drop: int | None
    control_drop: int | None


def plan_queues(topology: Topology) -> Mapping[End, Queue]:
    """The queue of every port; empty if the topology is not shaped."""
    if not topology.shaped:
        return {}
    bdps = plane_bdps(topology)
    roles = {node.name: node.role for node in topology.nodes}
    frame = topology.transport.payload + WRITE_OVERHEAD
    plane_and_peer = {link.a: (link.plane, link.b) for link in topology.links}
    plane_and_peer |= {link.b: (link.plane, link.a) for link in topology.links}
    found = {}
    for settings in topology.queues:
        plane, peer = plane_and_peer[settings.end]
        found[settings.end] = _queue(settings, bdps[plane], frame, roles[peer.node] is Role.HOST)
    return found


def _queue(settings: QueueSettings, bdp: int, frame: int, last_hop: bool) -> Queue:
    def size(depth: Depth | None) -> int | None:
        return None if depth is None else depth.bytes + int(depth.bdp * bdp)

    return Queue(
        rate_bps=settings.rate_bps,
        frame=frame,
        last_hop=last_hop,
        ecn_min=size(settings.ecn_min),
        ecn_max=size(settings.ecn_max),
        trim=size(settings.trim),
        trim_size=settings.trim_size,
        drop=size(settings.drop),
        control_drop=size(settings.control_drop),
    )
