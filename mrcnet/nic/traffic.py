"""Run traffic over a lab from beginning to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mrcnet.nic.books import open_books
from mrcnet.nic.cores import Cores
from mrcnet.nic.engine import Run
from mrcnet.nic.stack import StackRun
from mrcnet.workload.dilation import shaped
from mrcnet.workload.fidelity import Machine, judge
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording, record
from mrcnet.workload.transport import STACK

_DRAIN_WITHIN = 20.0  # wall seconds for what is posted to complete ...
_DRAIN_SHARE = 0.5  # ... or, where ports have rates, the time in which it would at this share of them


def run_traffic(
    job: Job,
    duration_ns: int | None,
    progress: Callable[[int], None] | None = None,
    meanwhile: Callable[[Run | StackRun], None] | None = None,
) -> Recording:
    """Send the job's flows; for `duration_ns` of fabric time, or until their bytes are through.

    `meanwhile` runs in the parent once traffic has begun, with the run to watch and time by; `progress`
    gets the payload bytes delivered so far.
    """
    if job.transport in STACK:
        return _run_stack(job, duration_ns, progress, meanwhile)
    with Run(job) as run:
        keeper = open_books(run.job)
        run.start()
        cores = Cores()
        until = run.start_at + duration_ns if duration_ns is not None else None
        if meanwhile is not None:
            meanwhile(run)
        run.watch(until, progress)
        queues = None if keeper is None else keeper.queues()
        run.stop(_drain_within(run.job))
        machine = Machine(cores.shares(), cores.forwarding(), round(cores.seconds * 1e9), queues)
        run.rest()
        reports = run.finish()
        if keeper is not None:
            reports[0] = replace(reports[0], fabric=keeper.close(reports))
        return record(run.job, run.start_at, reports, judge(run.job, reports, machine))


def _run_stack(
    job: Job,
    duration_ns: int | None,
    progress: Callable[[int], None] | None,
    meanwhile: Callable[[Run | StackRun], None] | None,
) -> Recording:
    """The same over the hosts' own stacks."""
    with StackRun(job) as run:
        run.start()
        until = run.start_at + duration_ns if duration_ns is not None else None
        if meanwhile is not None:
            meanwhile(run)
        run.watch(until, progress)
        return record(job, run.start_at, [run.finish()])


def _drain_within(job: Job) -> float:
    """Wall seconds in which all that may be under way to the busiest host must arrive."""
    if not shaped(job.plan):
        return _DRAIN_WITHIN
    longest = 0.0
    for host in job.hosts:
        rate = sum(port.rate_bps for port in job.plan.nodes[host].ports)
        under_way = sum(flow.slots * flow.message for flow in job.flows if flow.dst == host)
        longest = max(longest, under_way * 8 / (rate * _DRAIN_SHARE))
    return _DRAIN_WITHIN + longest * job.plan.topology.dilation
