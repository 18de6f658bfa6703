"""The two ends of every probe: a sender and a UDP socket in each host's namespace, all in this process."""

from __future__ import annotations

import errno
import select
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel.buffers import give_room
from mrcnet.kernel.netns import inside, path_of
from mrcnet.mrc.wire.frames import TxBatch
from mrcnet.nic.sender import Sender
from mrcnet.plan.model import NodePlan, Plan
from mrcnet.verify.ports import interface_number, side_by_side
from mrcnet.verify.probes import FRAME, PAYLOAD, Numbers, Probes, ours, probe_port

BURST = 256  # frames in one go: well below net.core.netdev_max_backlog (1000), behind which the kernel drops
_RECEIVE_BUFFER = 4 << 20
_PKTINFO = struct.Struct("=16si")  # address, interface index
_CONTROL = socket.CMSG_SPACE(_PKTINFO.size)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Probes that came out of the fabric: path index -> the port by which it came."""

    right: Numbers
    astray: dict[int, str]


class Station:
    """One host's sockets. `indices` are the interface numbers of its ports, 0 where a port is missing."""

    def __init__(self, lab: str, node: NodePlan, port: int) -> None:
        self.node = node
        with ExitStack() as undo, inside(path_of(lab, node.name)):
            self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            undo.callback(self.socket.close)
            self.indices = [interface_number(self.socket, each.name) for each in node.ports]
            self.sender = Sender(self.indices)
            undo.callback(self.sender.close)
            give_room(self.socket, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            try:
                self.socket.bind(("::", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                raise EnvironmentFault(
                    f"UDP port {port} of {node.name} in lab {lab} is taken",
                    remedy="wait for the other probing of this lab, or end the program that has the port",
                ) from error
            undo.pop_all()

    def port_name(self, interface: int) -> str:
        """`h0:eth1`, or what can be said of an interface that is no port."""
        ports = dict(zip(self.indices, self.node.ports, strict=True))
        return f"{self.node.name}:{ports[interface].name if interface in ports else interface}"

    def received(self) -> Iterator[tuple[bytes, int]]:
        """(payload, interface index) of all that waits; too long a payload comes cut to one byte too long."""
        while True:
            try:
                payload, control, _, _ = self.socket.recvmsg(PAYLOAD.itemsize + 1, _CONTROL)
            except BlockingIOError:
                return
            yield payload, _PKTINFO.unpack(control[0][2])[1] if control else 0

    def close(self) -> None:
        """Let go of the sockets."""
        self.socket.close()
        self.sender.close()


class Stations:
    """Stations by their hosts' positions in the plan, and the probes of one run."""

    def __init__(self, stations: dict[int, Station], probes: Probes) -> None:
        self._stations = stations
        self._probes = probes
        self._batch = TxBatch(BURST, FRAME)
        self._poll = select.epoll()
        self._by_fd = {station.socket.fileno(): at for at, station in stations.items()}
        for fd in self._by_fd:
            self._poll.register(fd, select.EPOLLIN)

    def send(self, indexes: Numbers) -> None:
        """Send the probes of at most BURST paths, all of one source. What a port refuses is not sent."""
        count, batch = len(indexes), self._batch
        batch.buffer[:count, :FRAME] = self._probes.frames[indexes]
        batch.length[:count] = FRAME
        batch.port[:count] = self._probes.out[indexes]
        batch.count = count
        self._stations[int(self._probes.src[indexes[0]])].sender.send(batch)

    def collect(self, timeout: float) -> Arrivals:
        """What has come, after at most `timeout` seconds for a first one; what strangers sent is left out."""
        right: list[Numbers] = []
        astray: dict[int, str] = {}
        for fd, _ in self._poll.poll(timeout):
            at = self._by_fd[fd]
            station = self._stations[at]
            payloads, interfaces = [], []
            for payload, interface in station.received():
                payloads.append(payload)
                interfaces.append(interface)
            places, index = ours(payloads, self._probes)
            came_by = np.array(interfaces, np.int64)[places]
            planned = np.array(station.indices, np.int64)[self._probes.into[index] % len(station.indices)]
            good = (self._probes.dst[index] == at) & (came_by == planned)
            right.append(index[good])
            for wrong, interface in zip(index[~good].tolist(), came_by[~good].tolist(), strict=True):
                astray[wrong] = station.port_name(interface)
        return Arrivals(np.concatenate([np.zeros(0, np.int64), *right]), astray)

    def close(self) -> None:
        """Stop polling; the stations are closed by who opened them."""
        self._poll.close()


@contextmanager
def open_stations(
    lab: str, plan: Plan, probes: Probes, hosts: Sequence[str] | None = None, udp_port: int | None = None
) -> Iterator[Stations]:
    """Stations in `hosts` of a lab (None: all), at `udp_port` (None: `probe_port`).

    Raises EnvironmentFault if the port is taken somewhere.
    """
    opened: dict[int, Station] = {}
    port = probe_port(plan) if udp_port is None else udp_port
    try:
        for host in plan.hosts if hosts is None else hosts:
            opened[plan.hosts.index(host)] = Station(lab, plan.nodes[host], port)
        stations = Stations(opened, probes)
        try:
            yield stations
        finally:
            stations.close()
    finally:
        side_by_side(Station.close, opened.values())
