"""Drills on the kernel's fabric: in a running lab, or in one of the drill's own that goes down again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

from mrcnet.drill.fabric import ORDERS, Live, orders
from mrcnet.drill.interrupt import undisturbed
from mrcnet.drill.model import Drill, Moment, Op
from mrcnet.drill.probing import probing
from mrcnet.drill.recorder import Recorder, recorder
from mrcnet.drill.watched import captured_ends, watched_ends
from mrcnet.errors import InputError
from mrcnet.kernel import delays, faults, lab, portfaults
from mrcnet.kernel.faults import FaultRecord
from mrcnet.kernel.processes import register_run
from mrcnet.nic.engine import Run
from mrcnet.nic.stack import StackRun
from mrcnet.nic.traffic import run_traffic
from mrcnet.plan.crossings import Crossings, ends_of, name_of
from mrcnet.port.model import FaultSpec
from mrcnet.topology.model import End, Link
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording

Interval = tuple[int, int]  # the readings of the clock before and after


@dataclass(frozen=True, slots=True)
class KernelFabric:
    """A lab that is brought `up` from its source and goes down again unless `keep`; else, one that runs.

    Whatever happens, what was broken is put back.
    """

    source_file: str
    source_text: str
    up: bool = True
    keep: bool = False
    progress: Callable[[str], None] = lambda _: None
    name: str = "kernel"

    def can(self, job: Job) -> Sequence[str]:
        """See `Fabric`. Only a port that has a rate can lose some of it."""
        kinds = ("down", "silent", "blackhole", "loss", "delay", *ORDERS)
        return (*kinds, "degrade") if job.plan.topology.shaped else kinds

    def run(
        self, drill: Drill, moments: Sequence[Moment], job: Job, meanwhile: Callable[[Live], None]
    ) -> Recording:
        """See `Fabric`."""
        begun: dict[Op, None] = {}
        with ExitStack() as stack:
            if self.up:
                _refuse_existing(job.lab)
                self.progress(f"lab {job.lab} comes up")
                made = lab.up(job.plan, job.lab, self.source_file, self.source_text)
                for lack in made.degraded:
                    self.progress(f"the lab goes without {lack}")
                if not self.keep:
                    stack.callback(_undisturbed, lab.down, job.lab)
            stack.enter_context(register_run(job.lab))
            _prepare(moments, job)
            stack.callback(_undisturbed, _roll_back, job, begun)
            watched, captured = watched_ends(job.plan, moments), captured_ends(drill, job.plan)
            try:
                with recorder(job, watched, captured) as notes, probing(job, drill.prober) as found:
                    recording = run_traffic(
                        job,
                        drill.traffic.duration_ns,
                        meanwhile=lambda run: meanwhile(KernelLive(run, begun, notes)),
                    )
                told = notes.recorded
                return replace(recording, found=tuple(found), ports=told.ports, captured=told.captured)
            except KeyboardInterrupt:
                self.progress("interrupted: putting everything back")
                raise


def _undisturbed(do: Callable[..., object], *arguments: object) -> None:
    """A second Ctrl-C does not keep a lab from being put back."""
    with undisturbed():
        do(*arguments)


def _refuse_existing(name: str) -> None:
    """A lab that was there before is not the drill's to take down."""
    if name in lab.labs():
        raise InputError(
            f"lab {name!r} exists", remedy=f"run the drill in it with --lab {name}, or `mrcnet down {name}`"
        )


def _prepare(moments: Sequence[Moment], job: Job) -> None:
    """Before traffic: the links to be cut are whole, and a silent cut will be one write."""
    cut = {frozenset(fault.target.split(":")) for fault in faults.active_faults(job.lab)}
    silent: dict[str, None] = {}
    for moment in moments:
        for op in moment.do:
            if not isinstance(op.place, Link) or op.kind in ORDERS:
                continue
            name = name_of(job.plan, op.place)
            if ends_of(op.place) in cut:  # nor may the roll-back heal it
                raise InputError(
                    f"{name} is cut already",
                    where=moment.step.where,
                    remedy=f"mrcnet fault {job.lab} heal {name}",
                )
            if op.kind == "silent":
                silent[name] = None
    faults.prepare(job.plan, job.lab, list(silent))


class KernelLive:
    """Traffic in a lab, and the operations that were begun: what must be undone. See `Live`."""

    def __init__(self, run: Run | StackRun, begun: dict[Op, None], notes: Recorder) -> None:
        self._run = run
        self._notes = notes
        self._begun = begun
        self._crossings = Crossings(run.job.plan)

    @property
    def start_at(self) -> int:
        return self._run.start_at

    @property
    def now(self) -> int:
        return self._run.clock.now()

    @property
    def delivered(self) -> int:
        return self._run.delivered

    @property
    def patience(self) -> int:
        return self._run.clock.fabric(_PATIENCE_NS)

    def watch(self, until: int | None) -> bool:
        return self._run.watch(until)

    def apply(self, moment: Moment) -> tuple[int, int]:
        spans: list[Interval] = []
        for op in moment.undo:
            spans += self._set(op, on=False)
            self._begun.pop(op, None)
        of_ports = [op for op in moment.do if isinstance(op.place, End)]
        self._begun |= dict.fromkeys(of_ports)
        if of_ports:
            spans.append(strike_ports(self._run.job, of_ports))
        for op in moment.do:
            if not isinstance(op.place, End):
                self._begun[op] = None
                spans += self._set(op, on=True)
        begin = min((span[0] for span in spans), default=self._run.clock.wall(self.now))
        end = max((span[1] for span in spans), default=begin)
        if moment.do:
            self._notes.mark(begin)
        clock = self._run.clock
        return clock.fabric((begin + end) // 2), clock.fabric((end - begin + 1) // 2)

    def _set(self, op: Op, *, on: bool) -> list[Interval]:
        job = self._run.job
        if op.kind in ORDERS:
            return [self._run.order(order) for order in orders(job, self._crossings, op, on=on)]
        record = strike(job, op) if on else undo(job, op)
        return [] if record is None else [(record.at_ns - record.error_ns, record.at_ns + record.error_ns)]


_PATIENCE_NS = 20_000_000


def strike(job: Job, op: Op) -> FaultRecord:
    """Begin what an operation on a link says. InputError if it is there already."""
    assert isinstance(op.place, Link)
    name = name_of(job.plan, op.place)
    if op.kind == "delay":
        return delays.lengthen(job.plan, job.lab, name, round(op.amount))
    return faults.cut(job.plan, job.lab, name, silent=op.kind == "silent")


def strike_ports(job: Job, ops: Sequence[Op]) -> Interval:
    """Begin what operations on ports say, all in one go."""
    wanted = []
    for op in ops:
        assert isinstance(op.place, End)
        rate = job.plan.nodes[op.place.node].port(op.place.port).rate_bps
        spec = FaultSpec(
            op.kind,
            share=op.amount if op.kind == "loss" else 1.0,
            rate_bps=round(rate * op.amount) if op.kind == "degrade" else 0,
        )
        wanted.append((spec, op.place))
    at_ns, error_ns = portfaults.strike_all(job.plan, job.lab, wanted)
    return at_ns - error_ns, at_ns + error_ns


def undo(job: Job, op: Op) -> FaultRecord | None:
    """End it: None if the other end's heal did already. InputError if the link is whole."""
    plan, place = job.plan, op.place
    if op.kind == "delay" and isinstance(place, Link):
        return delays.shorten(plan, job.lab, name_of(plan, place))
    if isinstance(place, Link):
        return faults.heal(plan, job.lab, name_of(plan, place))
    with suppress(InputError):
        return faults.heal(plan, job.lab, str(place))
    return None


def _roll_back(job: Job, begun: dict[Op, None]) -> None:
    """Undo what the drill did, also if it was stopped in the middle of a step."""
    for op in begun:
        if op.kind not in ORDERS:
            with suppress(InputError):  # it is whole already
                undo(job, op)
