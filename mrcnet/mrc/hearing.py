"""What control packets, endpoint operations and trimmed writes mean to an end point (spec 2.12, 4.7)."""

from __future__ import annotations

from collections import Counter

from mrcnet.mrc.landing import is_write
from mrcnet.mrc.portstatus import PortStatus
from mrcnet.mrc.qp import LocalPort, Qp
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire import control, layout
from mrcnet.mrc.wire.frames import RxBatch, view
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
        fields = view(batch.buffer[row : row + 1], batch.at, layout.COMMON)[0]
        opcode = int(fields["opcode"])
        length = _BODY.get(opcode)
        if length is None or end - layout.ICRC - layout.EXT < length:
            self._drops["unknown opcode" if length is None else "bad length"] += 1
            return
        start = batch.at + layout.EXT
        body = batch.buffer[row, start : start + length].tobytes()
        dqp = int(fields["dqp"]) & PSN_MASK
        source = _source(batch, row)
        if dqp == QPN_ENDPOINT:
            self._on_endpoint(opcode, body, int(fields["psn"]) & 0xFFFF, source, now)
            return
        qp = self._qps.get(dqp)
        if qp is None or not qp.is_peer(int(batch.port[row]), source):
            self._drops["unknown QP"] += 1
        elif opcode == Opcode.SACK:
            sack = control.Sack.unpack(body)
            probed = qp.prober.on_answer(sack.trigger, sack.mark, now) if sack.probe else None
            qp.requestor.on_sack(sack, bool(int(fields["flags"]) & FLAG_RETRANSMISSION), probed, now)
        elif opcode == Opcode.PROBE:
            probe_id, stamp = control.unpack_probe(body)
            form = self.settings.ev_format
            entropy = int(form.join(fields["sport"].reshape(1), fields["inner_class"].reshape(1))[0])
            marked = (int(fields["outer_class"]) >> 20 & 3) == ECN_CE
            qp.responder.answer_probe(probe_id, entropy, stamp, marked)
        elif opcode == Opcode.TRANSPORT_ACK:
            psn = int(fields["psn"]) & PSN_MASK
            qp.requestor.on_transport_ack(control.TransportAck.unpack(body, psn), now)
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
        fields = view(batch.buffer[row : row + 1], batch.at, layout.COMMON)
        qp = self._qps.get(int(fields["dqp"][0]) & PSN_MASK)
        known = qp is not None and qp.is_peer(int(batch.port[row]), _source(batch, row))
        if qp is None or not known or not is_write(fields["opcode"])[0]:
            self._drops["unknown QP"] += 1
            return
        if not self.settings.trim_nack:
            self._drops["trimmed"] += 1
            return
        qp.responder.counters.trimmed += 1
        lasthop = int(fields["outer_class"][0]) >> 22 & 0x3F == self.settings.dscp.trimmed_lasthop
        stamp_at = batch.at + layout.EXT + layout.METH_LEN
        stamped = int(fields["flags"][0]) & FLAG_TIMESTAMP
        stamp = int.from_bytes(batch.buffer[row, stamp_at : stamp_at + 2].tobytes(), "big") if stamped else 0
        entropy = int(self.settings.ev_format.join(fields["sport"], fields["inner_class"])[0])
        reason = NackReason.TRIMMED_LASTHOP if lasthop else NackReason.TRIMMED
        qp.responder.refuse(reason, int(fields["psn"][0]) & PSN_MASK, entropy, stamp)


def _source(batch: RxBatch, row: int) -> bytes:
    """The inner source address of a frame."""
    first = batch.at + layout.INNER + 8
    return batch.buffer[row, first : first + 16].tobytes()
