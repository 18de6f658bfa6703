"""Drills on the simulator: virtual links, virtual time, one seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from mrcnet.drill.fabric import ORDERS, Live, orders
from mrcnet.drill.model import Drill, Moment, Op
from mrcnet.drill.watched import captured_ends, watched_ends
from mrcnet.plan.crossings import Crossings
from mrcnet.sim.fit import fit
from mrcnet.sim.model import Impairment
from mrcnet.sim.run import Sim, SimRun, run_traffic
from mrcnet.topology.model import End, Link
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording


@dataclass(frozen=True, slots=True)
class SimFabric:
    """A fabric that is made for the run. Faults strike at their very instants: no error bar."""

    sim: Sim = field(default_factory=Sim)
    name: str = "sim"

    def can(self, job: Job) -> Sequence[str]:  # noqa: ARG002
        """See `Fabric`."""
        return ("down", "silent", "blackhole", "loss", "delay", "degrade", *ORDERS)

    def run(
        self,
        drill: Drill,
        moments: Sequence[Moment],
        job: Job,
        meanwhile: Callable[[Live], None],
    ) -> Recording:
        """See `Fabric`."""
        watched, captured = watched_ends(job.plan, moments), captured_ends(drill, job.plan)
        runs: list[SimRun] = []

        def begin(run: SimRun) -> None:
            runs.append(run)
            if watched:
                run.watch_ports(watched)
            if captured:
                run.fabric.tap(captured)
            meanwhile(VirtualLive(run))

        recording = run_traffic(
            fit(job, self.sim.turn_ns), drill.traffic.duration_ns, meanwhile=begin, sim=self.sim
        )
        (run,) = runs
        taps = run.fabric.taps
        return replace(recording, ports=run.ports(), captured=() if taps is None else taps.captured())


class VirtualLive:
    """See `Live`."""

    def __init__(self, run: SimRun) -> None:
        self._run = run
        self._crossings = Crossings(run.job.plan)
        self._impaired: dict[End, Impairment] = {}

    @property
    def start_at(self) -> int:
        return self._run.start_at

    @property
    def now(self) -> int:
        return self._run.now

    @property
    def delivered(self) -> int:
        return self._run.delivered

    @property
    def patience(self) -> int:
        return self._run.turn_ns

    def watch(self, until: int | None) -> bool:
        return self._run.watch(until)

    def apply(self, moment: Moment) -> tuple[int, int]:
        for op in moment.undo:
            self._set(op, on=False)
        for op in moment.do:
            self._set(op, on=True)
        if moment.do and self._run.fabric.taps is not None:
            self._run.fabric.taps.mark(self._run.now)
        return self._run.now, 0

    def _set(self, op: Op, *, on: bool) -> None:
        run, place = self._run, op.place
        if op.kind in ORDERS:
            for order in orders(run.job, self._crossings, op, on=on):
                run.order(order)
        elif op.kind == "delay" and isinstance(place, Link):
            for end in (place.a, place.b):
                self._spoil(end, op, on=on)
        elif isinstance(place, Link):
            target = str(place.a)
            run.cut(target, silent=op.kind == "silent") if on else run.heal(target)
        elif isinstance(place, End):
            self._spoil(place, op, on=on)

    def _spoil(self, end: End, op: Op, *, on: bool) -> None:
        fabric = self._run.fabric
        if op.kind == "blackhole":
            fabric.close(end, self._run.now, silent=True) if on else fabric.open(end)
        elif op.kind == "degrade":
            fabric.slow(end, op.amount if on else 1.0)
        else:
            before = self._impaired.get(end, Impairment())
            if op.kind == "loss":
                now = replace(before, loss=op.amount if on else 0.0)
            else:
                now = replace(before, delay_ns=round(op.amount) if on else 0)
            self._impaired[end] = now
            fabric.impair(end, now)
