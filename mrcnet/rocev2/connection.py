"""A connection: the QPs between two hosts to which messages are dealt in turn, and each QP's one path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.events import Event
from mrcnet.mrc.evs import EvStatus, State
from mrcnet.mrc.memory import Region
from mrcnet.mrc.qp import LocalPort, QpSpec
from mrcnet.mrc.requestor import Counters
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.frames import FlowAddress
from mrcnet.mrc.wire.layout import INNER
from mrcnet.mrc.wire.numbers import ECN_ECT0
from mrcnet.rocev2.framing import Head
from mrcnet.rocev2.requestor import Requestor
from mrcnet.rocev2.settings import Roce
from mrcnet.rocev2.wire import begin, path_of

QPN_SHIFT = 20  # the upper four bits of a QPN number the QPs of a connection
_SOURCE_PORTS = (0xC000, 0x10000)  # the range that NICs draw from
_LONG_AGO = -(1 << 62)


@dataclass(slots=True, eq=False)
class Qp:
    """One QP: its `place` in the connection, its local `port`; `control` is what ACKs and CNPs begin with."""

    connection: Connection
    place: int
    qpn: int
    source_port: int
    port: int
    control: bytes
    requestor: Requestor
    number: int = -1  # of its responder
    notified_at: int = field(default=_LONG_AGO)

    def whole(self, message: int) -> int:
        """The number, in the connection, of the peer's message number `message` on this QP."""
        return message * len(self.connection.qps) + self.place

    def may_notify(self, now: int) -> bool:
        """DCQCN's notification point: at most one CNP in a while."""
        dcqcn = self.connection.roce.dcqcn
        if dcqcn is None or now - self.notified_at < dcqcn.cnp_ns:
            return False
        self.notified_at = now
        return True


class Connection:
    """The QPs of one `QpSpec`. `peer_addresses` (ports, 16): the peer's, by local port."""

    def __init__(
        self,
        spec: QpSpec,
        ports: Sequence[LocalPort],
        line_bps: Sequence[int],
        settings: Settings,
        roce: Roce,
        rng: np.random.Generator,
        emit: Callable[[Event], None],
    ) -> None:
        self.qpn = spec.qpn
        self.roce = roce
        self.failed = False
        self._spec = spec
        self._ports = tuple(ports)
        self._line_bps = tuple(line_bps)
        self._settings = settings
        self._posted = 0
        peer = [np.frombuffer(spec.peer.get(port.plane, bytes(16)), np.uint8) for port in ports]
        self.peer_addresses: npt.NDArray[np.uint8] = np.array(peer).reshape(-1, 16)
        drawn = _SOURCE_PORTS[0] + rng.choice(_SOURCE_PORTS[1] - _SOURCE_PORTS[0], roce.qps, replace=False)
        made: list[Qp] = []
        for place, source_port in enumerate(drawn.tolist()):
            number = path_of(source_port, len(spec.paths))
            port = spec.paths[number].port
            head, control = self._begin(place, source_port, number)
            requestor = Requestor(
                spec.qpn, spec.start_psn, head, number, settings, roce, line_bps[port], emit
            )
            qpn = spec.qpn | place << QPN_SHIFT
            made.append(Qp(self, place, qpn, source_port, port, control, requestor))
        self.qps = tuple(made)

    def _begin(self, place: int, source_port: int, number: int) -> tuple[Head, bytes]:
        """What data packets of QP number `place` begin with on the path `number`, and its control packets."""
        spec, settings = self._spec, self._settings
        path = spec.paths[number]
        port = self._ports[path.port]
        flow = FlowAddress(
            port.mac, port.next_mac, path.carrier, port.address, spec.peer[path.plane], path.ev
        )
        dqp = spec.peer_qpn | place << QPN_SHIFT
        data, control = settings.dscp.no_trim << 2 | ECN_ECT0, settings.dscp.control << 2
        first, answer = (begin(flow, settings.udp_port, c, dqp, source_port) for c in (data, control))
        return Head(np.frombuffer(first, np.uint8), path.port), answer

    def peer_of(self, qp: Qp) -> bytes:
        """The peer's address in the plane of the QP's path."""
        return self._spec.peer[self._ports[qp.port].plane]

    def move(self, qp: Qp, port: int) -> None:
        """Lead a QP by another local port, if a path to the peer begins there."""
        numbers = [number for number, path in enumerate(self._spec.paths) if path.port == port]
        if numbers:
            head, qp.control = self._begin(qp.place, qp.source_port, numbers[0])
            qp.port = port
            qp.requestor.move(head, numbers[0], self._line_bps[port])

    def post(self, source: Region, offset: int, length: int, address: int, rkey: int) -> tuple[int, Qp]:
        """Queue a write on the next QP; its number, and that QP. On a failed one nothing comes of it."""
        number = self._posted
        self._posted += 1
        qp = self.qps[number % len(self.qps)]
        if not self.failed:
            qp.requestor.post(number, source, offset, length, address, rkey)
        return number, qp

    def is_peer(self, port: int, frame: npt.NDArray[np.uint8]) -> bool:
        """Whether a frame that came by a local port is from the peer's address in its plane."""
        return bool((frame[INNER + 8 : INNER + 24] == self.peer_addresses[port]).all())

    def sent(self) -> Counters:
        """The books of all QPs' sending halves."""
        books = [qp.requestor.counters for qp in self.qps]
        return Counters(*(sum(getattr(one, name.name) for one in books) for name in fields(Counters)))

    def evs(self) -> tuple[EvStatus, ...]:
        """Every path to the peer; those that a QP is on are active. RoCE keeps no state of paths."""
        return tuple(
            EvStatus(
                ev=path.ev,
                plane=path.plane,
                port=path.port,
                state=State.GOOD,
                active=bool(mine := [qp.requestor for qp in self.qps if qp.requestor.path == number]),
                out=False,
                sent=sum(one.counters.sent for one in mine),
                lost=sum(one.counters.lost for one in mine),
                rtt=None,
                cause="",
            )
            for number, path in enumerate(self._spec.paths)
        )
