"""One host's end point over RoCEv2: connections of one or more QPs behind the verbs of MRC's end point."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.events import Event, Failure, MessageArrived, QpFailed
from mrcnet.mrc.evs import EvStatus
from mrcnet.mrc.intake import Admitted, Intake
from mrcnet.mrc.memory import Region, table_of
from mrcnet.mrc.qp import LocalPort, QpSpec
from mrcnet.mrc.requestor import NEVER
from mrcnet.mrc.requestor import Counters as SendBooks
from mrcnet.mrc.responder import Counters as TakeBooks
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire import icrc
from mrcnet.mrc.wire.frames import RxBatch, TxBatch
from mrcnet.mrc.wire.layout import BTH, EXT
from mrcnet.rocev2.connection import QPN_SHIFT, Connection, Qp
from mrcnet.rocev2.responder import ACK, EXPECTED, FAILED, MARKED, MESSAGES, OWED, Responders
from mrcnet.rocev2.settings import Roce
from mrcnet.rocev2.wire import Opcode, put_ack, put_cnp

_QUANTUM = 16  # packets of one QP in its turn
BATCH = 128  # frames per call
_FIRST, _MOST = int(Opcode.WRITE_FIRST), int(Opcode.WRITE_ONLY)
_QPN_MOST = 1 << QPN_SHIFT


class Endpoint:
    """A host. Time is fabric nanoseconds, `room` is frames per local port."""

    def __init__(
        self,
        ports: Sequence[LocalPort],
        line_bps: Sequence[int],
        settings: Settings,
        roce: Roce,
        rng: np.random.Generator,
    ) -> None:
        """`line_bps`: what each port sends, bit/s."""
        self.connections: dict[int, Connection] = {}
        self._ports = tuple(ports)
        self._line_bps = tuple(line_bps)
        self._settings = settings
        self._roce = roce
        self._rng = rng
        self._intake = Intake(ports, settings)
        self._regions: dict[int, Region] = {}
        self._responders = Responders(len(ports), settings.payload)
        self._qps: list[Qp] = []  # by the number of their responder
        self._busy: dict[Qp, None] = {}  # those with messages that are not acknowledged, and some more
        self._numbers = np.empty((2, 0), np.int64)  # QPNs in order, and the number of each
        self._owing: dict[int, None] = {}  # QPs that have an answer or a CNP to send, in order
        self._events: list[Event] = []
        self._out = TxBatch(BATCH, settings.payload, icrc=settings.icrc)
        self._turn = 0
        self._now = 0  # of the last look for frames to send

    @property
    def drops(self) -> dict[str, int]:
        """Frames refused, by cause."""
        return dict(self._intake.drops)

    @property
    def delivered_bytes(self) -> npt.NDArray[np.int64]:
        """Payload placed, per local port."""
        return self._responders.delivered_bytes

    def register(self, data: npt.NDArray[np.uint8], address: int) -> Region:
        """Open `data` (size) to the peers' writes; the rkey is drawn at random."""
        rkey = int(self._rng.integers(1, 1 << 32))
        while rkey in self._regions:
            rkey = int(self._rng.integers(1, 1 << 32))
        self._regions[rkey] = Region(data, address, rkey)
        return self._regions[rkey]

    def connect(self, spec: QpSpec, *, settings: Settings | None = None) -> Connection:
        """As many QPs as the settings say, each on the path that its UDP source port is hashed to.

        The first has the spec's numbers, the others count on in the upper bits. ValueError if they are taken.
        `settings`: its own; None: the end point's.
        """
        if spec.qpn in self.connections or not 2 < spec.qpn < _QPN_MOST:
            raise ValueError(f"QPN {spec.qpn:#x} is taken")
        made = Connection(
            spec,
            self._ports,
            self._line_bps,
            settings or self._settings,
            self._roce,
            self._rng,
            self._events.append,
        )
        self.connections[spec.qpn] = made
        for qp in made.qps:
            number = self._responders.add(spec.peer_start_psn, made.peer_addresses)
            qp.number = number
            self._qps.append(qp)
        numbers = np.array([qp.qpn for qp in self._qps], np.int64)
        order = np.argsort(numbers)
        self._numbers = np.array([numbers[order], order])
        return made

    def set_port(self, port: int, up: bool, now: int) -> None:
        """A QP has one path and stays on it: while its port is down, its packets are lost."""

    def reroute(self, choose: Callable[[bytes, int], int | None]) -> None:
        """Lead each QP by the local port that `choose` says for (peer's address, UDP source port).

        Where it says none, or one that leads nowhere, the QP stays on its path.
        """
        for qp in self._qps:
            connection = qp.connection
            port = choose(connection.peer_of(qp), qp.source_port)
            if port is not None and port != qp.port:
                connection.move(qp, port)

    # ---- what a run asks -----------------------------------------------------------------------

    def waiting(self, now: int) -> bool:
        """Whether data would go now if its port had room."""
        return any(qp.requestor.sendable(now) for qp in self._sending())

    def sent(self, qpn: int) -> SendBooks:
        """The books of a connection's sending half."""
        return self.connections[qpn].sent()

    def taken(self, qpn: int) -> TakeBooks:
        """The books of a connection's receiving half."""
        rows = [qp.number for qp in self.connections[qpn].qps]
        books: list[int] = self._responders.states[rows, -4:].sum(axis=0).tolist()
        return TakeBooks(*books)

    def base_rtt(self, qpn: int) -> int:
        """The shortest RTT that a connection has seen, ns."""
        return min(qp.requestor.base_rtt for qp in self.connections[qpn].qps)

    def evs(self, qpn: int) -> tuple[EvStatus, ...]:
        """Every path to the peer; those that a QP is on are active."""
        return self.connections[qpn].evs()

    # ---- the five verbs ------------------------------------------------------------------------

    def post_write(self, qpn: int, source: Region, offset: int, length: int, address: int, rkey: int) -> int:
        """Queue an RDMA Write on the connection's next QP; returns the message's number.

        ValueError if it is no valid message.
        """
        if not 1 <= length < 1 << 32:
            raise ValueError(f"a message has 1 to 2^32 - 1 bytes, not {length}")
        if offset < 0 or offset + length > len(source.data):
            raise ValueError(f"bytes {offset} to {offset + length} are not in a source of {len(source.data)}")
        if address < 0 or address + length > 1 << 64 or not 0 <= rkey < 1 << 32:
            raise ValueError(f"addresses have 64 bits, rkeys 32: {length} bytes at {address:#x}, {rkey:#x}")
        number, qp = self.connections[qpn].post(source, offset, length, address, rkey)
        self._busy[qp] = None
        return number

    def frames_to_send(self, now: int, room: npt.NDArray[np.int64]) -> TxBatch:
        """What may leave now: ACKs, NAKs and CNPs, then writes, QPs in rotation. The batch is reused."""
        out = self._out
        out.count, self._now = 0, now
        room = room.copy()
        while self._owing and out.room >= 2:
            number = next(iter(self._owing))
            del self._owing[number]
            self._answer(self._qps[number], out, now)
        busy = self._sending()
        for qp in busy:
            qp.requestor.on_timer(now)
            self._bury(qp, now)
        self._turn += 1
        ready = [qp for qp in busy if room[qp.port] > 0 and qp.requestor.sendable(now)]
        first = self._turn % len(ready) if ready else 0
        share = max(_QUANTUM, BATCH // len(ready)) if ready else 0
        for qp in ready[first:] + ready[:first]:
            if not out.room:
                break
            room[qp.port] -= qp.requestor.fill(out, min(share, int(room[qp.port])), now)
        if self._settings.icrc and out.count:
            icrc.seal(out.buffer, np.arange(out.count), out.length[: out.count])
        return out

    def receive(self, batch: RxBatch, now: int) -> None:
        """Take a batch of frames; what is malformed or foreign is counted and dropped."""
        admitted = self._intake.admit(batch)
        self._intake.drops["not RoCEv2"] += len(admitted.trimmed)
        if not len(admitted.rows):
            return
        writes = np.asarray((admitted.opcode >= _FIRST) & (admitted.opcode <= _MOST))
        if writes.any():
            self._take(batch, admitted.only(writes), now)
        if not writes.all():
            self._hear(batch, admitted.only(~writes), now)

    def next_timer(self) -> int:
        """When `frames_to_send` will next have something to do without new input; NEVER if nothing."""
        if self._owing:
            return 0
        return min((qp.requestor.next_timer(self._now) for qp in self._sending()), default=NEVER)

    def events(self) -> list[Event]:
        """What happened since the last call."""
        events = self._events.copy()
        self._events.clear()
        return events

    # ---- inside --------------------------------------------------------------------------------

    def _sending(self) -> list[Qp]:
        """The QPs whose messages are not all acknowledged."""
        self._busy = {qp: None for qp in self._busy if qp.requestor.outstanding}
        return list(self._busy)

    def _which(self, dqp: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The numbers of QPs by their QPNs; -1 where there is none."""
        numbers, order = self._numbers
        if not len(numbers):
            return np.full(len(dqp), -1, np.int64)
        at = np.minimum(np.searchsorted(numbers, dqp), len(numbers) - 1)
        return np.where(numbers[at] == dqp, order[at], -1)

    def _take(self, batch: RxBatch, writes: Admitted, now: int) -> None:
        which = self._which(writes.dqp)
        regions = tuple(self._regions.values())
        taken = self._responders.take(
            batch, writes, which, table_of(regions), [region.data for region in regions]
        )
        if taken.refused:
            self._intake.drops["unknown QP"] += taken.refused
        for number, message in taken.whole.T.tolist():
            qp = self._qps[number]
            self._events.append(MessageArrived(now, qp.connection.qpn, qp.whole(message)))
        states = self._responders.states
        for number in np.unique(which[which >= 0]).tolist():
            if states[number, OWED] or states[number, MARKED]:
                self._owing[number] = None

    def _answer(self, qp: Qp, out: TxBatch, now: int) -> None:
        """What a QP owes its peer: an ACK or NAK, and, now and then, word of marks."""
        state = self._responders.states[qp.number]
        expected, messages = int(state[EXPECTED]), int(state[MESSAGES])
        if owed := int(state[OWED]):
            ack = owed == ACK
            put_ack(out, qp.control, qp.port, owed, expected - 1 if ack else expected, messages)
        if state[MARKED] and qp.may_notify(now):
            put_cnp(out, qp.control, qp.port)
        state[OWED] = state[MARKED] = 0
        if state[FAILED]:
            qp.requestor.stop(Failure.REMOTE, now)
            self._bury(qp, now)

    def _hear(self, batch: RxBatch, control: Admitted, now: int) -> None:
        which = self._which(control.dqp)
        for place, row in enumerate(control.rows.tolist()):
            frame = batch.buffer[row, batch.at :]
            opcode = int(control.opcode[place])
            if which[place] < 0:
                self._intake.drops["unknown QP"] += 1
                continue
            qp = self._qps[which[place]]
            if not qp.connection.is_peer(int(batch.port[row]), frame):
                self._intake.drops["unknown QP"] += 1
            elif opcode == Opcode.ACKNOWLEDGE:
                psn = int.from_bytes(frame[BTH + 9 : BTH + 12].tobytes(), "big")
                qp.requestor.on_ack(psn, int(frame[EXT]), now)
                self._bury(qp, now)
            elif opcode == Opcode.CNP:
                qp.requestor.on_cnp(now)
            else:
                self._intake.drops["unknown opcode"] += 1

    def _bury(self, qp: Qp, now: int) -> None:
        """A connection that loses a QP is lost: what was dealt to the others waits for that one."""
        failure = qp.requestor.failure
        if failure is None or qp.connection.failed:
            return
        qp.connection.failed = True
        self._events.append(QpFailed(now, qp.connection.qpn, f"{failure} (QP {qp.qpn:#x})"))
        for other in qp.connection.qps:
            if not other.requestor.failed:
                other.requestor.stop(Failure.FLUSHED, now)
            self._responders.states[other.number, FAILED] = 1
