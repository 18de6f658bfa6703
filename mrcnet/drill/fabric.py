"""What a drill runs on: the kernel's fabric or the simulator's, behind the same two protocols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from mrcnet.drill.actions import ACTIONS
from mrcnet.drill.model import Drill, Moment, Op
from mrcnet.errors import InputError
from mrcnet.plan.crossings import Crossings
from mrcnet.topology.model import Link
from mrcnet.workload.job import Job
from mrcnet.workload.order import Order, denial
from mrcnet.workload.summary import Recording

ORDERS = ("deny", "hush")  # operations that are asked of hosts


class Live(Protocol):
    """Traffic under way on a fabric. Instants are fabric nanoseconds."""

    @property
    def start_at(self) -> int:
        """When traffic began."""

    @property
    def now(self) -> int:
        """The present."""

    @property
    def delivered(self) -> int:
        """Payload bytes delivered, as far as it is known."""

    @property
    def patience(self) -> int:
        """How often it is worth looking at `delivered`, fabric ns."""

    def watch(self, until: int | None) -> bool:
        """Wait until the instant `until`, or until all sources are done: then True."""

    def apply(self, moment: Moment) -> tuple[int, int]:
        """Undo and do what a moment says, now: (middle of the interval in which it was done, half of it)."""


class Fabric(Protocol):
    """Where a drill takes place. It puts back whatever it changed, also when it is interrupted."""

    @property
    def name(self) -> str:
        """kernel or sim."""

    def can(self, job: Job) -> Sequence[str]:
        """The kinds of operations that it knows, with this job's plan."""

    def run(
        self, drill: Drill, moments: Sequence[Moment], job: Job, meanwhile: Callable[[Live], None]
    ) -> Recording:
        """The drill's traffic from beginning to end; `meanwhile` is called once it has begun."""


def refuse_impossible(drill: Drill, moments: Sequence[Moment], job: Job, fabric: Fabric) -> None:
    """Raise InputError, with the place in the file, for what the fabric cannot do."""
    where = "the kernel's fabric" if fabric.name == "kernel" else "the simulator"
    other = "drop --on sim" if fabric.name == "sim" else "run it with --on sim"
    if fabric.name not in drill.on:
        raise InputError(f"{drill.name} does not run on {where}", where=drill.topology_where, remedy=other)
    if drill.prober is not None and fabric.name == "sim":
        raise InputError(
            "there is no prober in the simulator",
            where=drill.prober.where,
            remedy="drop --on sim, or `prober`",
        )
    known = fabric.can(job)
    for moment in moments:
        for op in moment.do:
            if op.kind not in known:
                raise InputError(
                    f"{moment.step.action} is not to be had on {where} of this topology",
                    where=moment.step.where,
                    remedy=other,
                )


def orders(job: Job, crossings: Crossings, op: Op, *, on: bool) -> list[Order]:
    """What hosts are told so that an operation of theirs begins (`on`) or ends."""
    if op.kind == "hush":
        return [Order(str(op.place), "port status", not on)]
    if isinstance(op.place, Link):
        return denial(job, crossings, (op.place,), on=on)
    found: dict[str, list[tuple[int, int]]] = {}
    for flow in job.flows:
        for qpn, src, dst in ((flow.src_qpn, flow.src, flow.dst), (flow.dst_qpn, flow.dst, flow.src)):
            if isinstance(op.place, tuple) and op.place[:2] == (src, dst):
                found.setdefault(src, []).append((qpn, op.place[2]))
    return [Order(host, "deny", on, tuple(evs)) for host, evs in found.items() if evs]


def strikes(moment: Moment) -> bool:
    """Whether measures may count from a moment: it begins a fault."""
    return moment.first and ACTIONS[moment.step.action].strikes
