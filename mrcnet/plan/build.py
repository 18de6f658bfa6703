"""The front door of planning: a topology in, the whole plan out."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from mrcnet.errors import InputError
from mrcnet.plan.addressing import macs
from mrcnet.plan.lint import lint
from mrcnet.plan.model import Plan
from mrcnet.plan.tables import node_plan
from mrcnet.plan.wiring import wire
from mrcnet.topology.model import Topology


def build_plan(topology: Topology) -> Plan:
    """Plan every node of the fabric, and lint the result. The same topology gives the same plan.

    Raises InputError if a number does not fit its field, which no topology read by `load_text` does.
    """
    wiring = wire(topology)
    mac_table = cache(macs)
    nodes = {node.name: node_plan(wiring, node.name, mac_table) for node in topology.nodes}
    return Plan(
        topology=topology,
        nodes=nodes,
        hosts=tuple(host.name for host in wiring.hosts),
        lint=lint(wiring, nodes),
        wiring=wiring,
    )


def dilated(plan: Plan, dilation: int) -> Plan:
    """The same plan for a lab in which a fabric nanosecond lasts `dilation` wall nanoseconds.

    Raises InputError if the fabric cannot have the queues that come with it.
    """
    topology = replace(plan.topology, dilation=dilation)
    if topology.shaped != plan.topology.shaped:  # ports gain their queues, or lose them
        again = build_plan(topology)
        for finding in again.lint:
            if finding.severity == "error":
                raise InputError(f"dilated {dilation} times, this fabric would not work: {finding.message}")
        return again
    return replace(plan, topology=topology)


def undilated(plan: Plan) -> Plan:
    """The same plan for virtual time, in which nothing has to wait for a machine: its queues stay."""
    return replace(plan, topology=replace(plan.topology, dilation=1, has_ports=plan.topology.shaped))
