"""`verify`: walk the plan, probe every path, follow broken ones to their end, watch some healthy ones."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence

import numpy as np

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel.netns import is_namespace, path_of, room_for_files
from mrcnet.kernel.processes import register_run
from mrcnet.plan.model import NodePlan, Plan
from mrcnet.verify.diagnose import choose_sample, deviation, stop
from mrcnet.verify.model import FailedPath, PlannedPath, Progress, VerifyResult, failure, planned_paths
from mrcnet.verify.probes import NONCE, Numbers, Probes, build_probes, probe_port
from mrcnet.verify.sniffers import Sighting, Sniffers, open_sniffers
from mrcnet.verify.stations import BURST, Arrivals, Stations, open_stations

SAMPLE = 32
_QUIET = 0.2  # seconds without news after which nothing more is on its way
_DEADLINE = 5.0  # seconds, whatever the news
_SLOW = 32  # frames in one go of what was missing: a full buffer must not look like a broken path
_FOLLOWED = 128  # frames in one go while ears listen: each is heard twice at a node, and a ring holds 1024
_ROUNDS = (BURST, _SLOW, _SLOW)


def verify(lab: str, plan: Plan, *, sample: int = SAMPLE, progress: Progress | None = None) -> VerifyResult:
    """Prove every EV of every ordered pair of hosts through the kernel of a running lab.

    `sample` healthy paths are also captured hop by hop; `progress` is told (paths proved, paths in all).
    Takes time with the number of paths; a broken lab costs about a second more. Raises EnvironmentFault
    if nodes of the lab are missing or the probe port is taken.
    """
    start = time.monotonic()
    _check_nodes(lab, plan)
    try:
        with register_run(lab):
            paths, failed, sampled = _verify(lab, plan, sample, progress)
    except OSError as error:  # the lab went away under us, or the kernel gives no packet sockets
        raise EnvironmentFault(
            f"verify of lab {lab} cannot go on: {error}", remedy="see `mrcnet status` and `mrcnet doctor`"
        ) from error
    return VerifyResult(paths, not failed, failed, time.monotonic() - start, sampled)


def _verify(
    lab: str, plan: Plan, sample: int, progress: Progress | None
) -> tuple[int, tuple[FailedPath, ...], int]:
    planned = tuple(planned_paths(plan))
    nonce = os.urandom(NONCE)
    probes = build_probes(plan, planned, nonce)
    room_for_files(2 * len(plan.hosts) + len(plan.nodes))
    with open_stations(lab, plan, probes) as stations:
        run = _Run(lab, plan, planned, probes, stations, progress)
        run.prove()
        failed, sampled = run.explain(sample)
    return len(planned), failed, sampled


class _Run:
    """What is known of each path so far: `proved` (n) bool, and the wrong ports that some came in by."""

    def __init__(
        self,
        lab: str,
        plan: Plan,
        planned: Sequence[PlannedPath],
        probes: Probes,
        stations: Stations,
        progress: Progress | None,
    ) -> None:
        self._lab, self._plan, self._planned = lab, plan, planned
        self._probes, self._stations, self._progress = probes, stations, progress
        self._proved = np.zeros(len(planned), np.bool_)
        self._astray: dict[int, str] = {}

    def prove(self) -> None:
        """Send a probe over every path; what does not come gets two more chances, slowly."""
        for burst in _ROUNDS:
            missing = np.flatnonzero(~self._proved)
            if not len(missing):
                return
            for indexes in _bursts(self._probes, missing, burst):
                self._stations.send(indexes)
                self._note(self._stations.collect(0))
            self._wait(missing)

    def explain(self, sample: int) -> tuple[tuple[FailedPath, ...], int]:
        """(broken paths and where each stops, number of healthy ones watched on their way)."""
        leads = np.array([each.walk.reached for each in self._planned], np.bool_)
        broken = np.flatnonzero(~self._proved & leads)
        sampled = choose_sample(self._planned, np.flatnonzero(self._proved & leads).tolist(), sample)
        followed = np.concatenate((broken, np.array(sampled, np.int64)))
        nodes = self._on_the_way(followed)
        seen = self._trace(followed, nodes)
        failed = {index: _misplanned(self._planned[index]) for index in np.flatnonzero(~leads).tolist()}
        for index in broken.tolist():
            if not self._proved[index]:  # some only needed time
                failed[index] = self._broken(index, seen.get(index, []))
        # One more look at what differs, for a capture may have been lost.
        odd = [index for index in sampled if deviation(self._planned[index], seen.get(index, []))]
        again = self._trace(np.array(odd, np.int64), nodes) if odd else {}
        for index in odd:
            if found := deviation(self._planned[index], again.get(index, [])):
                failed[index] = failure(self._planned[index], *found)
        return tuple(failed[index] for index in sorted(failed)), len(sampled)

    def _broken(self, index: int, seen: Sequence[Sighting]) -> FailedPath:
        planned = self._planned[index]
        if (port := self._astray.get(index)) is not None:
            into = self._plan.nodes[planned.dst].ports[int(self._probes.into[index])].name
            return failure(planned, planned.dst, f"came in by {port}, not by {planned.dst}:{into}")
        return failure(planned, *stop(self._plan, planned, seen))

    def _on_the_way(self, indexes: Numbers) -> list[NodePlan]:
        names = {hop.node for index in indexes.tolist() for hop in self._planned[index].walk.hops}
        return [node for name, node in self._plan.nodes.items() if name in names]

    def _trace(self, indexes: Numbers, nodes: Sequence[NodePlan]) -> dict[int, list[Sighting]]:
        """Send the probes of `indexes` once more, with ears on `nodes`: who saw what of each path."""
        seen: dict[int, list[Sighting]] = {}
        with open_sniffers(self._lab, nodes, probe_port(self._plan), self._probes) as sniffers:
            for burst in _bursts(self._probes, indexes, _FOLLOWED):
                self._stations.send(burst)
                _hear(sniffers, 0, seen)
                self._note(self._stations.collect(0))
            deadline = time.monotonic() + _DEADLINE
            while _hear(sniffers, _QUIET, seen) and time.monotonic() < deadline:
                pass
            self._note(self._stations.collect(0))
        return seen

    def _wait(self, sent: Numbers) -> None:
        """Until all of `sent` have come, or there is no news for a while, or for too long."""
        deadline = time.monotonic() + _DEADLINE
        while not self._proved[sent].all() and time.monotonic() < deadline:
            if not self._note(self._stations.collect(_QUIET)):
                return

    def _note(self, arrivals: Arrivals) -> bool:
        """Book arrivals; whether they were news."""
        before = self._known()
        self._proved[arrivals.right] = True
        self._astray |= arrivals.astray
        news = self._known() > before
        if news and self._progress is not None:
            self._progress(int(self._proved.sum()), len(self._proved))
        return news

    def _known(self) -> int:
        return int(self._proved.sum()) + len(self._astray)


def _misplanned(planned: PlannedPath) -> FailedPath:
    """A path that does not even lead there on paper, whatever became of its probe."""
    at = planned.walk.stopped_at or planned.src
    return failure(planned, at, f"the plan itself does not lead there: {planned.walk.reason}")


def _hear(sniffers: Sniffers, timeout: float, seen: dict[int, list[Sighting]]) -> int:
    count = 0
    for index, sighting in sniffers.heard(timeout):
        seen.setdefault(index, []).append(sighting)
        count += 1
    return count


def _bursts(probes: Probes, indexes: Numbers, size: int) -> Iterator[Numbers]:
    """`indexes` in groups of one source and at most `size`."""
    sources = probes.src[indexes]
    for source in np.unique(sources):
        mine = indexes[sources == source]
        for begin in range(0, len(mine), size):
            yield mine[begin : begin + size]


def _check_nodes(lab: str, plan: Plan) -> None:
    missing = [node for node in plan.nodes if not is_namespace(path_of(lab, node))]
    if missing:
        some = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise EnvironmentFault(
            f"lab {lab} lacks {len(missing)} of its {len(plan.nodes)} nodes: {some}",
            remedy="`mrcnet up` with the lab's topology makes them again",
        )
