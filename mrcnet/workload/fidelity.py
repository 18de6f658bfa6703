"""Whether a run tells of the fabric, or of the machine that carried it. Pure.

A busy core alone falsifies nothing; what counts is what it brings about: work done late, ports that ran dry
though data waited for them, frames lost at a host. Each has a bound in the fabric's own measure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mrcnet.workload.books import FULL, Books
from mrcnet.workload.congestion import base_rtt_ns
from mrcnet.workload.dilation import LATE_SHARE, shaped, slower
from mrcnet.workload.job import Job
from mrcnet.workload.report import LATE_PER_OCTAVE, HostFrames, RunReport

FAITHFUL, UNFAITHFUL, UNSHAPED = "faithful", "unfaithful", "unshaped"
_QUANTILE = 0.99  # of all that was due
_DRY_MOST = 0.01  # of a run, at any port: it may all be in one stretch, and a drill asks for the leanest
_RATE_MOST = 1.01  # of its rate, that a port may have sent over a run
_APART_MOST = 16  # frames by which a shaper and its model may differ
_LOSSY = 2.0  # the dilation that would do, where frames were lost at hosts: nothing says by how much


@dataclass(frozen=True, slots=True)
class Fidelity:
    """The verdict, and what it comes from.

    `faithful` is None where there is nothing to hold it against: ports without rates (`unshaped`).
    `dilation_needed`: the one that would have done. `cores`: share of the run in which each was busy, with
    whatever; `cpu_seconds`: what the run itself took, end points and forwarding together. Late:
    how much later than due 99 % of the NICs' work was done, wall time, and the bound. `dry`: the largest
    share of the run in which a port had nothing to send though data waited for it.
    """

    status: str
    faithful: bool | None
    reasons: tuple[str, ...]
    dilation_needed: int
    cores: tuple[float, ...]
    cpu_seconds: float
    late_ms: float
    late_most_ms: float
    dry: float
    ring_drops: int
    overruns: int
    queues: Queues | None = None


@dataclass(frozen=True, slots=True)
class Queues:
    """Ports against their model: what the fastest port sent over what its rate allows, and by how many frames
    at most the model's queue and the shaper's differed at the end of posting.
    """

    fastest: float
    apart: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What was seen of the machine while traffic went on: the share in which each core was busy, seconds in
    which the kernel forwarded frames, wall time, and the ports, where they have queues.
    """

    cores: tuple[float, ...]
    forwarding: float
    wall_ns: int
    queues: Queues | None = None


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A bound that was broken, in words, and how many times slower time would have to run to keep it."""

    words: str
    factor: float


def judge(job: Job, reports: Sequence[RunReport], machine: Machine) -> Fidelity:
    """The fidelity of a run over the kernel's fabric."""
    dilation = job.plan.topology.dilation
    late = late_within(reports, _QUANTILE)
    bound = LATE_SHARE * base_rtt_ns(job.plan, job.settings.payload) * dilation
    hosts = [host for report in reports for host in report.hosts]
    dry = max((max(host.dry_ns) for host in hosts), default=0) / max(1, machine.wall_ns)
    drops = sum(host.ring_drops for host in hosts)
    overruns = _overruns(hosts, [report.fabric for report in reports if report.fabric])
    on = shaped(job.plan)
    doubts = (*_doubts(late, bound, dry, drops, overruns), *_queue_doubts(machine.queues)) if on else ()
    needed = slower(dilation, max(doubt.factor for doubt in doubts)) if doubts else dilation
    return Fidelity(
        status=UNSHAPED if not on else UNFAITHFUL if doubts else FAITHFUL,
        faithful=not doubts if on else None,
        reasons=tuple(doubt.words for doubt in doubts),
        dilation_needed=needed,
        cores=tuple(round(share, 3) for share in machine.cores),
        cpu_seconds=sum(report.cpu_ns for report in reports) / 1e9 + machine.forwarding,
        late_ms=late / 1e6,
        late_most_ms=bound / 1e6,
        dry=dry,
        ring_drops=drops,
        overruns=overruns,
        queues=machine.queues,
    )


def _overruns(hosts: Sequence[HostFrames], books: Sequence[Books]) -> int:
    """Frames for which a host's port had no room, less those that a fault ate, which look alike."""
    eaten: Counter[str] = Counter()
    for book in books:
        eaten.update({drop.place: drop.frames for drop in book.drops if drop.cause != FULL})
    named = (
        (f"{host.host}:{port}", frames)
        for host in hosts
        for port, frames in zip(host.ports, host.overrun, strict=True)
    )
    return sum(max(0, frames - eaten[place]) for place, frames in named)


def _doubts(late: int, bound: float, dry: float, drops: int, overruns: int) -> Iterator[_Doubt]:
    if late > bound:
        yield _Doubt(
            f"the hosts' NICs were {late / 1e6:.2f} ms late, {bound / 1e6:.2f} ms would not matter",
            late / bound,
        )
    if dry > _DRY_MOST:
        yield _Doubt(f"a port stood idle for {dry:.1%} of the run though data waited for it", 1 + dry)
    if drops:
        yield _Doubt(f"{drops} frames came faster than the receiving NIC could take them", _LOSSY)
    if overruns:
        yield _Doubt(f"{overruns} frames were more than the kernel would queue at a port", _LOSSY)


def _queue_doubts(queues: Queues | None) -> Iterator[_Doubt]:
    if queues is None:
        return
    if queues.fastest > _RATE_MOST:
        yield _Doubt(f"a port sent {queues.fastest:.1%} of what its rate allows", queues.fastest)
    if queues.apart > _APART_MOST:
        yield _Doubt(f"a shaper's queue and its model were {queues.apart} frames apart", _LOSSY)


def late_within(reports: Sequence[RunReport], share: float) -> int:
    """The lateness in wall ns that this share of all work kept within; 0 if nothing was ever due."""
    counts = sum((report.late for report in reports), np.zeros_like(reports[0].late))
    total = int(counts.sum())
    if not total:
        return 0
    bucket = int(np.searchsorted(np.cumsum(counts), share * total))
    return round(2.0 ** ((bucket + 1) / LATE_PER_OCTAVE)) if bucket else 0
