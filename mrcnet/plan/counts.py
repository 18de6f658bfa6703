"""How large a fabric is, in the few numbers people ask for first."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from mrcnet.plan.model import Plan
from mrcnet.plan.wiring import Wiring
from mrcnet.topology.model import Role


@dataclass(frozen=True, slots=True)
class Counts:
    """Sizes of the whole fabric (all planes); `evs_per_pair` is that of the ordered pair with most EVs."""

    planes: int
    t0: int
    t1: int
    hosts: int
    links: int
    evs_per_pair: int


def counts(plan: Plan) -> Counts:
    """Count a plan. Takes time with the square of the T0s of a plane, not of the hosts."""
    roles = [node.role for node in plan.topology.nodes]
    return Counts(
        planes=plan.topology.planes,
        t0=roles.count(Role.T0),
        t1=roles.count(Role.T1),
        hosts=len(plan.hosts),
        links=len(plan.topology.links),
        evs_per_pair=_most_evs(plan.wiring),
    )


def _most_evs(wiring: Wiring) -> int:
    """Hosts on the same T0s in every plane have the same EVs, so it is enough to look at one of each kind."""
    kinds: dict[tuple[tuple[int, str], ...], int] = {}
    for host in wiring.hosts:
        kind = tuple((at.plane, at.t0.name) for at in wiring.attachments[host.name].values())
        kinds[kind] = kinds.get(kind, 0) + 1
    masks = {t0: sum(1 << index for index in indexes) for t0, indexes in wiring.uplinks.items()}
    most = 0
    for kind, hosts in kinds.items():
        if hosts > 1:
            most = max(most, sum(masks[t0].bit_count() or 1 for _, t0 in kind))
    for one, other in combinations(kinds, 2):
        theirs = dict(other)
        evs = 0
        for plane, t0 in one:
            if (far := theirs.get(plane)) is not None:
                common = (masks[t0] & masks[far]).bit_count()
                evs += common or (1 if t0 == far else 0)
        most = max(most, evs)
    return most
