"""One host's end point: its QPs and memory behind five verbs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.events import Event
from mrcnet.mrc.intake import Intake
from mrcnet.mrc.memory import Region, scatter
from mrcnet.mrc.qp import LocalPort, Qp, QpSpec
from mrcnet.mrc.requestor import NEVER
from mrcnet.mrc.responder import Arrivals
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire import control, layout
from mrcnet.mrc.wire.frames import RxBatch, TxBatch, view
from mrcnet.mrc.wire.numbers import (
    ECN_CE,
    FLAG_ACK_REQUEST,
    FLAG_RETRANSMISSION,
    FLAG_TIMESTAMP,
    PSN_MASK,
    QPN_ENDPOINT,
    EndpointOp,
    NackReason,
    Opcode,
)

_QUANTUM = 32  # packets of one QP in its turn: fewer would waste what a batch costs
BATCH = 128  # frames per call: large enough to carry NumPy's overhead, small enough to stay in the cache

_IS_WRITE = np.zeros(256, np.bool_)
_IS_WRITE[Opcode.WRITE_FIRST : Opcode.WRITE_ONLY_IMM + 1] = True
_HAS_IMM = np.zeros(256, np.bool_)
_HAS_IMM[[Opcode.WRITE_LAST_IMM, Opcode.WRITE_ONLY_IMM]] = True
_ENDS = np.zeros(256, np.bool_)
_ENDS[[Opcode.WRITE_LAST, Opcode.WRITE_LAST_IMM, Opcode.WRITE_ONLY, Opcode.WRITE_ONLY_IMM]] = True
_BODY: dict[int, int] = {
    Opcode.SACK: layout.SACK_LEN,
    Opcode.NACK: layout.NETH_LEN,
    Opcode.PROBE: layout.PETH_LEN,
    Opcode.ENDPOINT_REQUEST: layout.ERTH_LEN,
    Opcode.ENDPOINT_RESPONSE: layout.EETH_LEN,
}


class Endpoint:
    """A host. Time is fabric nanoseconds, `room` is frames per local port."""

    def __init__(self, ports: Sequence[LocalPort], settings: Settings, rng: np.random.Generator) -> None:
        self.ports = tuple(ports)
        self.settings = settings
        self.qps: dict[int, Qp] = {}
        self.delivered_bytes = np.zeros(len(ports), np.int64)  # payload placed, per local port
        self._rng = rng
        self._intake = Intake(ports, settings)
        self._regions: dict[int, Region] = {}
        self._events: list[Event] = []
        self._out = TxBatch(BATCH, settings.payload, icrc=settings.icrc)
        self._turn = 0
        self._answers: list[tuple[Qp, int, int, int]] = []
        self._ev_probes: dict[int, tuple[Qp, int]] = {}  # request id -> QP, EV
        self._next_request = 0
        self._peers: dict[bytes, Qp] = {}

    @property
    def drops(self) -> dict[str, int]:
        """Frames refused, by cause."""
        return dict(self._intake.drops)

    def register(self, data: npt.NDArray[np.uint8], address: int) -> Region:
        """Open `data` (size) to the peers' writes; the rkey is drawn at random."""
        rkey = int(self._rng.integers(1, 1 << 32))
        while rkey in self._regions:
            rkey = int(self._rng.integers(1, 1 << 32))
        region = Region(data, address, rkey)
        self._regions[rkey] = region
        return region

    def connect(self, spec: QpSpec) -> Qp:
        """A QP ready to send and receive; both sides know each other's numbers and start PSNs."""
        qp = Qp(spec, self.ports, self.settings, self._rng, self._events.append)
        self.qps[spec.qpn] = qp
        for address in spec.peer.values():
            self._peers[address] = qp
        return qp

    # ---- the five verbs ------------------------------------------------------------------------

    def post_write(self, qpn: int, source: Region, offset: int, length: int, address: int, rkey: int) -> int:
        """Queue an RDMA Write; returns the message's number. ValueError if it is no valid message."""
        if not 1 <= length < 1 << 32:  # spec 1.1
            raise ValueError(f"a message has 1 to 2^32 - 1 bytes, not {length}")
        if offset < 0 or offset + length > len(source.data):
            raise ValueError(f"bytes {offset} to {offset + length} are not in a source of {len(source.data)}")
        return self.qps[qpn].requestor.post(source, offset, length, address, rkey)

    def frames_to_send(self, now: int, room: npt.NDArray[np.int64]) -> TxBatch:
        """What may leave now, control first, then writes, QPs in rotation. The batch is reused."""
        out = self._out
        out.count = 0
        room = room.copy()
        while self._answers and out.room:
            qp, request, op, stamp = self._answers.pop(0)
            qp.send_response(request, op, stamp, out, room)
        qps = list(self.qps.values())
        for qp in qps:
            self._control(qp, out, room, now)
        self._turn += 1
        first = self._turn % len(qps) if qps else 0
        ready = [qp for qp in qps[first:] + qps[:first] if qp.requestor.sendable()]
        for qp in ready:
            if not out.room:
                break
            qp.fill(out, min(out.room, max(_QUANTUM, BATCH // len(ready))), room, now)
        return out

    def _control(self, qp: Qp, out: TxBatch, room: npt.NDArray[np.int64], now: int) -> None:
        if qp.responder.has_reports:
            for report in qp.responder.reports(out.room):
                qp.send_report(report, out, room)
        qp.requestor.on_timer(now)
        if out.room and qp.prober.next_timer() <= now:
            for probe in qp.prober.due(now, out.room):
                qp.send_probe(probe, out, room, now)
        if out.room and (number := qp.reverse.due(now)) is not None:
            self._next_request = (self._next_request + 1) & 0xFFFF
            self._ev_probes[self._next_request] = (qp, number)
            if len(self._ev_probes) > 1 << 12:
                del self._ev_probes[next(iter(self._ev_probes))]
            qp.send_ev_probe(number, self._next_request, out, room, now)

    def receive(self, batch: RxBatch, now: int) -> None:
        """Take a batch of frames; what is malformed, foreign or replayed is counted and dropped."""
        admitted = self._intake.admit(batch)
        rows, ends = admitted.rows, admitted.ends
        for row in admitted.trimmed.tolist():
            self._on_trimmed(batch, row)
        if not len(rows):
            return
        fields = view(batch.buffer, batch.at, layout.COMMON)
        opcode = fields["opcode"][rows]
        writes = _IS_WRITE[opcode]
        if writes.all():
            self._on_writes(batch, rows, ends, now)
            return
        if writes.any():
            self._on_writes(batch, rows[writes], ends[writes], now)
        for row, end in zip(rows[~writes].tolist(), ends[~writes].tolist(), strict=True):
            self._on_control(batch, row, end, now)

    def next_timer(self) -> int:
        """When `frames_to_send` will next have something to do without new input; NEVER if nothing."""
        if self._answers:
            return 0
        return min(
            (
                0
                if qp.responder.has_reports
                else min(qp.requestor.next_timer(), qp.prober.next_timer(), qp.reverse.next_timer())
                for qp in self.qps.values()
            ),
            default=NEVER,
        )

    def events(self) -> list[Event]:
        """What happened since the last call."""
        events = self._events.copy()
        self._events.clear()
        return events

    def _on_trimmed(self, batch: RxBatch, row: int) -> None:
        """spec 3.1 step 1: a trimmed write is answered with a NACK, never placed, never counted as come.

        What names it must have survived: DSCP, EV, DQP, PSN and timestamp (spec 6.6).
        """
        fields = view(batch.buffer[row : row + 1], batch.at, layout.COMMON)
        qp = self.qps.get(int(fields["dqp"][0]) & PSN_MASK)
        known = (
            qp is not None
            and qp.is_peer(batch.port[row : row + 1], fields["source_hi"], fields["source_lo"])[0]
        )
        if qp is None or not known or not _IS_WRITE[fields["opcode"][0]]:
            self._intake.drops["unknown QP"] += 1
            return
        if not self.settings.trim_nack:
            self._intake.drops["trimmed"] += 1
            return
        lasthop = int(fields["outer_class"][0]) >> 22 & 0x3F == self.settings.dscp.trimmed_lasthop
        stamp_at = batch.at + layout.EXT + layout.METH_LEN
        stamped = int(fields["flags"][0]) & FLAG_TIMESTAMP
        stamp = int.from_bytes(batch.buffer[row, stamp_at : stamp_at + 2].tobytes(), "big") if stamped else 0
        entropy = int(self.settings.ev_format.join(fields["sport"], fields["inner_class"])[0])
        reason = NackReason.TRIMMED_LASTHOP if lasthop else NackReason.TRIMMED
        qp.responder.refuse(reason, int(fields["psn"][0]) & PSN_MASK, entropy, stamp)

    # ---- receiving -----------------------------------------------------------------------------

    def _on_writes(
        self, batch: RxBatch, rows: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], now: int
    ) -> None:
        fields = view(batch.buffer, batch.at, layout.COMMON)
        dqp = fields["dqp"][rows] & PSN_MASK
        first = int(dqp[0])
        groups = [first] if (dqp == first).all() else np.unique(dqp).tolist()
        for qpn in groups:
            mine = slice(None) if len(groups) == 1 else dqp == qpn
            qp = self.qps.get(qpn)
            if qp is None:
                self._intake.drops["unknown QP"] += len(rows[mine])
                continue
            self._on_qp_writes(qp, batch, rows[mine], ends[mine], now)

    def _on_qp_writes(
        self, qp: Qp, batch: RxBatch, rows: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], now: int
    ) -> None:
        fields = view(batch.buffer, batch.at, layout.COMMON)[rows]
        stamped = (fields["flags"] & FLAG_TIMESTAMP) != 0
        if stamped.all():
            writes = view(batch.buffer, batch.at, layout.WRITE)[rows]
            timestamp = writes["timestamp"]
        elif not stamped.any():
            writes = view(batch.buffer, batch.at, layout.WRITE_BARE)[rows]
            timestamp = np.zeros(len(rows), np.uint16)
        else:  # two kinds in one batch: one after the other
            self._on_qp_writes(qp, batch, rows[stamped], ends[stamped], now)
            self._on_qp_writes(qp, batch, rows[~stamped], ends[~stamped], now)
            return
        opcode = writes["opcode"]
        head = writes.dtype.itemsize + layout.IMM_LEN * _HAS_IMM[opcode].astype(np.int64)
        size = ends - layout.ICRC - (writes["pad"] >> 4 & 3) - head
        target, offset = self._targets(writes["rkey"], writes["address"], size)
        sound = (
            (size >= 1)
            & (size <= self.settings.payload)
            & (target >= 0)
            & qp.is_peer(batch.port[rows], writes["source_hi"], writes["source_lo"])
        )
        if not sound.all():
            self._intake.drops["bad write"] += int((~sound).sum())
            rows, ends, writes, head = rows[sound], ends[sound], writes[sound], head[sound]
            size, offset, target, timestamp = size[sound], offset[sound], target[sound], timestamp[sound]
            if not len(rows):
                return
        flags = writes["flags"]
        rtx = (flags & FLAG_RETRANSMISSION) != 0
        arrivals = Arrivals(
            psn=writes["psn"] & PSN_MASK,
            entropy=self.settings.ev_format.join(writes["sport"], writes["inner_class"]),
            timestamp=timestamp,
            udp_length=writes["udp_length"],
            urgent=rtx | ((flags & FLAG_ACK_REQUEST) != 0),
            rtx=rtx,
            # spec 6.1: marks are on the outer header, the kernel does not copy them inwards
            marked=(writes["outer_class"] >> 20 & 3) == ECN_CE,
            last=_ENDS[writes["opcode"]],
        )

        def place(fresh: npt.NDArray[np.bool_]) -> None:
            """spec 3.1 step 6: to its address at once, in any order."""
            whole = fresh.all()
            chosen = np.arange(len(rows)) if whole else np.flatnonzero(fresh)
            self.delivered_bytes += np.bincount(
                batch.port[rows[chosen]], size[chosen], minlength=len(self.ports)
            ).astype(np.int64)
            for rkey in np.unique(target[chosen]).tolist():
                for at in np.unique(head[chosen]).tolist():
                    part = chosen[(target[chosen] == rkey) & (head[chosen] == at)]
                    self._place(batch, rows[part], at, self._regions[rkey], offset[part], size[part])

        qp.responder.accept(arrivals, place, now)
        qp.reverse.on_data(now)

    def _place(
        self,
        batch: RxBatch,
        rows: npt.NDArray[np.int64],
        head: int,
        region: Region,
        offset: npt.NDArray[Any],
        size: npt.NDArray[Any],
    ) -> None:
        if not len(rows):
            return
        first, last = int(rows[0]), int(rows[-1])
        together = last - first + 1 == len(rows)
        frames = batch.buffer[first : last + 1] if together else batch.buffer[rows]
        scatter(region.data, offset, frames, batch.at + head, size)

    def _targets(
        self, rkey: npt.NDArray[Any], address: npt.NDArray[Any], size: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """spec 2.6: every packet's region (its rkey, -1 if none holds the bytes) and the offset there."""
        target = np.full(len(rkey), -1, np.int64)
        offset = np.zeros(len(rkey), np.int64)
        address = address.astype(np.uint64)
        first = int(rkey[0])
        for key in [first] if (rkey == first).all() else np.unique(rkey).tolist():
            region = self._regions.get(key)
            if region is None:
                continue
            mine = (rkey == key) & (size > 0)
            mine &= region.holds(address, np.maximum(size, 0))
            target[mine] = key
            offset[mine] = (address[mine] - np.uint64(region.address)).astype(np.int64)
        return target, offset

    def _on_control(self, batch: RxBatch, row: int, end: int, now: int) -> None:
        fields = view(batch.buffer[row : row + 1], batch.at, layout.COMMON)[0]
        opcode = int(fields["opcode"])
        length = _BODY.get(opcode)
        if length is None or end - layout.ICRC - layout.EXT < length:
            self._intake.drops["unknown opcode" if length is None else "bad length"] += 1
            return
        start = batch.at + layout.EXT
        body = batch.buffer[row, start : start + length].tobytes()
        dqp = int(fields["dqp"]) & PSN_MASK
        if dqp == QPN_ENDPOINT:
            source = batch.buffer[row, batch.at + layout.INNER + 8 : batch.at + layout.INNER + 24].tobytes()
            self._on_endpoint(opcode, body, int(fields["psn"]) & 0xFFFF, source)
            return
        qp = self.qps.get(dqp)
        port = batch.port[row : row + 1]
        if qp is None or not qp.is_peer(port, fields["source_hi"], fields["source_lo"]).all():
            self._intake.drops["unknown QP"] += 1
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
        elif opcode == Opcode.NACK:
            qp.requestor.on_nack(control.Nack.unpack(body), now)
        else:
            self._intake.drops["unknown opcode"] += 1

    def _on_endpoint(self, opcode: int, body: bytes, request: int, source: bytes) -> None:
        """spec 4.7: operations of the node, not of a QP; answered to peers only."""
        peer = self._peers.get(source)
        if peer is None:
            self._intake.drops["unknown peer"] += 1
        elif opcode == Opcode.ENDPOINT_REQUEST:
            op, _, stamp = control.unpack_request(body)
            if op == EndpointOp.EV_PROBE and len(self._answers) < BATCH:
                self._answers.append((peer, request, op, stamp))
        elif opcode == Opcode.ENDPOINT_RESPONSE:
            known = self._ev_probes.pop(request, None)
            if known is not None:
                known[0].reverse.on_answer(known[1])
        else:
            self._intake.drops["unknown opcode"] += 1
