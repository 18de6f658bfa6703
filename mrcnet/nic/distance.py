"""How long a frame is on its way: the delays of the links of its path, and what faults add to them."""

from __future__ import annotations

import os
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mrcnet.kernel import delays
from mrcnet.nic.clock import FabricClock
from mrcnet.nic.ways import Way, Ways
from mrcnet.plan.model import Plan
from mrcnet.plan.paths import paths
from mrcnet.plan.walk import walk
from mrcnet.topology.model import Link
from mrcnet.workload.job import Job

_FELT_NS = 20_000  # wall time: less than that is lost in the latency of a software NIC
_LINKS_MOST = 4  # of a path: two at hosts, two at a T1


class Distance:
    """The delays of all paths to a host, in wall ns."""

    def __init__(self, job: Job, ways: Ways, clock: FabricClock) -> None:
        self._job = job
        self._ways = ways  # to the host
        self._clock = clock
        self._file = delays.path_of(job.lab)
        self._seen: tuple[int, int] | None = None  # inode and time of the faults' file
        self._longer: tuple[delays.Longer, ...] = ()
        self._look_at = 0
        self._links: list[tuple[Link, ...]] = []
        self._delay = np.zeros(1, np.int64)
        longest = max((link.delay_ns for link in job.plan.topology.links), default=0)
        self._long = clock.wall(_LINKS_MOST * longest) >= _FELT_NS
        if self._long:
            self._measure()

    @property
    def felt(self) -> bool:
        """Whether any path is so long that a software NIC has to hold frames back for it."""
        return self._long or bool(self._longer)

    def look(self, wall: int) -> None:
        """See whether links have become longer, or are no longer so; now and then only."""
        if wall < self._look_at:
            return
        self._look_at = wall + delays.LOOK_EVERY_NS
        try:
            found = os.stat(self._file)
            seen = found.st_ino, found.st_mtime_ns
        except OSError:
            seen = None
        if seen != self._seen or any(one.past for one in self._longer):
            self._seen = seen
            self._longer = delays.read(self._job.lab)
            if self.felt:
                self._measure()

    def of(self, number: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """How long frames must have been on their ways, by the ways' numbers; 0 for those of no flow."""
        return self._delay[number]

    def _measure(self) -> None:
        if not self._links:
            self._links = [links_of(self._job.plan, way) for way in self._ways.all]
        fabric = [sum(link.delay_ns + self._more(link) for link in links) for links in self._links]
        self._delay = np.array([*map(self._clock.wall, fabric), 0], np.int64)

    def _more(self, link: Link) -> int:
        return sum(one.by_ns for one in self._longer if delays.is_of(one, link))


def links_of(plan: Plan, way: Way) -> tuple[Link, ...]:
    """The links that the frames of an EV cross, in order."""
    path = next(path for path in paths(plan, way.src, way.dst) if path.ev == way.ev)
    nodes = [hop.node for hop in walk(plan, way.src, way.dst, path).hops]
    by_ends = {(link.a.node, link.b.node): link for link in plan.topology.links}
    return tuple(by_ends.get((one, other)) or by_ends[other, one] for one, other in pairwise(nodes))
