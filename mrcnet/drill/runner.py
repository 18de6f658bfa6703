"""Runs a drill on a fabric: traffic, faults on time, a result."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from mrcnet.drill.fabric import Fabric, Live, refuse_impossible
from mrcnet.drill.interrupt import interruptible
from mrcnet.drill.model import Done, Drill, Moment
from mrcnet.drill.result import DrillResult, conclude, interrupted
from mrcnet.drill.timeline import timeline
from mrcnet.errors import MrcnetError
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording

__all__ = ["DrillResult", "run_drill"]


def run_drill(
    drill: Drill,
    job: Job,
    fabric: Fabric,
    progress: Callable[[str], None] = lambda _: None,
    recorded: Callable[[Recording], None] = lambda _: None,
    *,
    allow_unfaithful: bool = False,
) -> DrillResult:
    """Run `drill` as `job` (from `plan_job`) on a fabric, and judge it.

    `recorded` gets the recording that it is judged by.
    Raises MrcnetError for what cannot be started; Ctrl-C, and an error once traffic has begun, give a result
    that says `aborted`.
    """
    moments = timeline(drill, job.plan)
    refuse_impossible(drill, moments, job, fabric)
    done: list[Done] = []
    begun = False

    def meanwhile(live: Live) -> None:
        nonlocal begun
        begun = True
        _Clockwork(live, drill, job, moments, done, progress).run()

    try:
        with interruptible() as check:
            recording = fabric.run(drill, moments, job, meanwhile)
            check()
            recorded(recording)
            return conclude(drill, fabric.name, recording, tuple(done), allow_unfaithful=allow_unfaithful)
    except KeyboardInterrupt:
        return interrupted(drill, fabric.name, job.lab)
    except MrcnetError as error:
        if not begun:
            raise
        return interrupted(drill, fabric.name, job.lab, str(error))


class _Clockwork:
    """Each moment at its time; traffic is watched while waiting. Without it there is nothing to break."""

    def __init__(
        self,
        live: Live,
        drill: Drill,
        job: Job,
        moments: Sequence[Moment],
        done: list[Done],
        progress: Callable[[str], None],
    ) -> None:
        self._live = live
        self._end = None if drill.traffic.duration_ns is None else live.start_at + drill.traffic.duration_ns
        self._total = _bytes_of(drill, job)
        self._moments = deque(moments)
        self._done = done
        self._progress = progress
        self._since: dict[float, int] = {}  # when so large a share of the bytes was there

    def run(self) -> None:
        """To the last moment, or the end of traffic."""
        while self._moments:
            moment = self._moments[0]
            due = self._due(moment)
            if due is None or (self._end is not None and due > self._end):
                return
            if due > self._live.start_at and self._live.watch(due):
                self._progress("every flow has ended")
                return
            self._moments.popleft()
            at, error = self._live.apply(moment)
            self._done.append(Done(moment.step, at, error, moment.do, moment.undo, moment.first))
            if moment.first:
                self._progress(_told(moment))

    def _due(self, moment: Moment) -> int | None:
        """When a moment is due; None if traffic ends before."""
        if moment.after is None:
            return self._live.start_at + moment.at_ns
        while moment.after not in self._since:
            if self._live.delivered >= moment.after * self._total:
                self._since[moment.after] = self._live.now
            elif self._live.watch(self._live.now + self._live.patience) or (
                self._end is not None and self._live.now >= self._end
            ):
                return None
        return max(self._since[moment.after] + moment.at_ns, self._live.now)


def _bytes_of(drill: Drill, job: Job) -> int:
    """Payload of the whole run, as far as the file tells."""
    spec = drill.traffic
    offered = (spec.rate_bps or 0) * (spec.duration_ns or 0) // 8_000_000_000
    return sum(flow.size or offered for flow in job.flows if not flow.beside)


def _told(moment: Moment) -> str:
    when = f"{moment.at_ns / 1e9:.3f} s" if moment.after is None else f"after {moment.after:.0%}"
    return f"{when}: {moment.step.action} {moment.step.title}" + (" silently" if moment.step.silent else "")
