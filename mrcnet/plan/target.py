"""What a user means by a target: `p0-t0-0:p0-t1-1` (two nodes) or `p0-t0-0:eth5` (a port) name a link."""

from __future__ import annotations

from mrcnet.errors import InputError
from mrcnet.plan.model import Plan
from mrcnet.topology.model import End, Link
from mrcnet.topology.names import suggest


def find_link(plan: Plan, target: str) -> Link:
    """The link that `target` names. Raises InputError if there is none, or more than one."""
    node, colon, other = target.partition(":")
    if not colon or not node or not other:
        raise InputError(
            f"{target!r} names no link", remedy="write node:node or node:port, e.g. p0-t0-0:p0-t1-1"
        )
    if node not in plan.nodes:
        raise InputError(f"there is no node {node!r}{suggest(node, plan.nodes)}")
    ends = [(link, *pair) for link in plan.topology.links for pair in ((link.a, link.b), (link.b, link.a))]
    found = [link for link, here, there in ends if here.node == node and other in (here.port, there.node)]
    if len(found) == 1:
        return found[0]
    neighbours = sorted({there.node for _, here, there in ends if here.node == node})
    if found:
        raise InputError(
            f"{target!r} names {len(found)} links", remedy=f"name the port: {node}:{found[0].a.port}"
        )
    raise InputError(
        f"{node} has no link to {other!r}{suggest(other, neighbours)}",
        remedy=f"its neighbours are {', '.join(neighbours) or 'none'}",
    )


def ends_of(plan: Plan, target: str, *, one_way: bool = False) -> tuple[End, ...]:
    """The ports that `target` means where directions count: one named by its port, or both of a link.

    `one_way`: of two nodes only the port of the first. Raises InputError as `find_link`.
    """
    link = find_link(plan, target)
    node = target.partition(":")[0]
    near, far = (link.a, link.b) if link.a.node == node else (link.b, link.a)
    return (near,) if one_way or target == str(near) else (near, far)


def find_end(plan: Plan, target: str) -> End:
    """The port that `target` (`p0-t0-0:eth5`) names. Raises InputError if there is none."""
    link = find_link(plan, target)
    for end in (link.a, link.b):
        if str(end) == target:
            return end
    raise InputError(f"{target!r} names a link", remedy=f"name one of its ports: {link.a} or {link.b}")
