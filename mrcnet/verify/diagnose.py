"""Where a packet stopped, from who saw it; and whether a healthy one went as planned. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

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
    """(node, words) where a delivered packet's captured hops first differ from the walk; None if nowhere.

    The order of capture says nothing between nodes, so what was seen is put in the order of the walk first.
    """
    sightings = list(seen)
    hops = planned.walk.hops
    source = hops[0]
    outs = [each for each in sightings if each.node == source.node and each.outgoing]
    if [(each.port, each.da) for each in outs] != [(planned.path.port, source.da)]:
        return source.node, f"left {source.node} {_as(outs)}, not as {source.da} by {planned.path.port}"
    order = {hop.node: at for at, hop in enumerate(hops)}
    came = sorted(
        (each for each in sightings if not each.outgoing),
        key=lambda each: (order.get(each.node, len(hops)), each.node),
    )
    for hop, sighting in zip_longest(hops[1:], came):
        if sighting is None:
            return hop.node, f"was not seen at {hop.node}"
        if hop is None or sighting.node != hop.node:
            return sighting.node, f"came by {sighting.node}, which is not on its walk"
        if sighting.da != hop.da:
            return hop.node, f"arrived at {hop.node} as {sighting.da}, not as {hop.da}"
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


def _as(sightings: Sequence[Sighting]) -> str:
    return " and ".join(f"as {each.da} by {each.port}" for each in sightings) or "unseen"
