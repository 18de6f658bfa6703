"""What is written down beside a drill's traffic on the kernel's fabric: counters of ports, frames of ports.

In a process of its own, for the workers have the cores. It looks at the kernel's counters of the ports around
what is struck, and has a tap on each port that is to be captured.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel.portwatch import PortWatch
from mrcnet.nic.clock import FabricClock
from mrcnet.nic.tap import Tap
from mrcnet.topology.model import End
from mrcnet.workload.framewindow import Captured
from mrcnet.workload.job import Job
from mrcnet.workload.portsamples import PortLog, PortSamples

_PR_SET_PDEATHSIG = 1
_READY_WITHIN, _END_WITHIN = 10.0, 10.0  # wall seconds
_LOOK_EVERY_NS = 5_000_000  # wall time between two looks at counters, at least
_TAKE_EVERY_S = 0.005  # between two looks at taps


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a recorder has to show. Instants are fabric ns."""

    ports: PortSamples | None = None
    captured: tuple[Captured, ...] = ()


class Recorder:
    """The drill's side."""

    def __init__(self, pipe: Connection | None) -> None:
        self._pipe = pipe
        self.recorded = Recorded()

    def mark(self, at: int) -> None:
        """Something was struck at this instant (CLOCK_MONOTONIC): keep what surrounds it."""
        if self._pipe is not None:
            with suppress(OSError):  # that nothing is written down any more is not the drill's end
                self._pipe.send(at)


@contextmanager
def recorder(job: Job, watched: Sequence[End], captured: Sequence[End]) -> Iterator[Recorder]:
    """Write down what happens within the block; `recorded` is there when it ends by itself.

    EnvironmentFault if a port cannot be watched.
    """
    if not watched and not captured:
        yield Recorder(None)
        return
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=_record, args=(job, watched, captured, theirs), daemon=True, name="mrcnet-recorder"
    )
    process.start()
    theirs.close()
    try:
        said = _hear(ours, _READY_WITHIN)
        if said is not None:
            raise EnvironmentFault(f"ports cannot be watched: {said}", remedy="`mrcnet up` mends a lab")
        found = Recorder(ours)
        yield found
        with suppress(OSError):
            ours.send(None)
        recorded = _hear(ours, _END_WITHIN)
        if isinstance(recorded, Recorded):
            found.recorded = recorded
    finally:
        process.kill()
        process.join(_END_WITHIN)
        ours.close()


def _hear(pipe: Connection, within: float) -> object:
    """What the recorder says; that it says nothing, too."""
    try:
        return pipe.recv() if pipe.poll(within) else "it does not answer"
    except (EOFError, ConnectionResetError):
        return "it died"


def _record(job: Job, watched: Sequence[End], captured: Sequence[End], pipe: Connection) -> None:
    """The process's main function: until the drill says None."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the drill's to handle
    clock = FabricClock(job.plan.topology.dilation)
    with ExitStack() as stack, suppress(BrokenPipeError, EOFError):
        try:
            watch = stack.enter_context(closing(PortWatch(job.lab, watched)))
            taps = [stack.enter_context(closing(Tap(job.lab, end))) for end in captured]
        except (OSError, EnvironmentFault) as error:
            pipe.send(str(error))
            return
        log = PortLog([str(end) for end in watched], max(clock.fabric(_LOOK_EVERY_NS), job.bin_ns))
        pipe.send(None)
        log.add(clock.now(), *watch.read())
        while True:
            patience = _TAKE_EVERY_S if taps else max(0.0, clock.wall(log.due - clock.now()) / 1e9)
            said = pipe.recv() if pipe.poll(patience) else ()
            for tap in taps:
                tap.take()
                if isinstance(said, int):
                    tap.mark(said)
            if clock.now() >= log.due or said is None:
                log.add(clock.now(), *watch.read())
            if said is None:
                break
        seen = [tap.captured() for tap in taps]
        pipe.send(Recorded(log.samples(), tuple(replace(one, at=one.at // clock.dilation) for one in seen)))
