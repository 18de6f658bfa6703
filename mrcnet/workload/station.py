"""A host as a run sees it: its end point, the flows that begin or end there, and its books.

How frames get in and out is another room's matter: kernel sockets or a simulator.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.endpoint import Endpoint
from mrcnet.mrc.events import Event, MessageArrived, MessageCompleted, QpFailed
from mrcnet.mrc.evs import EvStatus
from mrcnet.mrc.qp import QpSpec
from mrcnet.mrc.requestor import NEVER
from mrcnet.rocev2.endpoint import Endpoint as RoceEndpoint
from mrcnet.workload.congestion import for_pair
from mrcnet.workload.ends import Sink, Source
from mrcnet.workload.flow import Flow, Script
from mrcnet.workload.job import Job, denied_evs, ev_paths, local_ports, peer_addresses
from mrcnet.workload.order import Order
from mrcnet.workload.rank import Inlet, Rank, RankReport, Relay
from mrcnet.workload.report import EvRow, RunReport, SinkReport, SourceReport, Told, Traced
from mrcnet.workload.transport import make_endpoint

TRACE_MOST = 1 << 16  # events of a host that a trace holds; older ones are forgotten


class Bins:
    """Payload bytes delivered, by plane and time: `data` (planes, bins), one bin every `width` ns."""

    def __init__(self, planes: int, start: int, width: int) -> None:
        self.start = start
        self.width = width
        self.data = np.zeros((planes, 1024), np.int64)

    def add(self, now: int, planes: npt.NDArray[np.int64], size: npt.NDArray[np.int64]) -> None:
        """`size` bytes came at `now` in `planes` (each at most once)."""
        at = (now - self.start) // self.width
        if at < 0:
            return
        while at >= self.data.shape[1]:
            self.data = np.concatenate((self.data, np.zeros_like(self.data)), axis=1)
        self.data[planes, at] += size


class Station:
    """One host of a job, with a QP for each flow that touches it."""

    def __init__(self, job: Job, name: str, content: npt.NDArray[np.uint8], bins: Bins) -> None:
        self.name = name
        self.sources: dict[int, Source] = {}  # by QP
        self.sinks: dict[int, Sink] = {}
        self._ranks: dict[tuple[int, int], Rank] = {}  # by program and number
        self.events: list[tuple[str, Told]] = []
        self.told: Counter[str] = Counter()  # how many events of each kind
        self._trace: deque[Event] = deque(maxlen=TRACE_MOST)
        self._traced = 0
        self._job = job
        self._bins = bins
        ports = local_ports(job.plan.nodes[name])
        self.endpoint = make_endpoint(job, name)
        self._planes = np.array([port.plane for port in ports], np.int64)
        self._seen = np.zeros(len(ports), np.int64)
        self._delivered: dict[int, int] = {}
        self._arrivals: dict[int, list[int]] = {}  # sink's QP -> instants at which data came
        self._furnish(content)

    def _furnish(self, content: npt.NDArray[np.uint8]) -> None:
        job, endpoint = self._job, self.endpoint
        sends = any(flow.src == self.name and flow.script is None for flow in job.flows)
        source_memory = endpoint.register(content, 0) if sends else None
        for flow in job.flows:
            if flow.script is not None:
                self._furnish_rank(flow, flow.script)
            elif source_memory is not None and flow.src == self.name:
                self._connect(flow.src_qpn, flow.dst_qpn, flow.dst)
                self.sources[flow.src_qpn] = Source(flow, endpoint, source_memory)
            elif flow.dst == self.name:
                self._connect(flow.dst_qpn, flow.src_qpn, flow.src)
                self.sinks[flow.dst_qpn] = Sink(flow, endpoint, content)

    def _furnish_rank(self, flow: Flow, script: Script) -> None:
        """A collective's flow: its end here belongs to a rank, with its memory."""
        if flow.src == self.name:
            self._connect(flow.src_qpn, flow.dst_qpn, flow.dst)
            self.sources[flow.src_qpn] = Relay(
                flow, script, self._rank(script.program, script.src), self.endpoint
            )
        elif flow.dst == self.name:
            self._connect(flow.dst_qpn, flow.src_qpn, flow.src)
            self.sinks[flow.dst_qpn] = Inlet(flow, script, self._rank(script.program, script.dst))

    def _rank(self, program: int, rank: int) -> Rank:
        key = program, rank
        if key not in self._ranks:
            self._ranks[key] = Rank(self._job.programs[program], rank, self.endpoint)
        return self._ranks[key]

    def _connect(self, qpn: int, peer_qpn: int, peer: str) -> None:
        job = self._job
        self.endpoint.connect(
            QpSpec(
                qpn=qpn,
                peer_qpn=peer_qpn,
                start_psn=_start_psn(job.seed, qpn),
                peer_start_psn=_start_psn(job.seed, peer_qpn),
                peer=peer_addresses(job.plan, peer),
                paths=ev_paths(job.plan, self.name, peer),
                denied=denied_evs(job, self.name, peer),
            ),
            settings=for_pair(job.settings, job.plan, job.hosts, self.name, peer),
        )

    def regions(self) -> dict[int, tuple[int, int]]:
        """Flow -> (address, rkey) of its sink here; the sources learn them out of band (spec 1.2)."""
        return {sink.flow.number: (sink.region.address, sink.region.rkey) for sink in self.sinks.values()}

    def open(self, regions: dict[int, tuple[int, int]], start_at: int) -> None:
        """All regions are known: sources may post from `start_at` on."""
        for rank in self._ranks.values():
            rank.open(start_at)
        for source in self.sources.values():
            source.open(*regions[source.flow.number], start_at)

    def set_port(self, name: str, up: bool, now: int) -> None:
        """A port of this host, by its name in the plan, lost its link or has it back (spec 4.7)."""
        names = [port.name for port in self._job.plan.nodes[self.name].ports]
        self.endpoint.set_port(names.index(name), up, now)

    def reroute(self, choose: Callable[[bytes, int], int | None]) -> None:
        """Lead each QP by the port that `choose` says for (peer's address, UDP source port), if it knows one.

        MRC chooses its paths itself.
        """
        if isinstance(self.endpoint, RoceEndpoint):
            self.endpoint.reroute(choose)

    def obey(self, order: Order, now: int) -> None:
        """Do at once what a controller says. It speaks to MRC: other transports have nothing to obey with."""
        if not isinstance(self.endpoint, Endpoint):
            return
        if order.kind == "port status":
            self.endpoint.speak_of_ports(order.on, now)
            return
        for qpn, ev in order.evs:
            if qpn in self.endpoint.qps:
                qp = self.endpoint.qps[qpn]
                qp.deny(ev, now) if order.on else qp.allow(ev, now)

    def stop(self) -> None:
        """Post nothing new."""
        for source in self.sources.values():
            source.stopping = True

    @property
    def done(self) -> bool:
        """All sources here are done."""
        return all(source.done for source in self.sources.values())

    @property
    def broken(self) -> bool:
        """A collective will never end: one of its QPs failed here."""
        return any(isinstance(source, Relay) and source.failure for source in self.sources.values())

    @property
    def under_way(self) -> bool:
        """A message from here waits for its completion."""
        return any(source.under_way for source in self.sources.values())

    @property
    def delivered_bytes(self) -> int:
        """Payload placed here so far."""
        return int(self.endpoint.delivered_bytes.sum())

    def account(self, now: int) -> None:
        """After frames were taken in: bytes per plane, instants per QP."""
        delivered = self.endpoint.delivered_bytes
        newly = delivered - self._seen
        if newly.any():
            self._bins.add(now, self._planes, newly)
            self._seen = delivered.copy()
        for qpn in self.sinks:
            count = self.endpoint.taken(qpn).delivered
            if count != self._delivered.get(qpn, 0):
                self._delivered[qpn] = count
                self._arrivals.setdefault(qpn, []).append(now)

    def act(self, now: int) -> None:
        """Check what arrived, note what happened, post what is due."""
        events = self.endpoint.events()
        for event in events:
            self._on_event(event)
        if self._job.settings.trace:
            self._trace.extend(events)
            self._traced += len(events)
        for source in self.sources.values():
            source.step(now)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, MessageCompleted):
            self.sources[event.qpn].on_completed(event.message, event.at)
        elif isinstance(event, MessageArrived):
            if event.qpn in self.sinks:
                self.sinks[event.qpn].on_arrived(event.message, event.at)
        elif isinstance(event, Told):
            self.events.append((self.name, event))
            self.told[type(event).__name__] += 1
            if isinstance(event, QpFailed) and event.qpn in self.sources:
                self.sources[event.qpn].failure = event.reason

    def next_timer(self) -> int:
        """Fabric time of the next thing to do without new frames."""
        due = [self.endpoint.next_timer()]
        due += [at for source in self.sources.values() if (at := source.next_timer()) is not None]
        return min(due, default=NEVER)

    def traces(self) -> list[Traced]:
        """All that the end point told, if it was asked to: one trace, or none."""
        if not self._job.settings.trace:
            return []
        return [Traced(self.name, list(self._trace), self._traced - len(self._trace))]

    def ev_table(self, dst: str) -> list[EvRow] | None:
        """The EVs of the flow from here to `dst` as they stand; None if there is none."""
        for qpn, source in self.sources.items():
            if source.flow.dst == dst:
                return ev_rows(self.endpoint.evs(qpn))
        return None

    def rank_reports(self) -> list[RankReport]:
        """The ranks here, their memory compared with what it should be."""
        return [rank.report() for rank in self._ranks.values()]

    def source_reports(self) -> list[SourceReport]:
        """The sending ends here."""
        return [self._source(source) for source in self.sources.values()]

    def sink_reports(self) -> list[SinkReport]:
        """The receiving ends here."""
        return [self._sink(sink) for sink in self.sinks.values()]

    def _source(self, source: Source) -> SourceReport:
        qpn = source.flow.src_qpn
        books = self.endpoint.sent(qpn)
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
            base_rtt=self.endpoint.base_rtt(qpn),
            done=source.done,
            failure=source.failure,
            evs=ev_rows(self.endpoint.evs(qpn)),
            ends=source.ends,
        )

    def _sink(self, sink: Sink) -> SinkReport:
        books = self.endpoint.taken(sink.flow.dst_qpn)
        return SinkReport(
            flow=sink.flow.number,
            verified_bytes=sink.verified_bytes,
            wrong=sink.wrong,
            arrived=books.arrived,
            delivered=books.delivered,
            duplicates=books.duplicates,
            out_of_window=books.out_of_window,
            arrivals=np.array(self._arrivals.get(sink.flow.dst_qpn, []), np.int64),
        )


def report_of(stations: Sequence[Station], bins: Bins) -> RunReport:
    """What the stations of one process have to say at the end, and the payload that came to them."""
    drops: Counter[str] = Counter()
    for station in stations:
        drops.update(station.endpoint.drops)
    return RunReport(
        sources=[report for station in stations for report in station.source_reports()],
        sinks=[report for station in stations for report in station.sink_reports()],
        events=[event for station in stations for event in station.events],
        traces=[trace for station in stations for trace in station.traces()],
        delivered=bins.data,
        drops=dict(drops),
        ranks=[report for station in stations for report in station.rank_reports()],
    )


def ev_rows(evs: Sequence[EvStatus]) -> list[EvRow]:
    """The EV table of a QP as it stands."""
    return [
        EvRow(ev.ev, ev.plane, ev.state.name, ev.active, ev.sent, ev.lost, ev.cause, ev.rtt, ev.out)
        for ev in evs
    ]


def _start_psn(seed: int, qpn: int) -> int:
    """spec 1.2: both sides must know it; drawn so that it is not always the same."""
    return int(np.random.default_rng((seed, qpn)).integers(0, 1 << 24))
