"""Which EVs cross which links, or may where switches choose."""

from __future__ import annotations

from collections.abc import Iterable

from mrcnet.plan.model import Path, Plan
from mrcnet.plan.paths import paths
from mrcnet.plan.walk import crossed
from mrcnet.topology.model import Link

Ends = frozenset[str]


def name_of(plan: Plan, link: Link) -> str:
    """How a link is called: by its nodes, or by a port if several links join these."""
    alike = [one for one in plan.topology.links if ends_of(one) == ends_of(link)]
    return f"{link.a.node}:{link.b.node}" if len(alike) == 1 else str(link.a)


def ends_of(link: Link) -> Ends:
    """The two nodes that a link joins."""
    return frozenset((link.a.node, link.b.node))


class Crossings:
    """Which EVs cross which links; every walk is made once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._walks: dict[tuple[str, str], tuple[tuple[int, frozenset[Ends]], ...]] = {}

    def evs(self, src: str, dst: str, links: Iterable[Link]) -> frozenset[int]:
        """The EVs from `src` to `dst` whose walk crosses one of these links."""
        struck = {ends_of(link) for link in links}
        return frozenset(ev for ev, hops in self._of(src, dst) if not struck.isdisjoint(hops))

    def _of(self, src: str, dst: str) -> tuple[tuple[int, frozenset[Ends]], ...]:
        if (src, dst) not in self._walks:
            self._walks[src, dst] = tuple(
                (path.ev, self._hops(src, dst, path)) for path in paths(self.plan, src, dst)
            )
        return self._walks[src, dst]

    def _hops(self, src: str, dst: str, path: Path) -> frozenset[Ends]:
        return frozenset(frozenset(step) for step in crossed(self.plan, src, dst, path))
