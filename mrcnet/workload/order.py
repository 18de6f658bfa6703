"""What a controller says to a host in the middle of a run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mrcnet.plan.crossings import Crossings
from mrcnet.topology.model import Link
from mrcnet.workload.job import Job


@dataclass(frozen=True, slots=True)
class Order:
    """To `host`: `deny` (not `on`: allow) EVs, each with the number of its QP; or `port status`: whether it
    tells its peers of ports that go down.
    """

    host: str
    kind: str
    on: bool
    evs: tuple[tuple[int, int], ...] = ()


def denial(
    job: Job, crossings: Crossings, links: Collection[Link], *, on: bool, but: Collection[Link] = ()
) -> list[Order]:
    """Deny, or allow, the EVs that cross `links` at both ends of every QP; none that cross one of `but`."""
    found: dict[str, list[tuple[int, int]]] = {}
    for flow in job.flows:
        for qpn, src, dst in ((flow.src_qpn, flow.src, flow.dst), (flow.dst_qpn, flow.dst, flow.src)):
            evs = crossings.evs(src, dst, links) - crossings.evs(src, dst, but)
            found.setdefault(src, []).extend((qpn, ev) for ev in sorted(evs))
    return [Order(host, "deny", on, tuple(evs)) for host, evs in found.items() if evs]


class Denylist:
    """The links that a controller has denied to a run (spec 7), to begin with those that it never had."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._crossings = Crossings(job.plan)
        self.links = dict.fromkeys(job.denied)

    def change(self, link: Link, *, on: bool) -> list[Order]:
        """Put a link on the list or take it off: what hosts are told. EVs that cross others stay denied."""
        if on == (link in self.links):
            return []
        if on:
            self.links[link] = None
            return denial(self._job, self._crossings, (link,), on=True)
        del self.links[link]
        return denial(self._job, self._crossings, (link,), on=False, but=self.links)
