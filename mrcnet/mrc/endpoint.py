"""One host's end point: its QPs and memory behind five verbs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.attributes import Attributes, QpState, offer
from mrcnet.mrc.events import Event
from mrcnet.mrc.evs import EvStatus
from mrcnet.mrc.hearing import Hearing
from mrcnet.mrc.intake import Intake
from mrcnet.mrc.landing import Landing, is_write
from mrcnet.mrc.memory import Region
from mrcnet.mrc.qp import LocalPort, Qp, QpSpec
from mrcnet.mrc.requestor import NEVER
from mrcnet.mrc.requestor import Counters as SendBooks
from mrcnet.mrc.responder import Counters as TakeBooks
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.frames import RxBatch, TxBatch
from mrcnet.mrc.wire.numbers import QPN_ENDPOINT

_QUANTUM = 32  # packets of one QP in its turn: fewer would waste what a batch costs
BATCH = 128  # frames per call: large enough to carry NumPy's overhead, small enough to stay in the cache


class Endpoint:
    """A host. Time is fabric nanoseconds, `room` is frames per local port."""

    def __init__(self, ports: Sequence[LocalPort], settings: Settings, rng: np.random.Generator) -> None:
        self.ports = tuple(ports)
        self.settings = settings
        self.qps: dict[int, Qp] = {}
        self._rng = rng
        self._intake = Intake(ports, settings)
        self._regions: dict[int, Region] = {}
        self._landing = Landing(len(ports), settings, self.qps, self._regions, self._intake.drops)
        self._hearing = Hearing(self.ports, settings, self.qps, self._intake.drops)
        self._events: list[Event] = []
        self._out = TxBatch(BATCH, settings.payload, icrc=settings.icrc)
        self._turn = 0

    @property
    def drops(self) -> dict[str, int]:
        """Frames refused, by cause."""
        return dict(self._intake.drops)

    @property
    def delivered_bytes(self) -> npt.NDArray[np.int64]:
        """Payload placed, per local port."""
        return self._landing.delivered_bytes

    def register(self, data: npt.NDArray[np.uint8], address: int) -> Region:
        """Open `data` (size) to the peers' writes; the rkey is drawn at random."""
        rkey = int(self._rng.integers(1, 1 << 32))
        while rkey in self._regions:
            rkey = int(self._rng.integers(1, 1 << 32))
        region = Region(data, address, rkey)
        self._regions[rkey] = region
        return region

    def offer(self, qpn: int, start_psn: int) -> Attributes:
        """What the peer has to know of this side for a QP (spec 1.2)."""
        return offer(self.settings, qpn, start_psn)

    def connect(
        self, spec: QpSpec, *, ready: bool = True, now: int = 0, settings: Settings | None = None
    ) -> Qp:
        """A QP; both sides know each other's numbers and start PSNs, and what they offer (spec 1.2).

        It can send and receive, or, if not `ready`, is in INIT and goes to RTR and RTS by `Qp.move`.
        `settings`: its own; None: the end point's.
        ValueError if the number is taken or the offers do not agree.
        """
        if spec.qpn in self.qps or spec.qpn <= QPN_ENDPOINT:  # spec 2.12: 0 to 2 are reserved
            raise ValueError(f"QPN {spec.qpn:#x} is taken")
        qp = Qp(spec, self.ports, settings or self.settings, self._rng, self._events.append)
        qp.move(QpState.INIT, now)
        if ready:
            qp.move(QpState.RTR, now)
            qp.move(QpState.RTS, now)
        self.qps[spec.qpn] = qp
        self._hearing.know(qp, now)
        return qp

    def disconnect(self, qpn: int, now: int) -> None:
        """Forget a QP: what is posted is flushed, its number is free, its peer's frames are foreign."""
        qp = self.qps[qpn]
        qp.move(QpState.RESET, now)
        del self.qps[qpn]
        self._hearing.forget(qp)

    def set_port(self, port: int, up: bool, now: int) -> None:
        """A local port (index) lost its link or has it back: its plane is withdrawn or returns, in every QP
        here and at the peers, which are told until they answer (spec 4.7). IndexError if there is none.
        """
        self._hearing.ports.set(port, up, now)

    def speak_of_ports(self, on: bool, now: int) -> None:
        """Whether peers are told of this side's ports; who has not heard is told as soon as it is on."""
        self._hearing.ports.speak(on, now)

    # ---- what a run asks -----------------------------------------------------------------------

    def waiting(self, now: int) -> bool:  # noqa: ARG002 - a window opens by an answer, not by time
        """Whether data would go now if its port had room."""
        return any(qp.requestor.sendable() and not qp.evs.stranded for qp in self.qps.values())

    def sent(self, qpn: int) -> SendBooks:
        """The books of a QP's sending half."""
        return self.qps[qpn].requestor.counters

    def taken(self, qpn: int) -> TakeBooks:
        """The books of a QP's receiving half."""
        return self.qps[qpn].responder.counters

    def base_rtt(self, qpn: int) -> int:
        """The shortest RTT that a QP has seen, ns."""
        return self.qps[qpn].requestor.base_rtt

    def evs(self, qpn: int) -> tuple[EvStatus, ...]:
        """Every EV of a QP as it stands, in the order of its paths."""
        return self.qps[qpn].query()

    # ---- the five verbs ------------------------------------------------------------------------

    def post_write(
        self,
        qpn: int,
        source: Region,
        offset: int,
        length: int,
        address: int,
        rkey: int,
        immediate: int | None = None,
    ) -> int:
        """Queue an RDMA Write, with an immediate (32 bits) if one is given; returns the message's number.

        ValueError if it is no valid message.
        """
        if not 1 <= length < 1 << 32:  # spec 1.1
            raise ValueError(f"a message has 1 to 2^32 - 1 bytes, not {length}")
        if self.qps[qpn].state not in (QpState.RTS, QpState.ERROR):  # in ERROR it is flushed
            raise ValueError(f"QP {qpn:#x} is in {self.qps[qpn].state}, it cannot send")
        if offset < 0 or offset + length > len(source.data):
            raise ValueError(f"bytes {offset} to {offset + length} are not in a source of {len(source.data)}")
        if address < 0 or address + length > 1 << 64 or not 0 <= rkey < 1 << 32:  # spec 2.6
            raise ValueError(f"addresses have 64 bits, rkeys 32: {length} bytes at {address:#x}, {rkey:#x}")
        if immediate is not None and not 0 <= immediate < 1 << 32:
            raise ValueError(f"an immediate has 32 bits, {immediate} does not fit")
        return self.qps[qpn].requestor.post(source, offset, length, address, rkey, immediate)

    def post_receive(self, qpn: int, request: int) -> None:
        """Make room for one immediate from the peer; its completion carries `request` (spec 3.2)."""
        self.qps[qpn].responder.post_receive(request)

    def frames_to_send(self, now: int, room: npt.NDArray[np.int64]) -> TxBatch:
        """What may leave now, control first, then writes, QPs in rotation. The batch is reused."""
        out = self._out
        out.count = 0
        room = np.where(self._hearing.ports.up, room, 0)
        for qp, request in self._hearing.ports.due(now, out.room):
            qp.speaking.port_status(self._hearing.ports.mask, request, out, room, now)
        while self._hearing.answers and out.room:
            qp, request, op, stamp = self._hearing.answers.pop(0)
            qp.speaking.response(request, op, stamp, out, room)
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
                qp.speaking.report(report, out, room)
        qp.requestor.on_timer(now)
        if out.room and qp.prober.next_timer() <= now:
            for probe in qp.prober.due(now, out.room):
                qp.requestor.counters.probes += 1
                qp.speaking.probe(probe, out, room, now)
        if out.room and (number := qp.reverse.due(now)) is not None:
            request = self._hearing.request()
            self._hearing.await_probe(request, qp, number)
            qp.speaking.ev_probe(number, request, out, room, now)

    def receive(self, batch: RxBatch, now: int) -> None:
        """Take a batch of frames; what is malformed, foreign or replayed is counted and dropped."""
        admitted = self._intake.admit(batch)
        for row in admitted.trimmed.tolist():
            self._hearing.take_trimmed(batch, row)
        if not len(admitted.rows):
            return
        writes = is_write(admitted.opcode)
        placed = int(np.count_nonzero(writes))
        if placed == len(writes):
            self._landing.take(batch, admitted, now)
            return
        if placed:
            self._landing.take(batch, admitted.only(writes), now)
        control = admitted.only(~writes)
        for row, end in zip(control.rows.tolist(), control.ends.tolist(), strict=True):
            self._hearing.take(batch, row, end, now)

    def next_timer(self) -> int:
        """When `frames_to_send` will next have something to do without new input; NEVER if nothing."""
        if self._hearing.answers:
            return 0
        qps = min(
            (
                0
                if qp.responder.has_reports
                else min(qp.requestor.next_timer(), qp.prober.next_timer(), qp.reverse.next_timer())
                for qp in self.qps.values()
            ),
            default=NEVER,
        )
        return min(qps, self._hearing.ports.next_timer())

    def events(self) -> list[Event]:
        """What happened since the last call."""
        events = self._events.copy()
        self._events.clear()
        return events
