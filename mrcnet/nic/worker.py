"""A worker process: the end points of many hosts, turned over in one loop on one core."""

from __future__ import annotations

import ctypes
import gc
import os
import select
import signal
import time
from dataclasses import replace
from multiprocessing.connection import Connection

import numpy as np

from mrcnet.errors import MrcnetError
from mrcnet.nic.clock import FabricClock
from mrcnet.nic.host import Host
from mrcnet.nic.messages import (
    Ask,
    AskPulse,
    Beat,
    Failed,
    Finish,
    Go,
    Hush,
    Obeyed,
    Progress,
    Ready,
    Stop,
    Table,
)
from mrcnet.workload.dilation import shaped, turn_ns
from mrcnet.workload.ends import make_content
from mrcnet.workload.job import Job
from mrcnet.workload.order import Order
from mrcnet.workload.pulse import pulse_of
from mrcnet.workload.report import LATE_BUCKETS, RunReport
from mrcnet.workload.station import Bins, Station, report_of
from mrcnet.workload.transport import warm

_PR_SET_PDEATHSIG = 1
_PROGRESS_NS = 200_000_000
_LOOK_EVERY = 32  # turns between two looks at the pipe
_SLEEP_MOST = 0.1


def run(job: Job, hosts: tuple[str, ...], core: int | None, pipe: Connection) -> None:
    """The process's main function. Never raises: what goes wrong is sent to the parent."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # no worker outlives its run
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        if core is not None:
            os.sched_setaffinity(0, {core})
        warm(job)
        worker = Worker(job, hosts, pipe)
        gc.collect()
        gc.freeze()
        gc.disable()  # a collection in the middle of a run looks like a stalled peer
        worker.loop()
    except MrcnetError as error:
        pipe.send(Failed(error.message, error.remedy))
    except (BrokenPipeError, EOFError):
        pass  # the parent is gone, and so is whoever would read a report
    except Exception as error:
        pipe.send(Failed(f"a worker failed: {type(error).__name__}: {error}", None))
        if os.environ.get("MRCNET_DEBUG"):
            raise


class Worker:
    """Builds the hosts, then turns them over until told to finish."""

    def __init__(self, job: Job, hosts: tuple[str, ...], pipe: Connection) -> None:
        self._job = job
        self._pipe = pipe
        self._clock = FabricClock(job.plan.topology.dilation)
        self._content = make_content(job.message, job.seed)
        self._bins = Bins(job.plan.topology.planes, 0, job.bin_ns)
        self._hosts = [
            Host(job, Station(job, name, self._content, self._bins), self._clock) for name in hosts
        ]
        self._poll = select.poll()
        for host in self._hosts:
            self._poll.register(host.ring.fileno(), select.POLLIN)
        self._poll.register(pipe.fileno(), select.POLLIN)
        self._longest_turn = 0
        self._cpu_ns = 0
        # Where ports have rates, turns keep a distance: frames gather, as a NIC's do that moderates its
        # interrupts, and a core serves many hosts.
        self._pause = self._clock.wall(turn_ns(job.plan)) if shaped(job.plan) else 0

    # ---- the loop ------------------------------------------------------------------------------

    def loop(self) -> None:
        """Ready, go, turn, finish."""
        regions: dict[int, tuple[int, int]] = {}
        for host in self._hosts:
            regions |= host.station.regions()
        self._pipe.send(Ready(regions))
        go = self._pipe.recv()
        if not isinstance(go, Go):
            return
        self._bins.start = go.start_at
        for host in self._hosts:
            host.station.open(go.regions, go.start_at)
            host.ring.drops()  # what came before does not count
        began = time.process_time_ns()
        self._turn_over()
        self._cpu_ns = time.process_time_ns() - began
        self._pipe.send(self._report())

    def _turn_over(self) -> None:
        hosts, pause = self._hosts, self._pause
        turns = turn_at = 0
        said_at = before = time.monotonic_ns()
        while True:
            busy = False
            for host in hosts:
                busy |= host.step(turn_at)
            turns += 1
            wall = time.monotonic_ns()
            self._longest_turn = max(self._longest_turn, wall - before)
            if turns % _LOOK_EVERY == 0 or not busy or pause:
                if self._pipe.poll():
                    said = self._pipe.recv()
                    if isinstance(said, Finish):
                        return
                    self._heed(said)
                if wall - said_at >= _PROGRESS_NS:
                    self._say()
                    said_at = wall
            if pause:
                turn_at = before + pause
                self._pause_until(turn_at)
                wall = time.monotonic_ns()
            elif not busy:
                self._sleep(self._due())
                wall = time.monotonic_ns()
            before = wall

    def _heed(self, said: Ask | AskPulse | Stop | Hush | Order) -> None:
        if isinstance(said, Ask):
            self._answer(said)
        elif isinstance(said, AskPulse):
            stations = [host.station for host in self._hosts]
            self._pipe.send(Beat(said.number, pulse_of(stations, self._bins, self._clock.now())))
        elif isinstance(said, Order):
            now = self._clock.now()
            for host in self._hosts:
                if host.station.name == said.host:
                    host.station.obey(said, now)
            self._pipe.send(Obeyed(time.monotonic_ns()))
        for host in self._hosts:
            if isinstance(said, Stop):
                host.station.stop()
            elif isinstance(said, Hush):
                host.quiet = True

    def _answer(self, ask: Ask) -> None:
        stations = [host.station for host in self._hosts if host.station.name == ask.src]
        self._pipe.send(Table(ask.number, stations[0].ev_table(ask.dst) if stations else None))

    def _say(self) -> None:
        delivered = sum(host.station.delivered_bytes for host in self._hosts)
        done = all(host.station.done for host in self._hosts)
        broken = any(host.station.broken for host in self._hosts)
        self._pipe.send(Progress(delivered, done, broken))

    def _due(self) -> int:
        """When the next thing is to be done without new frames, wall ns."""
        return min(host.next_due() for host in self._hosts)

    def _pause_until(self, next_turn: int) -> None:
        """To the next turn, or longer, if there is nothing to do before a frame comes."""
        due = self._due()
        if due > next_turn:
            self._sleep(due)
        left = next_turn - time.monotonic_ns()
        if left > 0:
            time.sleep(left / 1e9)  # poll counts in milliseconds

    def _sleep(self, due: int) -> None:
        """Until a frame comes, the parent speaks, or wall time `due`."""
        left = (due - time.monotonic_ns()) / 1e9
        if left > 0:
            self._poll.poll(min(_SLEEP_MOST, left) * 1000)

    # ---- the report ----------------------------------------------------------------------------

    def _report(self) -> RunReport:
        frames = [host.frames() for host in self._hosts]
        return replace(
            report_of([host.station for host in self._hosts], self._bins),
            ring_drops=sum(one.ring_drops for one in frames),
            refused=sum(sum(one.refused) for one in frames),
            longest_turn=self._longest_turn,
            late=sum((host.late.counts for host in self._hosts), np.zeros(LATE_BUCKETS, np.int64)),
            cpu_ns=self._cpu_ns,
            hosts=frames,
            ways=[way for host in self._hosts if host.ledger is not None for way in host.ledger.ways()],
        )
