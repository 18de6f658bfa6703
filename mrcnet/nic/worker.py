"""A worker process: the end points of many hosts, turned over in one loop on one core."""

from __future__ import annotations

import ctypes
import gc
import os
import select
import signal
import time
from multiprocessing.connection import Connection

import numpy as np

from mrcnet.errors import EnvironmentFault, MrcnetError
from mrcnet.kernel import netns
from mrcnet.mrc.endpoint import Endpoint
from mrcnet.mrc.evs import State
from mrcnet.mrc.qp import QpSpec
from mrcnet.mrc.requestor import NEVER
from mrcnet.mrc.wire.frames import HEADROOM
from mrcnet.nic.clock import FabricClock
from mrcnet.nic.host import Bins, Host
from mrcnet.nic.job import Job, ev_paths, local_ports, peer_addresses
from mrcnet.nic.messages import (
    EvRow,
    Failed,
    Finish,
    Go,
    Progress,
    Ready,
    SinkReport,
    SourceReport,
    WorkerReport,
)
from mrcnet.nic.ring import Ring, port_numbers
from mrcnet.nic.sender import Sender
from mrcnet.workload.flow import Sink, Source, make_content

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
        self._hosts = [self._build(name) for name in hosts]
        self._poll = select.poll()
        for host in self._hosts:
            self._poll.register(host.ring.fileno(), select.POLLIN)
        self._poll.register(pipe.fileno(), select.POLLIN)
        self._longest_turn = 0

    def _build(self, name: str) -> Host:
        """One host: sockets inside its namespace, a QP for each flow that touches it."""
        job = self._job
        node = job.plan.nodes[name]
        number = job.plan.hosts.index(name)
        endpoint = Endpoint(local_ports(node), job.settings, np.random.default_rng((job.seed, number)))
        names = [port.name for port in node.ports]
        with netns.inside(netns.path_of(job.lab, name)):
            present = port_numbers(names)
            if len(present) < len(names):
                raise EnvironmentFault(
                    f"{name} lacks ports of its plan", remedy=f"mrcnet up the topology of {job.lab} again"
                )
            ring = Ring(job.settings.payload + HEADROOM, job.ring, present)
            index_of = {port: index for index, port in present.items()}
            sender = Sender([index_of[port] for port in range(len(names))])
        host = Host(name, endpoint, ring, sender, self._bins)
        content = endpoint.register(self._content, 0) if any(flow.src == name for flow in job.flows) else None
        for flow in job.flows:
            if content is not None and flow.src == name:
                self._connect(endpoint, flow.src_qpn, flow.dst_qpn, name, flow.dst)
                host.sources[flow.src_qpn] = Source(flow, endpoint, content)
            elif flow.dst == name:
                self._connect(endpoint, flow.dst_qpn, flow.src_qpn, name, flow.src)
                host.sinks[flow.dst_qpn] = Sink(flow, endpoint, self._content)
        return host

    def _connect(self, endpoint: Endpoint, qpn: int, peer_qpn: int, own: str, peer: str) -> None:
        job = self._job
        endpoint.connect(
            QpSpec(
                qpn=qpn,
                peer_qpn=peer_qpn,
                start_psn=_start_psn(job.seed, qpn),
                peer_start_psn=_start_psn(job.seed, peer_qpn),
                peer=peer_addresses(job.plan, peer),
                paths=ev_paths(job.plan, own, peer),
            )
        )

    # ---- the loop ------------------------------------------------------------------------------

    def loop(self) -> None:
        """Ready, go, turn, finish."""
        regions = {
            sink.flow.number: (sink.region.address, sink.region.rkey)
            for host in self._hosts
            for sink in host.sinks.values()
        }
        self._pipe.send(Ready(regions))
        go = self._pipe.recv()
        if not isinstance(go, Go):
            return
        self._bins.start = go.start_at
        for host in self._hosts:
            for source in host.sources.values():
                source.open(*go.regions[source.flow.number], go.start_at)
            host.ring.drops()
        self._turn_over()
        self._pipe.send(self._report())

    def _turn_over(self) -> None:
        clock, hosts = self._clock, self._hosts
        turns = 0
        said_at = before = time.monotonic_ns()
        while True:
            busy = False
            for host in hosts:
                busy |= host.step(clock.now())
            turns += 1
            wall = time.monotonic_ns()
            self._longest_turn = max(self._longest_turn, wall - before)
            if turns % _LOOK_EVERY == 0 or not busy:
                if self._pipe.poll():
                    said = self._pipe.recv()
                    if isinstance(said, Finish):
                        return
                    self._stop()
                if wall - said_at >= _PROGRESS_NS:
                    self._say()
                    said_at = wall
            if not busy:
                self._sleep()
                wall = time.monotonic_ns()
            before = wall

    def _stop(self) -> None:
        for host in self._hosts:
            for source in host.sources.values():
                source.stopping = True

    def _say(self) -> None:
        delivered = sum(int(host.endpoint.delivered_bytes.sum()) for host in self._hosts)
        done = all(source.done for host in self._hosts for source in host.sources.values())
        self._pipe.send(Progress(delivered, done))

    def _sleep(self) -> None:
        """Until a frame comes, the parent speaks, or a timer is due."""
        now = self._clock.now()
        due = min(host.next_timer() for host in self._hosts)
        if due <= now:
            return
        most = _SLEEP_MOST if due >= NEVER else min(_SLEEP_MOST, self._clock.wall(due - now) / 1e9)
        self._poll.poll(most * 1000)

    # ---- the report ----------------------------------------------------------------------------

    def _report(self) -> WorkerReport:
        drops: dict[str, int] = {}
        for host in self._hosts:
            for cause, count in host.endpoint.drops.items():
                drops[cause] = drops.get(cause, 0) + count
        hosts = self._hosts
        return WorkerReport(
            sources=[_source(host, source) for host in hosts for source in host.sources.values()],
            sinks=[_sink(host, sink) for host in hosts for sink in host.sinks.values()],
            events=[event for host in hosts for event in host.events],
            delivered=self._bins.data,
            drops=drops,
            ring_drops=sum(host.ring.drops() for host in hosts),
            refused=sum(int(host.sender.refused.sum()) for host in hosts),
            longest_turn=self._longest_turn,
        )


def _start_psn(seed: int, qpn: int) -> int:
    """spec 1.2: both sides must know it; drawn so that it is not always the same."""
    return int(np.random.default_rng((seed, qpn)).integers(0, 1 << 24))


def _source(host: Host, source: Source) -> SourceReport:
    qp = host.endpoint.qps[source.flow.src_qpn]
    books, evs = qp.requestor.counters, qp.evs
    rows = [
        EvRow(
            ev=int(evs.value[number]),
            plane=int(evs.plane[number]),
            state=State(int(evs.state[number])).name,
            active=bool(evs.active[number]),
            sent=int(evs.sent[number]),
            lost=int(evs.lost[number]),
            cause=evs.cause[number],
        )
        for number in range(len(evs.paths))
    ]
    return SourceReport(
        flow=source.flow.number,
        completed_bytes=source.completed_bytes,
        sent=books.sent,
        retransmitted=books.retransmitted,
        lost=books.lost,
        probes=books.probes,
        durations=source.durations,
        started_at=source.started_at,
        ended_at=source.ended_at,
        base_rtt=qp.requestor.base_rtt,
        done=source.done,
        failure=source.failure,
        evs=rows,
    )


def _sink(host: Host, sink: Sink) -> SinkReport:
    books = host.endpoint.qps[sink.flow.dst_qpn].responder.counters
    return SinkReport(
        flow=sink.flow.number,
        verified_bytes=sink.verified_bytes,
        wrong=sink.wrong,
        arrived=books.arrived,
        delivered=books.delivered,
        duplicates=books.duplicates,
        out_of_window=books.out_of_window,
        arrivals=np.array(host.arrivals.get(sink.flow.dst_qpn, []), np.int64),
    )
