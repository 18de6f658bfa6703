"""The front door of planning: a topology in, the whole plan out."""

from __future__ import annotations

from functools import cache

from mrcnet.plan.addressing import macs
from mrcnet.plan.model import Plan
from mrcnet.plan.tables import node_plan
from mrcnet.plan.wiring import wire
from mrcnet.topology.model import Topology


def build_plan(topology: Topology) -> Plan:
    """Plan every node of the fabric, and lint the result. The same topology gives the same plan."""
    wiring = wire(topology)
    mac_table = cache(macs)
    return Plan(
        topology=topology,
        nodes={node.name: node_plan(wiring, node.name, mac_table) for node in topology.nodes},
        hosts=tuple(host.name for host in wiring.hosts),
        lint=(),
        wiring=wiring,
    )
