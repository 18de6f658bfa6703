"""Traffic over the hosts' own stacks: iperf3 in their namespaces, watched from here.

TCP, or MPTCP with as many subflows as the fabric has planes. Content is not checked byte by byte, as it is
everywhere else: TCP's own checksums must do. There are no messages, and packets are reckoned in full
segments.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import numpy as np

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import netns
from mrcnet.kernel.daemons import Watch
from mrcnet.kernel.sockdiag import TcpDiag
from mrcnet.nic.arrivals import Arrivals
from mrcnet.nic.claim import claim
from mrcnet.nic.clock import FabricClock
from mrcnet.nic.iperf import FIRST_PORT, Told, client, demand, server, told
from mrcnet.plan.paths import joining_planes
from mrcnet.plan.prefixes import is_plain
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.order import Order
from mrcnet.workload.report import RunReport, SinkReport, SourceReport
from mrcnet.workload.station import Bins
from mrcnet.workload.transport import MPTCP

_BEGIN_WITHIN_S, _END_WITHIN_S = 10.0, 5.0
_LOOK_EVERY_S = 0.001
_SUBFLOW_PORTS = 1_000  # between the ports of a flow's subflows
_MOST_SUBFLOWS = 8  # the kernel's own limit
_TIMESTAMPS = Path("/proc/sys/net/ipv4/tcp_timestamps")
_IN_USE = "socket error: -98"
_WHOLE = "65535"  # the kernel's own limit of segments in a buffer


class StackRun:
    """Processes under way. A context manager: leaving it ends them all. Dilation is 1."""

    def __init__(self, job: Job) -> None:
        demand(job.transport)
        self.job = job
        self.clock = FabricClock()
        self.start_at = 0
        self._stack = ExitStack()
        self._bins = Bins(job.plan.topology.planes, 0, job.bin_ns)
        self._files = Path()
        self._clients: dict[int, subprocess.Popen[bytes]] = {}  # by flow
        self._servers: dict[int, subprocess.Popen[bytes]] = {}
        self._ended: set[int] = set()  # flows whose client we ended
        self._arrivals: dict[str, Arrivals] = {}

    @property
    def delivered(self) -> int:
        """Payload bytes delivered so far."""
        return sum(one.bytes for one in self._arrivals.values())

    def __enter__(self) -> StackRun:
        try:
            self._files = Path(self._stack.enter_context(TemporaryDirectory(prefix="mrcnet-iperf-")))
            self._prepare()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    # ---- before --------------------------------------------------------------------------------

    def _prepare(self) -> None:
        job = self.job
        for host in job.hosts:
            names = [port.name for port in job.plan.nodes[host].ports]
            self._stack.enter_context(claim(job.lab, host, names))
            for name in names:  # a switch's port is to see frames, not what a host would cut into them
                self._ip(host, "link", "set", name, "gso_max_segs", "1")
                self._stack.callback(self._ip, host, "link", "set", name, "gso_max_segs", _WHOLE)
        self._watch = self._stack.enter_context(Watch(job.lab, job.plan))
        if job.transport == MPTCP:
            self._allow_subflows()
        for host in dict.fromkeys(flow.dst for flow in job.flows):
            ports = {
                _port(flow) + way * _SUBFLOW_PORTS: flow.number
                for flow in job.flows
                for way in range(_MOST_SUBFLOWS + 1)
                if flow.dst == host
            }
            self._arrivals[host] = arrivals = Arrivals(job, host, ports)
            self._stack.callback(arrivals.close)
        for flow in job.flows:
            words = server(job.transport, _port(flow))
            self._servers[flow.number] = self._begin(flow.src, words, f"{flow.number}.server")
        deadline = time.monotonic() + _BEGIN_WITHIN_S
        for host in dict.fromkeys(flow.src for flow in job.flows):
            self._await_servers(host, {_port(flow) for flow in job.flows if flow.src == host}, deadline)

    def _await_servers(self, host: str, ports: set[int], deadline: float) -> None:
        with closing(TcpDiag(netns.path_of(self.job.lab, host))) as diag:
            while not ports <= {one.port for one in diag.connections() if one.listens}:
                if time.monotonic() > deadline:
                    raise EnvironmentFault("iperf3 does not listen", remedy="is the machine overloaded?")
                time.sleep(0.01)

    def _allow_subflows(self) -> None:
        """A sender tells of an address in every plane; without SRv6, of a port for each on its only one."""
        job = self.job
        most = str(_MOST_SUBFLOWS)
        for host in job.hosts:
            self._ip(host, "mptcp", "endpoint", "flush")
            if is_plain(job.plan):  # an IPv6 address with a port fills the room of TCP's options
                self._timestamps(host, "0")
                self._stack.callback(self._timestamps, host, "1")
            self._ip(host, "mptcp", "limits", "set", "subflows", most, "add_addr_accepted", most)
            self._stack.callback(self._ip, host, "mptcp", "endpoint", "flush")
        for host in dict.fromkeys(flow.src for flow in job.flows):
            flows = [flow for flow in job.flows if flow.src == host]
            node = job.plan.nodes[host]
            if is_plain(job.plan):
                ways = max(len(joining_planes(job.plan.wiring, host, flow.dst)) for flow in flows)
                for flow in flows:
                    for number in range(1, ways):
                        port = str(_port(flow) + number * _SUBFLOW_PORTS)
                        words = ("mptcp", "endpoint", "add", str(node.address), "port", port, "signal")
                        self._ip(host, *words)
            else:
                for one in node.ports[1:]:
                    address = one.addresses[0].partition("/")[0]
                    self._ip(host, "mptcp", "endpoint", "add", address, "dev", one.name, "signal")

    def _timestamps(self, host: str, value: str) -> None:
        with suppress(OSError), netns.inside(netns.path_of(self.job.lab, host)):
            _TIMESTAMPS.write_text(value)

    def _ip(self, host: str, *words: str) -> None:
        command = ["ip", "-n", netns.name_of(self.job.lab, host), *words]
        deadline = time.monotonic() + _BEGIN_WITHIN_S
        while True:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if _IN_USE not in done.stderr or time.monotonic() > deadline:
                break
            time.sleep(0.05)  # the kernel lets go of an end point's port some time after its removal
        if done.returncode and netns.path_of(self.job.lab, host).exists():
            raise EnvironmentFault(f"ip {' '.join(words)} on {host}: {done.stderr.strip()}")

    def _ends(self, flow: Flow) -> tuple[str, str]:
        """The addresses from which, and to which, a flow begins."""
        plan = self.job.plan
        here, there = plan.nodes[flow.src], plan.nodes[flow.dst]
        if here.address is not None and there.address is not None:
            return here.address, there.address
        near, far = joining_planes(plan.wiring, flow.src, flow.dst)[0]
        return (
            here.port(near.plug.port).addresses[0].partition("/")[0],
            there.port(far.plug.port).addresses[0].partition("/")[0],
        )

    def _begin(self, host: str, words: list[str], name: str) -> subprocess.Popen[bytes]:
        with netns.inside(netns.path_of(self.job.lab, host)), (self._files / name).open("wb") as out:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, start_new_session=True
            )
        self._stack.callback(_end, process)
        return process

    # ---- meanwhile -----------------------------------------------------------------------------

    def start(self) -> None:
        """Have the destinations ask; the run begins with the last look before the first bytes arrive."""
        for flow in self.job.flows:
            words = client(self.job.transport, flow, *self._ends(flow), _port(flow))
            self._clients[flow.number] = self._begin(flow.dst, words, f"{flow.number}.client")
        deadline = time.monotonic() + _BEGIN_WITHIN_S
        self._bins.start = self.start_at = self.clock.now()
        while self._alive() and time.monotonic() < deadline:
            looked = self.clock.now()
            self._look()
            if self.delivered:
                return
            self._bins.start = self.start_at = looked  # what comes now came after it
            time.sleep(_LOOK_EVERY_S)

    def watch(self, until: int | None, progress: Callable[[int], None] | None = None) -> bool:
        """Wait until all flows have ended or fabric time `until`; True if they have."""
        said = time.monotonic()
        while self._alive():
            if until is not None and self.clock.now() >= until:
                return False
            self._look()
            if progress is not None and time.monotonic() > said + 0.2:
                said = time.monotonic()
                progress(self.delivered)
            time.sleep(_LOOK_EVERY_S)
        self._look()
        return True

    def order(self, order: Order) -> tuple[int, int]:  # noqa: ARG002
        """TCP has nothing to obey with."""
        now = time.monotonic_ns()
        return now, now

    def _alive(self) -> bool:
        ended = self._watch.ended()
        if ended is not None:
            raise ended
        return any(process.poll() is None for process in self._clients.values())

    def _look(self) -> None:
        now = self.clock.now()
        for arrivals in self._arrivals.values():
            arrivals.look(now, self._bins)

    # ---- after ---------------------------------------------------------------------------------

    def finish(self) -> RunReport:
        """End what still goes on, and put together what all have to say."""
        self._ended = {number for number, process in self._clients.items() if process.poll() is None}
        for processes in (self._servers, self._clients):  # a sender knows its RTT while its receiver is there
            ended = [processes[number] for number in self._ended]
            for process in ended:
                process.send_signal(signal.SIGINT)  # upon which it reports
            self._let_end(ended)
        self._let_end(self._servers.values())
        self._look()
        said = {flow.number: self._told(flow) for flow in self.job.flows}
        now = self.clock.now()
        for host, arrivals in self._arrivals.items():
            received = {
                flow.number: said[flow.number].received for flow in self.job.flows if flow.dst == host
            }
            arrivals.settle(received, now, self._bins)
        return RunReport(
            sources=[self._source(flow, said[flow.number]) for flow in self.job.flows],
            sinks=[self._sink(flow, said[flow.number]) for flow in self.job.flows],
            events=[],
            delivered=self._bins.data,
        )

    def _let_end(self, processes: Iterable[subprocess.Popen[bytes]]) -> None:
        """Go on looking meanwhile: what is under way still comes, and counts."""
        deadline = time.monotonic() + _END_WITHIN_S
        while any(one.poll() is None for one in processes) and time.monotonic() < deadline:
            self._look()
            time.sleep(_LOOK_EVERY_S)

    def _told(self, flow: Flow) -> Told:
        sender, receiver = (self._files / f"{flow.number}.{end}" for end in ("server", "client"))
        return told(sender, receiver, flow.size, ended=flow.number in self._ended)

    def _source(self, flow: Flow, said: Told) -> SourceReport:
        at = self._arrivals[flow.dst].at.get(flow.number, [])
        segments = -(-said.received // said.mss)
        return SourceReport(
            flow=flow.number,
            completed_bytes=said.received,
            sent=segments + said.retransmitted,
            retransmitted=said.retransmitted,
            lost=said.retransmitted,
            probes=0,
            durations=[],
            started_at=self.start_at,
            ended_at=at[-1] if at else None,
            base_rtt=said.min_rtt,
            done=said.whole,
            failure=said.error,
            evs=[],
        )

    def _sink(self, flow: Flow, said: Told) -> SinkReport:
        segments = -(-said.received // said.mss)
        return SinkReport(
            flow=flow.number,
            verified_bytes=said.received,
            wrong=[],
            arrived=segments,
            delivered=segments,
            duplicates=0,
            out_of_window=0,
            arrivals=np.array(self._arrivals[flow.dst].at.get(flow.number, []), np.int64),
        )


def _port(flow: Flow) -> int:
    return FIRST_PORT + flow.number


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
