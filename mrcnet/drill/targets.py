"""What the targets of a drill name: links, all links of a node or a plane, hosts, EVs of a pair. Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase

from mrcnet.errors import InputError
from mrcnet.plan.model import Plan
from mrcnet.plan.target import find_link
from mrcnet.topology.model import End, Link, Role
from mrcnet.topology.names import suggest

_ANY = "*?["


def find_links(plan: Plan, target: str) -> tuple[Link, ...]:
    """The links that `target` names: `node:node` or `node:port`, where `*` and `?` fit any.

    InputError if it names none.
    """
    if not any(mark in target for mark in _ANY):
        return (find_link(plan, target),)
    node, _, other = target.partition(":")
    found = tuple(
        link
        for link in plan.topology.links
        if any(
            fnmatchcase(here.node, node) and (fnmatchcase(here.port, other) or fnmatchcase(there.node, other))
            for here, there in ((link.a, link.b), (link.b, link.a))
        )
    )
    if not found:
        raise InputError(f"no link fits {target!r}", remedy="write node:node, e.g. p0-t0-*:p0-t1-1")
    return found


def find_ends(plan: Plan, target: str) -> tuple[End, ...]:
    """The directions that `target` names: of each link that which its first-named side sends."""
    node = target.partition(":")[0]
    return tuple(link.a if fnmatchcase(link.a.node, node) else link.b for link in find_links(plan, target))


def links_at(plan: Plan, target: str, *roles: Role) -> tuple[Link, ...]:
    """All links of the node `target`. InputError if there is no such node, or it plays no such role."""
    node = plan.nodes.get(target)
    known = [name for name, one in plan.nodes.items() if one.role in roles]
    if node is None:
        raise InputError(f"there is no node {target!r}{suggest(target, known)}")
    if node.role not in roles:
        wanted = " or ".join(role.name for role in roles)
        raise InputError(f"{target} is no {wanted}", remedy=f"there is {known[0]}" if known else None)
    return tuple(link for link in plan.topology.links if target in (link.a.node, link.b.node))


def links_of_plane(plan: Plan, target: str) -> tuple[Link, ...]:
    """All links of the plane `target`, a number. InputError if there is none."""
    numbers = [str(number) for number in range(plan.topology.planes)]
    if target not in numbers:
        raise InputError(f"there is no plane {target!r}", remedy=f"write one of {', '.join(numbers)}")
    return tuple(link for link in plan.topology.links if str(link.plane) == target)


def find_hosts(plan: Plan, target: str) -> tuple[str, ...]:
    """The hosts that `target` names; `*` and `?` fit any. InputError if there is none."""
    found = tuple(host for host in plan.hosts if fnmatchcase(host, target))
    if not found:
        raise InputError(f"there is no host {target!r}{suggest(target, plan.hosts)}")
    return found


def find_pair(plan: Plan, target: str) -> tuple[str, str]:
    """`h0:h4` -> the ordered pair. InputError if it is none."""
    src, _, dst = target.partition(":")
    for host in (src, dst):
        if host not in plan.hosts:
            raise InputError(
                f"there is no host {host!r}{suggest(host, plan.hosts)}", remedy="write host:host, e.g. h0:h4"
            )
    return src, dst
