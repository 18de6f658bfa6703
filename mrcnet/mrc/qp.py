"""One QP: both halves, the EVs they share, and the framing of what they send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.attributes import Attributes, QpState, agree, offer, step
from mrcnet.mrc.events import Event, Failure, QpFailed
from mrcnet.mrc.evs import Cause, EvPath, EvSet, EvStatus
from mrcnet.mrc.framing import Heads, frame_writes
from mrcnet.mrc.nscc import Nscc
from mrcnet.mrc.prober import Probe, Prober
from mrcnet.mrc.requestor import Requestor
from mrcnet.mrc.responder import Report, Responder
from mrcnet.mrc.reverse import ReverseEvs
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.spray import Spray
from mrcnet.mrc.window import FixedWindow
from mrcnet.mrc.wire import control, icrc, layout
from mrcnet.mrc.wire.control import Nack, TransportAck
from mrcnet.mrc.wire.frames import FlowAddress, TxBatch, head, view
from mrcnet.mrc.wire.numbers import (
    ECN_ECT0,
    FLAG_RETRANSMISSION,
    QPN_ENDPOINT,
    EndpointOp,
    Opcode,
)

Room = npt.NDArray[np.int64]
_ENDS_MESSAGE = np.zeros(256, np.bool_)
_HAS_IMM = np.zeros(256, np.bool_)
_HAS_IMM[[Opcode.WRITE_LAST_IMM, Opcode.WRITE_ONLY_IMM]] = True
_ENDS_MESSAGE[[Opcode.WRITE_LAST, Opcode.WRITE_LAST_IMM, Opcode.WRITE_ONLY, Opcode.WRITE_ONLY_IMM]] = True


@dataclass(frozen=True, slots=True)
class LocalPort:
    """One NIC port (spec 1.1: a plane, a netdev, an address): MACs of both ends, 16-byte address."""

    plane: int
    mac: bytes
    next_mac: bytes
    address: bytes


@dataclass(frozen=True, slots=True)
class QpSpec:
    """What two sides agree on out of band (spec 1.2). `peer` maps planes to the peer's addresses."""

    qpn: int
    peer_qpn: int
    start_psn: int
    peer_start_psn: int
    peer: dict[int, bytes]
    paths: tuple[EvPath, ...]
    denied: tuple[int, ...] = ()  # spec 4.1: EVs excluded before traffic starts
    peer_offer: Attributes | None = None  # None: the peer has the settings of this side


class Qp:
    """Requestor and responder of one connection, and their frames."""

    def __init__(
        self,
        spec: QpSpec,
        ports: Sequence[LocalPort],
        settings: Settings,
        rng: np.random.Generator,
        emit: Callable[[Event], None],
    ) -> None:
        self.spec = spec
        self.state = QpState.RESET
        self._report = emit
        own = offer(settings, spec.qpn, spec.start_psn)
        theirs = spec.peer_offer or offer(settings, spec.peer_qpn, spec.peer_start_psn)
        self.sending, self.receiving = agree(own, theirs), agree(theirs, own)  # spec 1.2, per direction
        dynamic = self.sending.dynamic_mpr
        emit = self._emit
        incoming = replace(settings, dynamic_mpr=dynamic)
        settings = replace(
            settings,
            mpr_units=self.sending.mpr_units,
            max_wimm=self.sending.max_wimm,
            dynamic_mpr=dynamic,
        )
        self._settings = settings
        self.evs = EvSet(spec.qpn, spec.paths, settings, rng, emit, spec.denied)
        self.requestor = Requestor(
            spec.qpn,
            spec.start_psn,
            self.evs,
            Spray(self.evs, settings, rng),
            Nscc(settings.nscc) if settings.nscc else FixedWindow(settings.window_bytes),
            settings,
            emit,
        )
        self.responder = Responder(spec.qpn, spec.peer_qpn, spec.peer_start_psn, incoming, emit)
        self.prober = Prober(self.evs, self.requestor, settings)
        self.reverse = ReverseEvs(self.evs, settings, rng)
        self._ports = tuple(ports)
        self._flows = [self._flow(path) for path in spec.paths]
        self._made: dict[tuple[int, int, int], bytes] = {}  # heads by EV, class and destination QP
        dscp = settings.dscp
        # spec 2.14: what the peer would not answer with a NACK must not be trimmed
        trims = self.sending.trim_nack
        self._data_class = (dscp.trimmable if trims else dscp.no_trim) << 2 | ECN_ECT0
        self._again_class = (dscp.trimmable_retx if trims else dscp.no_trim) << 2 | ECN_ECT0
        self._control_class = dscp.control << 2
        self._heads = self._write_heads()
        peer = [np.frombuffer(spec.peer.get(port.plane, bytes(16)), np.uint8) for port in ports]
        self.peer_addresses = np.array(peer).reshape(-1, 16)  # by local port, whose plane is theirs

    # ---- states (spec 1.1, 1.3) ----------------------------------------------------------------

    def move(self, state: QpState, now: int) -> None:
        """The next state. ValueError for a step that there is not. RESET and ERROR flush what is posted."""
        self.state = step(self.state, state)
        if state in (QpState.ERROR, QpState.RESET):
            self.requestor.stop(Failure.FLUSHED, now)
            self.responder.stop(now)

    def _emit(self, event: Event) -> None:
        self._report(event)
        if isinstance(event, QpFailed) and self.state is not QpState.ERROR:
            self.move(QpState.ERROR, event.at)  # when one half fails, so does the other

    def is_peer(self, port: int, address: bytes) -> bool:
        """Whether an address is the peer's in the plane of a local port."""
        return bytes(self.peer_addresses[port]) == address

    def _flow(self, path: EvPath) -> FlowAddress:
        port = self._ports[path.port]
        return FlowAddress(
            port.mac, port.next_mac, path.carrier, port.address, self.spec.peer[path.plane], path.ev
        )

    def replace(self, ev: int, path: EvPath, now: int) -> None:
        """spec 4.1: another path takes the place of `ev`. ValueError as of `EvSet.replace`."""
        number = self.evs.number(ev)
        self.evs.replace(number, path, now)
        self._flows[number] = self._flow(path)
        self._made = {key: made for key, made in self._made.items() if key[0] != number}
        first = self._head(number, self._data_class, self.spec.peer_qpn)
        self._heads.rows[number, : layout.EXT] = np.frombuffer(first, np.uint8)

    def deny(self, ev: int, now: int) -> None:
        """The controller takes an EV out for as long as it wants. ValueError if it is unknown."""
        self.evs.move(self.evs.number(ev), Cause.DENY, now)

    def allow(self, ev: int, now: int) -> None:
        """The controller gives a denied EV back (spec 4.3). ValueError if it is unknown."""
        self.evs.move(self.evs.number(ev), Cause.ALLOW, now)

    def query(self) -> tuple[EvStatus, ...]:
        """Every EV as it stands."""
        return self.evs.query()

    def _head(self, number: int, traffic_class: int, dqp: int) -> bytes:
        key = number, traffic_class, dqp
        made = self._made.get(key)
        if made is None:
            form, udp_port = self._settings.ev_format, self._settings.udp_port
            made = self._made[key] = head(self._flows[number], form, udp_port, traffic_class, dqp)
        return made

    def _write_heads(self) -> Heads:
        """All that the writes on one EV have in common."""
        heads = np.zeros((len(self._flows), layout.WRITE_HEAD), np.uint8)
        for number in range(len(self._flows)):
            first = self._head(number, self._data_class, self.spec.peer_qpn)
            heads[number, : layout.EXT] = np.frombuffer(first, np.uint8)
        view(heads, 0, layout.WRITE)["timestamp_unit"] = layout.TIMESTAMP_UNIT_OWN | layout.TIMESTAMP_FTYPE
        return Heads(heads, self.evs.port, self._data_class ^ self._again_class)

    # ---- writes --------------------------------------------------------------------------------

    def fill(self, out: TxBatch, count: int, room: Room, now: int) -> int:
        """Frame up to `count` packets into `out`; returns how many. `room` shrinks by what each port took."""
        requestor = self.requestor
        psn, ev = requestor.take(count, room, now)
        if not len(psn):
            return 0
        ask = requestor.near_full(len(psn))
        if not requestor.sendable():
            ask = max(ask, 1)  # the window is closed: the answer opens it
        start = out.count
        frame_writes(out, psn, ev, requestor, self._heads, layout.timestamp(now), ask, room)
        if self._settings.icrc:
            icrc.seal(out.buffer, np.arange(start, out.count), out.length[start : out.count])
        return len(psn)

    # ---- control -------------------------------------------------------------------------------

    def send_report(self, report: Report | Nack | TransportAck, out: TxBatch, room: Room) -> None:
        """One SACK, NACK or Transport ACK, in the control class, on a reverse EV, if any (spec 3.9)."""
        number = self.reverse.pick(room)
        if number is None:
            return
        if isinstance(report, Nack):
            first = self._head(number, self._control_class, self.spec.peer_qpn)
            port = self._take_room(number, room)
            control.append(out, first, port, Opcode.NACK, report.pack(), report.psn)  # spec 2.12
            return
        if isinstance(report, TransportAck):
            first = self._head(number, self._control_class, self.spec.peer_qpn)
            port = self._take_room(number, room)
            control.append(out, first, port, Opcode.TRANSPORT_ACK, report.pack(), report.psn)
            return
        flags = FLAG_RETRANSMISSION if report.rtx else 0
        first = self._head(number, self._control_class, self.spec.peer_qpn)
        control.append(
            out,
            first,
            self._take_room(number, room),
            Opcode.SACK,
            report.sack.pack(),
            report.sack.cack,
            flags,
        )

    def send_probe(self, probe: Probe, out: TxBatch, room: Room, now: int) -> None:
        """One reliability probe, in the data class, on the EV under test (spec 2.14, 4.7)."""
        body = control.pack_probe(
            probe.number, self.spec.qpn, self.spec.peer_qpn, layout.timestamp(now), layout.TIMESTAMP_UNIT_OWN
        )
        first = self._head(probe.ev, self._data_class, self.spec.peer_qpn)
        self.requestor.counters.probes += 1
        control.append(out, first, self._take_room(probe.ev, room), Opcode.PROBE, body)

    def send_ev_probe(self, number: int, request: int, out: TxBatch, room: Room, now: int) -> None:
        """One EV probe to the peer's node (spec 2.10, 2.12)."""
        body = control.pack_request(EndpointOp.EV_PROBE, 0, layout.timestamp(now), layout.TIMESTAMP_UNIT_OWN)
        first = self._head(number, self._control_class, QPN_ENDPOINT)
        control.append(out, first, self._take_room(number, room), Opcode.ENDPOINT_REQUEST, body, request)

    def send_port_status(self, mask: int, request: int, out: TxBatch, room: Room, now: int) -> None:
        """Which ports of this side are usable (spec 2.10), on a healthy plane (4.7)."""
        number = self.reverse.pick(room)
        if number is None:
            return
        unit = layout.TIMESTAMP_UNIT_OWN
        body = control.pack_request(EndpointOp.PORT_STATUS_UPDATE, mask, layout.timestamp(now), unit)
        first = self._head(number, self._control_class, QPN_ENDPOINT)
        control.append(out, first, self._take_room(number, room), Opcode.ENDPOINT_REQUEST, body, request)

    def send_response(self, request: int, op: int, stamp: int, out: TxBatch, room: Room) -> None:
        """The answer to an endpoint request, always in the control class (spec 2.14)."""
        number = self.reverse.pick(room)
        if number is None:
            return
        first = self._head(number, self._control_class, QPN_ENDPOINT)
        body = control.pack_response(EndpointOp(op), stamp)
        control.append(out, first, self._take_room(number, room), Opcode.ENDPOINT_RESPONSE, body, request)

    def _take_room(self, number: int, room: Room) -> int:
        port = int(self.evs.port[number])
        room[port] -= 1
        return port
