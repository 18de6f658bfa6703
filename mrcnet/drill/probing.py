"""A prober beside a drill's traffic: agents in a process of their own, for the workers have the cores."""

from __future__ import annotations

import ctypes
import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from multiprocessing.connection import Connection

from mrcnet.drill.model import ProberSpec
from mrcnet.errors import MrcnetError
from mrcnet.plan.crossings import name_of
from mrcnet.prober.agent import Prober
from mrcnet.prober.controller import Controller
from mrcnet.prober.detect import Rules
from mrcnet.prober.report import named
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Found

_PR_SET_PDEATHSIG = 1
_END_WITHIN = 5.0  # wall seconds


@contextmanager
def probing(job: Job, spec: ProberSpec | None) -> Iterator[list[Found]]:
    """Agents on all hosts of the lab within the block; what they found is there when it ends.

    With no `spec` there are none.
    """
    found: list[Found] = []
    if spec is None:
        yield found
        return
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=_probe, args=(job, spec, theirs), daemon=True, name="mrcnet-prober"
    )
    process.start()
    theirs.close()
    try:
        yield found
    finally:
        with suppress(OSError):
            ours.send(None)
        while ours.poll(_END_WITHIN):
            try:
                found.append(ours.recv())
            except (EOFError, ConnectionResetError):
                break
        process.join(_END_WITHIN)
        if process.exitcode != 0:
            found.append(Found(0, "no probing to the end: its process died, or hangs"))
        process.kill()
        ours.close()


def _probe(job: Job, spec: ProberSpec, pipe: Connection) -> None:
    """The process's main function: until the parent speaks."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    plan, dilation = job.plan, job.plan.topology.dilation
    try:
        prober = Prober(plan, plan.hosts, spec.rate, Rules())
        with Controller(job.lab) if spec.deny else nullcontext() as controller:
            for change in prober.watch(job.lab, pipe.poll):
                if change is not None:
                    one = named(plan, change)
                    text = f"{one.link} ({one.kind}) {one.state}, {one.latency_ms:.0f} ms of wall time"
                    pipe.send(Found(change.at_ns // dilation, text))
                elif controller is not None:
                    controller.want(name_of(plan, link) for link in prober.detector.broken)
    except MrcnetError as error:
        pipe.send(Found(0, f"no probing: {error.message}"))
