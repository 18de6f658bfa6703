"""Where a packet stopped, from who saw it; and whether a healthy one went as planned. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mrcnet.plan.model import Plan
from mrcnet.verify.model import PlannedPath
from mrcnet.verify.sniffers import Sighting


def stop(plan: Plan, planned: PlannedPath, seen: Iterable[Sighting]) -> tuple[str, str]:
    """(last node of the planned walk at which the packet arrived, what happened there in words).

    A packet that was seen nowhere stopped at its source.
    """
    seen = list(seen)
    hops = planned.walk.hops
    arrived = {sighting.node: sighting for sighting in seen if not sighting.outgoing}
    left = {sighting.node: sighting for sighting in seen if sighting.outgoing}
    last = max((at for at, hop in enumerate(hops) if hop.node in arrived), default=0)
    here = hops[last]
    onward = hops[last + 1].node if last + 1 < len(hops) else None
    came = arrived.get(here.node)
    if came is not None and came.da != here.da:
        return here.node, f"arrived at {here.node} as {came.da}, not as {here.da}"
    if (out := left.get(here.node)) is not None:
        to = plan.nodes[here.node].port(out.port).peer_node
        if to != onward:
            wanted = f"to {onward}" if onward else "up"
            return here.node, f"{here.node} passed it to {to} (by {out.port}), not {wanted}"
        return here.node, f"left {here.node} by {out.port}, never arrived at {to}"
    if came is None:
        return here.node, f"never left {here.node} by {planned.path.port}"
    if onward is None:
        return here.node, f"arrived at {here.node} as {here.da}, was not decapsulated and delivered"
    return here.node, f"arrived at {here.node} as {here.da}, was not forwarded to {onward}"


def deviation(planned: PlannedPath, seen: Iterable[Sighting]) -> tuple[str, str] | None:
    """(node, words) where a delivered packet's captured hops differ from the walk; None if nowhere.

    Captures of different nodes have no common order, so they are compared node by node.
    """
    source, *rest = planned.walk.hops
    out: list[tuple[str, str]] = []
    came: dict[str, list[str]] = {hop.node: [] for hop in rest}
    for sighting in seen:
        if not sighting.outgoing:
            if sighting.node not in came:
                return sighting.node, f"came by {sighting.node}, which is not on its walk"
            came[sighting.node].append(sighting.da)
        elif sighting.node == source.node:
            out.append((sighting.da, sighting.port))
    if out != [(source.da, planned.path.port)]:
        found = " and ".join(f"as {da} by {port}" for da, port in out) or "unseen"
        return source.node, f"left {source.node} {found}, not as {source.da} by {planned.path.port}"
    for hop in rest:
        if came[hop.node] != [hop.da]:
            found = " and ".join(f"as {da}" for da in came[hop.node]) or "nothing"
            return hop.node, f"at {hop.node} arrived {found}, not once as {hop.da}"
    return None


def choose_sample(planned: Sequence[PlannedPath], healthy: Iterable[int], size: int) -> list[int]:
    """`size` of the healthy path indexes (all, if there are fewer), spread over planes, pairs and uplinks."""
    planes: dict[int, list[int]] = {}
    for index in healthy:
        planes.setdefault(planned[index].path.plane, []).append(index)
    chosen: list[int] = []
    left = size
    for groups_left, group in zip(range(len(planes), 0, -1), sorted(planes.values(), key=len), strict=True):
        want = min(len(group), -(-left // groups_left) if groups_left > 1 else left)
        # Even steps would meet the same uplink again and again: one more each time.
        places = {(step * len(group) // want + step) % len(group) for step in range(want)}
        spare = (place for place in range(len(group)) if place not in places)
        while len(places) < want:
            places.add(next(spare))
        chosen += [group[place] for place in places]
        left -= want
    return sorted(chosen)
