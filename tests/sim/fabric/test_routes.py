"""A frame of the simulator goes the way of the plan."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from mrcnet.plan.addressing import to_int
from mrcnet.plan.build import build_plan
from mrcnet.plan.paths import paths
from mrcnet.plan.walk import walk
from mrcnet.sim.routes import MOST_PORTS, Routes
from mrcnet.topology.load import load_text
from tests.sim.fabric.parts import plan_of

UA = 0xE000  # of f3216: out of port 0; that of port n is n more
SHIPPED = Path(__file__).parents[3] / "topologies"


@pytest.mark.parametrize("name", ["2p-2t0-2t1", "4p-2t0-4t1", "8p-2t0-2t1"])
def test_every_path_as_the_walk(name: str) -> None:
    """Every EV of every ordered pair passes the nodes that the plan's own walk names."""
    plan = build_plan(load_text((SHIPPED / f"{name}.yaml").read_text(), name))
    routes = Routes(plan)
    for src, dst in permutations(plan.hosts, 2):
        for path in paths(plan, src, dst):
            trace = routes.trace(src, path.port, to_int(path.carrier).to_bytes(16, "big"))
            assert trace.arrives
            nodes = [end.node for end in trace.ports] + [trace.node]
            assert [hop.node for hop in walk(plan, src, dst, path).hops] == nodes


def carrier(*usids: int) -> bytes:
    return b"".join([bytes.fromhex("fcbbbb00"), *(usid.to_bytes(2, "big") for usid in usids)]).ljust(
        16, b"\0"
    )


def test_uas() -> None:
    """A uA takes the frame out of its port, whatever stands behind it in the carrier."""
    routes = Routes(plan_of())
    # p0-t0-0 by its fourth port to p0-t1-1, that by its second to p0-t0-1, that by its first to h2
    trace = routes.trace("h0", "eth1", carrier(UA + 4, UA + 2, UA + 1, 0x6001))
    assert ["h0:eth1", "p0-t0-0:eth4", "p0-t1-1:eth2", "p0-t0-1:eth1"] == [str(end) for end in trace.ports]
    assert ("h2", True) == (trace.node, trace.arrives)


def test_ends() -> None:
    """A carrier without a route ends at the switch; one for another host is not taken by this one."""
    routes = Routes(plan_of())
    lost = routes.trace("h0", "eth1", carrier(0x7777))
    assert ("p0-t0-0", False) == (lost.node, lost.arrives)
    wrong_host = routes.trace("h0", "eth1", carrier(UA + 2, 0x6005))
    assert ("h1", False) == (wrong_host.node, wrong_host.arrives)


def test_circles_end() -> None:
    """A carrier cannot keep a frame in the fabric: uSIDs are used up, and ports are counted."""
    routes = Routes(plan_of())
    trace = routes.trace("h0", "eth1", carrier(*[UA + 3, UA + 1] * 3))
    assert not trace.arrives
    assert len(trace.ports) <= MOST_PORTS
