"""What control packets, endpoint operations and trimmed writes mean to an end point (spec 2.12, 4.7)."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass

import numpy as np

from mrcnet.mrc.landing import is_write
from mrcnet.mrc.portstatus import PortStatus
from mrcnet.mrc.qp import LocalPort, Qp
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire import control, layout
from mrcnet.mrc.wire.frames import RxBatch
from mrcnet.mrc.wire.numbers import (
    ECN_CE,
    FLAG_RETRANSMISSION,
    FLAG_TIMESTAMP,
    PSN_MASK,
    QPN_ENDPOINT,
    EndpointOp,
    NackReason,
    Opcode,
)

_ANSWERS = 128  # endpoint requests that wait for their answers: a storm is not answered in kind
_PROBES = 1 << 12  # EV probes on their way: the oldest count as unanswered
_OPS = tuple(EndpointOp)
_BODY: dict[int, int] = {
    Opcode.TRANSPORT_ACK: layout.AETH_LEN,
    Opcode.SACK: layout.SACK_LEN,
    Opcode.NACK: layout.NETH_LEN,
    Opcode.PROBE: layout.PETH_LEN,
    Opcode.ENDPOINT_REQUEST: layout.ERTH_LEN,
    Opcode.ENDPOINT_RESPONSE: layout.EETH_LEN,
}


# From the outer traffic class to the BTH's PSN: outer, inner, source, UDP source port, opcode, DQP, PSN
_HEAD = struct.Struct(">14xI36xI4x16s16xH6xB3xII")


@dataclass(frozen=True, slots=True)
class Head:
    """What the headers of one frame say. Traffic classes are whole, the label is the inner one's."""

    outer_class: int
    label: int
    source: bytes
    sport: int
    opcode: int
    dqp: int
    flags: int
    psn: int

    @classmethod
    def of(cls, batch: RxBatch, row: int) -> Head:
        """Of a row of a batch, which is long enough."""
        outer, inner, source, sport, opcode, dqp, last = _HEAD.unpack_from(batch.buffer[row], batch.at)
        flags, psn = last >> 24, last & PSN_MASK
        return cls(outer >> 20 & 0xFF, inner & 0xFFFFF, source, sport, opcode, dqp & PSN_MASK, flags, psn)


class Hearing:
    """Reads what is no write. `answers` are owed to endpoint requests: (QP, request id, op, timestamp)."""

    def __init__(
        self,
        ports: tuple[LocalPort, ...],
        settings: Settings,
        qps: dict[int, Qp],
        drops: Counter[str],
    ) -> None:
        self.ports = PortStatus(ports, settings, qps, self.request)
        self.settings = settings
        self.answers: list[tuple[Qp, int, int, int]] = []
        self._qps = qps
        self._drops = drops
        self._peers: dict[bytes, Qp] = {}
        self._ev_probes: dict[int, tuple[Qp, int]] = {}  # request id -> QP, EV
        self._next_request = 0

    def know(self, qp: Qp, now: int) -> None:
        """Take endpoint operations from the addresses of the QP's peer."""
        for address in qp.spec.peer.values():
            self._peers[address] = qp
        self.ports.know(qp, now)

    def forget(self, qp: Qp) -> None:
        """The QP is gone: nothing is owed to it or expected for it; its peer may have others here."""
        self._peers = {address: known for address, known in self._peers.items() if known is not qp}
        self.answers = [answer for answer in self.answers if answer[0] is not qp]
        self._ev_probes = {number: probe for number, probe in self._ev_probes.items() if probe[0] is not qp}
        for other in self._qps.values():
            self._peers |= dict.fromkeys(other.spec.peer.values(), other)
        self.ports.forget(qp)

    def request(self) -> int:
        """A fresh request id, 16 bits (spec 2.12)."""
        self._next_request = (self._next_request + 1) & 0xFFFF
        return self._next_request

    def await_probe(self, request: int, qp: Qp, ev: int) -> None:
        """An EV probe leaves: its answer will be the QP's."""
        self._ev_probes[request] = (qp, ev)
        if len(self._ev_probes) > _PROBES:
            del self._ev_probes[next(iter(self._ev_probes))]

    def take(self, batch: RxBatch, row: int, end: int, now: int) -> None:
        """One sound packet that is no write."""
        head = Head.of(batch, row)
        opcode = head.opcode
        length = _BODY.get(opcode)
        if length is None or end - layout.ICRC - layout.EXT < length:
            self._drops["unknown opcode" if length is None else "bad length"] += 1
            return
        start = batch.at + layout.EXT
        body = batch.buffer[row, start : start + length].tobytes()
        if head.dqp == QPN_ENDPOINT:
            self._on_endpoint(opcode, body, head.psn & 0xFFFF, head.source, now)
            return
        qp = self._qps.get(head.dqp)
        if qp is None or not qp.is_peer(int(batch.port[row]), head.source):
            self._drops["unknown QP"] += 1
        elif opcode == Opcode.SACK:
            sack = control.Sack.unpack(body)
            probed = qp.prober.on_answer(sack.trigger, sack.mark, now) if sack.probe else None
            qp.requestor.on_sack(sack, bool(head.flags & FLAG_RETRANSMISSION), probed, now)
        elif opcode == Opcode.PROBE:
            probe_id, stamp = control.unpack_probe(body)
            marked = head.outer_class & 3 == ECN_CE
            qp.responder.answer_probe(probe_id, self._ev(head), stamp, marked)
        elif opcode == Opcode.TRANSPORT_ACK:
            qp.requestor.on_transport_ack(control.TransportAck.unpack(body, head.psn), now)
        elif opcode == Opcode.NACK:
            qp.requestor.on_nack(control.Nack.unpack(body), now)
        else:
            self._drops["unknown opcode"] += 1

    def _on_endpoint(self, opcode: int, body: bytes, request: int, source: bytes, now: int) -> None:
        """spec 4.7: operations of the node, not of a QP; answered to peers only."""
        peer = self._peers.get(source)
        if peer is None:
            self._drops["unknown peer"] += 1
        elif opcode == Opcode.ENDPOINT_REQUEST:
            op, mask, stamp = control.unpack_request(body)
            if op == EndpointOp.PORT_STATUS_UPDATE:
                self.ports.on_update(peer, request, mask, now)
            if op in _OPS and len(self.answers) < _ANSWERS:
                self.answers.append((peer, request, op, stamp))
        elif opcode == Opcode.ENDPOINT_RESPONSE:
            known = self._ev_probes.pop(request, None)
            if known is not None:
                known[0].reverse.on_answer(known[1])
            else:
                self.ports.on_answer(request)
        else:
            self._drops["unknown opcode"] += 1

    def take_trimmed(self, batch: RxBatch, row: int) -> None:
        """spec 3.1 step 1: a trimmed write is answered with a NACK, never placed, never counted as come.

        What names it must have survived: DSCP, EV, DQP, PSN and timestamp (spec 6.6).
        """
        head = Head.of(batch, row)
        qp = self._qps.get(head.dqp)
        known = qp is not None and qp.is_peer(int(batch.port[row]), head.source)
        if qp is None or not known or not is_write(np.array([head.opcode]))[0]:
            self._drops["unknown QP"] += 1
            return
        if not self.settings.trim_nack:
            self._drops["trimmed"] += 1
            return
        qp.responder.counters.trimmed += 1
        lasthop = head.outer_class >> 2 == self.settings.dscp.trimmed_lasthop
        stamp_at = batch.at + layout.EXT + layout.METH_LEN
        stamped = head.flags & FLAG_TIMESTAMP
        stamp = int.from_bytes(batch.buffer[row, stamp_at : stamp_at + 2].tobytes(), "big") if stamped else 0
        reason = NackReason.TRIMMED_LASTHOP if lasthop else NackReason.TRIMMED
        qp.responder.refuse(reason, head.psn, self._ev(head), stamp)

    def _ev(self, head: Head) -> int:
        return self.settings.ev_format.join(head.sport, head.label)
