"""Which ports are looked at beside a drill: those around what it strikes, those that it captures. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mrcnet.drill.actions import ends_of
from mrcnet.drill.model import Drill, Moment
from mrcnet.drill.place import at
from mrcnet.drill.targets import find_ends
from mrcnet.errors import InputError
from mrcnet.plan.model import Plan
from mrcnet.topology.model import End, Link

_MOST = 24  # ports whose counters are written down
_CAPTURED_MOST = 8


def watched_ends(plan: Plan, moments: Sequence[Moment]) -> tuple[End, ...]:
    """Both ends of every link that is struck, then the other ports of the same nodes; so many at most."""
    struck: dict[End, None] = {}
    far = {end: other for link in plan.topology.links for end, other in _both(link)}
    for moment in moments:
        for op in moment.do:
            for end in ends_of(op):
                struck |= {end: None, far[end]: None}
    beside = {
        End(node, port.name): None
        for node in dict.fromkeys(end.node for end in struck)
        for port in plan.nodes[node].ports
    }
    return tuple({**struck, **beside})[:_MOST]


def _both(link: Link) -> tuple[tuple[End, End], tuple[End, End]]:
    return (link.a, link.b), (link.b, link.a)


def captured_ends(drill: Drill, plan: Plan) -> tuple[End, ...]:
    """The ports that a drill captures. InputError, with its place, for one that does not exist."""
    found: dict[End, None] = {}
    for one in drill.capture:
        with at(one.where):
            found |= dict.fromkeys(find_ends(plan, one.port))
            if len(found) > _CAPTURED_MOST:
                raise InputError(f"that makes {len(found)} ports; at most {_CAPTURED_MOST} are captured")
    return tuple(found)
