"""Waiting for what daemons are to bring about: the kernel's routes against those of the plan."""

from __future__ import annotations

import time

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import links, routes
from mrcnet.kernel.handles import Handles
from mrcnet.plan.model import NodePlan, Plan, Route

_PROTOCOL_BGP = 186
_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.1


def await_learned(handles: Handles, plan: Plan) -> None:
    """Return when every node has learned what the plan expects, and nothing else.

    Raises EnvironmentFault, naming what a node lacks, if that takes more than a minute.
    """
    deadline = time.monotonic() + _WITHIN_S
    waiting = [node for node in plan.nodes.values() if node.learned]
    while waiting := [node for node in waiting if learned(handles, node.name) != frozenset(node.learned)]:
        if time.monotonic() > deadline:
            raise _late(handles, waiting)
        time.sleep(_LOOK_EVERY_S)


def learned(handles: Handles, node: str) -> frozenset[Route]:
    """The ways to hosts that a node's kernel has from BGP."""
    socket = handles.socket(node)
    names = {one.index: one.name for one in map(links.read_link, socket.dump(links.list_links()))}
    table = (one for body in socket.dump(routes.list_routes()) for one in routes.read_routes(body, names))
    return frozenset(one.route for one in table if one.protocol == _PROTOCOL_BGP and one.route is not None)


def _late(handles: Handles, waiting: list[NodePlan]) -> EnvironmentFault:
    node = waiting[0]
    found = learned(handles, node.name)
    lacks = [route for route in node.learned if route not in found]
    if lacks:
        what = f"{node.name} lacks {lacks[0].dst} via {lacks[0].dev}"
    else:
        odd = sorted(found - frozenset(node.learned), key=str)
        what = f"{node.name} has {odd[0].dst} via {odd[0].dev}, too" if odd else f"{node.name} was last"
    more = f", and {len(waiting) - 1} more nodes are not there" if len(waiting) > 1 else ""
    return EnvironmentFault(
        f"BGP has not converged within {_WITHIN_S:.0f} s: {what}{more}",
        remedy="is the machine overloaded? `mrcnet up` again, or choose a smaller fabric",
    )
