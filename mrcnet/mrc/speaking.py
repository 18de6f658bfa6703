"""What a QP says besides writes: SACKs, NACKs, Transport ACKs, probes, endpoint operations (spec 2.12)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.evs import EvSet
from mrcnet.mrc.headers import Headers
from mrcnet.mrc.prober import Probe
from mrcnet.mrc.responder import Report
from mrcnet.mrc.reverse import ReverseEvs
from mrcnet.mrc.wire import control, layout
from mrcnet.mrc.wire.control import Nack, TransportAck
from mrcnet.mrc.wire.frames import TxBatch
from mrcnet.mrc.wire.numbers import FLAG_RETRANSMISSION, QPN_ENDPOINT, EndpointOp, Opcode

Room = npt.NDArray[np.int64]


class Speaking:
    """Each call appends one frame to `out`, which must have room for it, and takes it from its port's `room`.

    What goes on a reverse EV is dropped when no EV may carry it: the peer asks again.
    """

    def __init__(self, qpn: int, peer_qpn: int, evs: EvSet, headers: Headers, reverse: ReverseEvs) -> None:
        self._qpn = qpn
        self._peer_qpn = peer_qpn
        self._evs = evs
        self._headers = headers
        self._reverse = reverse

    def report(self, report: Report | Nack | TransportAck, out: TxBatch, room: Room) -> None:
        """A SACK, NACK or Transport ACK, in the control class, on a reverse EV (spec 3.9)."""
        number = self._reverse.pick(room)
        if number is None:
            return
        head = self._headers.of(number, self._headers.control, self._peer_qpn)
        port = self._take_room(number, room)
        if isinstance(report, Nack):
            control.append(out, head, port, Opcode.NACK, report.pack(), report.psn)  # spec 2.12
        elif isinstance(report, TransportAck):
            control.append(out, head, port, Opcode.TRANSPORT_ACK, report.pack(), report.psn)
        else:
            flags = FLAG_RETRANSMISSION if report.rtx else 0
            control.append(out, head, port, Opcode.SACK, report.sack.pack(), report.sack.cack, flags)

    def probe(self, probe: Probe, out: TxBatch, room: Room, now: int) -> None:
        """A reliability probe, in the data class, on the EV under test (spec 2.14, 4.7)."""
        body = control.pack_probe(
            probe.number, self._qpn, self._peer_qpn, layout.timestamp(now), layout.TIMESTAMP_UNIT_OWN
        )
        head = self._headers.of(probe.ev, self._headers.data, self._peer_qpn)
        control.append(out, head, self._take_room(probe.ev, room), Opcode.PROBE, body)

    def ev_probe(self, number: int, request: int, out: TxBatch, room: Room, now: int) -> None:
        """An EV probe to the peer's node (spec 2.10, 2.12)."""
        self._request(number, EndpointOp.EV_PROBE, 0, request, out, room, now)

    def port_status(self, mask: int, request: int, out: TxBatch, room: Room, now: int) -> None:
        """Which ports of this side are usable (spec 2.10), on a healthy plane (4.7)."""
        number = self._reverse.pick(room)
        if number is not None:
            self._request(number, EndpointOp.PORT_STATUS_UPDATE, mask, request, out, room, now)

    def response(self, request: int, op: int, stamp: int, out: TxBatch, room: Room) -> None:
        """The answer to an endpoint request, always in the control class (spec 2.14)."""
        number = self._reverse.pick(room)
        if number is not None:
            body = control.pack_response(EndpointOp(op), stamp)
            self._to_node(number, Opcode.ENDPOINT_RESPONSE, body, request, out, room)

    def _request(
        self, number: int, op: EndpointOp, mask: int, request: int, out: TxBatch, room: Room, now: int
    ) -> None:
        body = control.pack_request(op, mask, layout.timestamp(now), layout.TIMESTAMP_UNIT_OWN)
        self._to_node(number, Opcode.ENDPOINT_REQUEST, body, request, out, room)

    def _to_node(
        self, number: int, opcode: Opcode, body: bytes, request: int, out: TxBatch, room: Room
    ) -> None:
        head = self._headers.of(number, self._headers.control, QPN_ENDPOINT)
        control.append(out, head, self._take_room(number, room), opcode, body, request)

    def _take_room(self, number: int, room: Room) -> int:
        port = int(self._evs.port[number])
        room[port] -= 1
        return port
