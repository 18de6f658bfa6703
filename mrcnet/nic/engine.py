"""A traffic run seen from its parent: start workers, let them exchange keys, watch, stop, collect."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import TypeVar

from mrcnet.errors import EnvironmentFault, InputError
from mrcnet.kernel import bpf, netns
from mrcnet.kernel.daemons import Watch
from mrcnet.kernel.sink import sink
from mrcnet.nic import worker
from mrcnet.nic.claim import claim
from mrcnet.nic.clock import FabricClock
from mrcnet.nic.desk import Desk, open_desk
from mrcnet.nic.fit import fit
from mrcnet.nic.messages import (
    AskPulse,
    Beat,
    Deny,
    Failed,
    Finish,
    Go,
    Hush,
    Obeyed,
    Progress,
    Ready,
    Stop,
    Table,
    ToParent,
    ToWorker,
)
from mrcnet.plan.prefixes import arrives_plain
from mrcnet.plan.target import find_link
from mrcnet.workload.congestion import base_rtt_ns
from mrcnet.workload.dilation import shaped
from mrcnet.workload.job import Job, shares
from mrcnet.workload.order import Denylist, Order
from mrcnet.workload.pulse import Pulse, joined
from mrcnet.workload.report import RunReport

_READY_WITHIN = 60.0  # wall seconds for any number of hosts to open their sockets
_REPORT_WITHIN = 30.0
_ORDER_WITHIN = 10.0
_START_IN_NS = 20_000_000
_NICE = -10
_LINGER = 0.05  # the last SACKs and probes of all workers come to rest
_LINGER_RTTS = 8  # where the fabric is slower than that

Message = TypeVar("Message", Ready, RunReport)


class Run:
    """Workers under way. A context manager: leaving it ends every worker, whatever happened."""

    def __init__(self, job: Job) -> None:
        self.job = fit(job)
        self.clock = FabricClock(job.plan.topology.dilation)
        self.start_at = 0
        self.delivered = 0
        self._stack = ExitStack()
        self._pipes: list[Connection] = []
        self._progress: dict[Connection, Progress] = {}
        self._pipe_of: dict[str, Connection] = {}  # by host
        self._desk: Desk | None = None
        self._beats: dict[int, list[Pulse]] = {}  # by question
        self._denylist = Denylist(job)
        self._watch: Watch | None = None  # over the lab's daemons

    def __enter__(self) -> Run:
        try:
            self._hurry()
            self._take_hosts()
            self._watch = self._stack.enter_context(Watch(self.job.lab, self.job.plan))
            self._spawn()
            self._desk = open_desk(self.job.lab)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        if self._desk is not None:
            self._desk.close()

    def _hurry(self) -> None:
        """A NIC does not wait for other programs: the run's processes go first while it lasts."""
        usual = os.getpriority(os.PRIO_PROCESS, 0)
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, min(usual, _NICE))
            self._stack.callback(os.setpriority, os.PRIO_PROCESS, 0, usual)

    def _take_hosts(self) -> None:
        """Claim the hosts, and keep MRC frames from their own stacks while the run lasts."""
        ports = {host: [port.name for port in self.job.plan.nodes[host].ports] for host in self.job.hosts}
        for host, names in ports.items():
            self._stack.enter_context(claim(self.job.lab, host, names))
        for host, names in ports.items():
            path = netns.path_of(self.job.lab, host)
            if not bpf.allowed():
                self._stack.enter_context(sink(path, self.job.settings.udp_port))
                continue
            bpf.shield(path, names, self.job.settings.udp_port, plain=arrives_plain(self.job.plan))
            self._stack.callback(bpf.unshield, path, names)

    def _spawn(self) -> None:
        context = multiprocessing.get_context("fork")
        cores = sorted(os.sched_getaffinity(0))
        groups = shares(self.job.hosts)
        for number, hosts in enumerate(groups):
            ours, theirs = context.Pipe()
            core = cores[number % len(cores)] if len(groups) > 1 else None
            process = context.Process(
                target=worker.run, args=(self.job, hosts, core, theirs), daemon=True, name=f"mrcnet-{number}"
            )
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._pipe_of |= dict.fromkeys(hosts, ours)
            self._stack.callback(_end, process, ours)

    def start(self) -> None:
        """Wait for all workers, hand out the regions' keys, begin."""
        regions: dict[int, tuple[int, int]] = {}
        for ready in self._collect(Ready, _READY_WITHIN):
            regions |= ready.regions
        self.start_at = self.clock.now() + self.clock.fabric(_START_IN_NS)
        self._tell(Go(regions, self.start_at))

    def watch(self, until: int | None, progress: Callable[[int], None] | None = None) -> bool:
        """Wait until all sources are done or fabric time `until`; True if they are done.

        `progress` gets the payload bytes delivered so far, a few times a second.
        """
        while not self._done():
            left = 0.1 if until is None else min(0.1, self.clock.wall(until - self.clock.now()) / 1e9)
            if left <= 0:
                return False
            self._listen(left)
            if progress is not None:
                progress(self.delivered)
        return True

    def stop(self, drain_within: float) -> bool:
        """Post nothing new; wait at most `drain_within` wall seconds for what is posted to complete."""
        self._progress.clear()
        self._tell(Stop())
        deadline = time.monotonic() + drain_within
        while not self._done() and time.monotonic() < deadline:
            self._listen(0.1)
        return self._done()

    def rest(self) -> None:
        """Let the last frames come to rest: answers first, then what they still bring about; then silence."""
        rtt = self.clock.wall(base_rtt_ns(self.job.plan, self.job.settings.payload)) / 1e9
        patience = max(_LINGER, _LINGER_RTTS * rtt if shaped(self.job.plan) else 0)
        time.sleep(patience)
        if shaped(self.job.plan):
            self._tell(Hush())
            time.sleep(patience)

    def finish(self) -> list[RunReport]:
        """End the workers and take their reports."""
        self._tell(Finish())
        return self._collect(RunReport, _REPORT_WITHIN)

    def _done(self) -> bool:
        """All sources are; or a collective's never will be, for one of its QPs failed."""
        said = self._progress.values()
        if any(one.broken for one in said):
            return True
        return len(said) == len(self._pipes) and all(one.done for one in said)

    def _listen(self, seconds: float) -> None:
        desk = [] if self._desk is None else [self._desk.fileno()]
        daemons = () if self._watch is None else self._watch.filenos
        ready = wait([*self._pipes, *desk, *daemons], seconds)
        for pipe in ready:
            if self._watch is not None and pipe in daemons:
                raise self._watch.fault(daemons[daemons.index(pipe)])
            if isinstance(pipe, Connection):
                self._heed(pipe, self._take(pipe))
        if set(desk).intersection(ready):  # last, for an order takes what pipes have to say
            self._pass_on()
        self.delivered = sum(said.delivered for said in self._progress.values())

    def _heed(self, pipe: Connection, said: ToParent) -> None:
        if isinstance(said, Progress):
            self._progress[pipe] = said
        elif isinstance(said, Table) and self._desk is not None:
            self._desk.answer(said)
        elif isinstance(said, Beat) and self._desk is not None:
            beats = self._beats.setdefault(said.number, [])
            beats.append(said.pulse)
            if len(beats) == len(self._pipes):
                self._desk.tell(said.number, joined(self._beats.pop(said.number)))

    def order(self, order: Order) -> tuple[int, int]:
        """Have a host do what a controller says; the wall times between which it did. One that takes no part
        does nothing.
        """
        begin = time.monotonic_ns()
        pipe = self._pipe_of.get(order.host)
        if pipe is None:
            return begin, begin
        self._send(pipe, order)
        while pipe.poll(_ORDER_WITHIN):
            said = self._take(pipe)
            if isinstance(said, Obeyed):
                return begin, said.at
            self._heed(pipe, said)
        raise EnvironmentFault(
            f"{order.host} did not obey within {_ORDER_WITHIN:g} s", remedy="is the machine overloaded?"
        )

    def _pass_on(self) -> None:
        """A question goes to the worker that has the source, a denial to all that it concerns."""
        question = self._desk.take() if self._desk is not None else None
        if self._desk is None or question is None:
            return
        if isinstance(question, AskPulse):
            self._tell(question)
            return
        if isinstance(question, Deny):
            self._desk.confirm(question, self._deny(question))
            return
        pipe = self._pipe_of.get(question.src)
        if pipe is None:
            self._desk.answer(Table(question.number, None))
        else:
            self._send(pipe, question)

    def _deny(self, deny: Deny) -> int | None:
        """EVs, of all QPs together, of which hosts were told; None if there is no such link."""
        try:
            link = find_link(self.job.plan, deny.target)
        except InputError:
            return None
        orders = self._denylist.change(link, on=deny.on)
        for order in orders:
            self.order(order)
        return sum(len(order.evs) for order in orders)

    def _collect(self, kind: type[Message], within: float) -> list[Message]:
        """One message of `kind` from every worker, in order; progress in between is passed over."""
        deadline = time.monotonic() + within
        found: list[Message] = []
        for pipe in self._pipes:
            while True:
                if not pipe.poll(max(0.0, deadline - time.monotonic())):
                    raise EnvironmentFault(
                        f"a worker did not answer within {within:g} s", remedy="is the machine overloaded?"
                    )
                said = self._take(pipe)
                if isinstance(said, kind):
                    found.append(said)
                    break
        return found

    def _tell(self, message: ToWorker) -> None:
        for pipe in self._pipes:
            self._send(pipe, message)

    def _send(self, pipe: Connection, message: ToWorker) -> None:
        try:
            pipe.send(message)
        except (BrokenPipeError, ConnectionResetError):
            while True:
                self._take(pipe)  # its last words; after them, that it is dead

    def _take(self, pipe: Connection) -> ToParent:
        try:
            said: ToParent = pipe.recv()
        except (EOFError, ConnectionResetError):
            raise EnvironmentFault(
                "a worker died in the middle of the run", remedy="the lab is usable; run again"
            ) from None
        if isinstance(said, Failed):
            raise EnvironmentFault(said.message, remedy=said.remedy)
        return said


def _end(process: multiprocessing.process.BaseProcess, pipe: Connection) -> None:
    """No worker survives: it ends by itself, or is ended."""
    pipe.close()
    process.join(0.5)
    if process.is_alive():
        process.kill()
        process.join(5)
