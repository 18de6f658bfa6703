"""One host inside a worker: its station, and the sockets in its namespace.

Where ports have rates, a host takes its turns in wall time that the fabric hardly feels: it gives each port
what it has room for, and hands a frame on when its path's delay has passed. Elsewhere it does what it can.
"""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import netns
from mrcnet.mrc.requestor import NEVER
from mrcnet.mrc.wire.frames import HEADROOM
from mrcnet.mrc.wire.layout import ICRC, WRITE_HEAD
from mrcnet.nic.carrier import Carrier
from mrcnet.nic.clock import FabricClock
from mrcnet.nic.delayline import DelayLine
from mrcnet.nic.distance import Distance
from mrcnet.nic.fit import ring_of
from mrcnet.nic.lateness import Lateness
from mrcnet.nic.ledger import Ledger
from mrcnet.nic.pacer import Pacer
from mrcnet.nic.plain import HEADER, take_off
from mrcnet.nic.ring import Ring, port_numbers
from mrcnet.nic.router import Router
from mrcnet.nic.sender import Sender
from mrcnet.nic.ways import Ways
from mrcnet.plan.prefixes import arrives_plain, is_plain
from mrcnet.workload.dilation import shaped, turn_ns
from mrcnet.workload.job import Job
from mrcnet.workload.report import HostFrames
from mrcnet.workload.station import Station

_BATCH = 128  # frames taken in at once
_UNBOUNDED = 1 << 20  # a port without a rate has no queue of its own: room without end
_PACE = 0.998  # of a port's rate: what must wait waits here, not in the kernel


class Host:
    """Moves frames between a host's sockets and its end point. Instants are wall nanoseconds."""

    def __init__(self, job: Job, station: Station, clock: FabricClock) -> None:
        self.station = station
        self.late = Lateness()
        self.quiet = False  # nothing more is sent
        self._clock = clock
        ports = job.plan.nodes[station.name].ports
        names = [port.name for port in ports]
        with netns.inside(netns.path_of(job.lab, station.name)):
            present = port_numbers(names)
            if len(present) < len(names):
                raise EnvironmentFault(
                    f"{station.name} lacks ports of its plan",
                    remedy=f"mrcnet up the topology of {job.lab} again",
                )
            plain = is_plain(job.plan)
            bare = arrives_plain(job.plan)
            self.ring = Ring(job.settings.payload + HEADROOM, ring_of(job), present, plain=bare)
            index_of = {port: index for index, port in present.items()}
            self.carrier = Carrier(names)
            self.sender = Sender([index_of[port] for port in range(len(names))], HEADER if plain else 0)
        self._router = Router(job, station, present) if plain else None
        self._names = names
        self._room = np.full(len(names), _UNBOUNDED, np.int64)
        self._ways = Ways(job, station.name, out=False)
        self._distance = Distance(job, self._ways, clock)
        self._line = DelayLine()
        self._pacer: Pacer | None = None
        self.ledger: Ledger | None = None
        if shaped(job.plan):
            rates = [_PACE * (port.queue or port).rate_bps / clock.dilation for port in ports]
            frame = WRITE_HEAD + job.settings.payload + ICRC
            self._pacer = Pacer(rates, frame, clock.wall(turn_ns(job.plan)))
            self.ledger = Ledger(job, station.name, self._ways)
        self._due = 0

    # ---- a turn --------------------------------------------------------------------------------

    def step(self, turn_at: int) -> bool:
        """One turn, not due before `turn_at`: take in, act, send. True if there was anything to do."""
        wall = time.monotonic_ns()
        now = self._clock.fabric(wall)
        if self._pacer is not None and 0 < self._due < NEVER:
            self.late.note(wall - max(self._due, turn_at))
        for port, up in self.carrier.changes(wall):
            self.station.endpoint.set_port(port, up, now)  # spec 4.7: local detection of link loss
        if self._router is not None:
            self._router.look(wall)
        self._distance.look(wall)
        late = self._distance.felt or self._line.frames
        busy = self._take_late(now, wall, turn_at) if late else self._take(now)
        self.station.act(now)
        if not self.quiet:
            busy |= self._send_paced(now, wall, self._pacer) if self._pacer else self._send(now)
        return busy

    def next_due(self) -> int:
        """When the next turn is due if no frame comes; NEVER if only a frame can bring it."""
        due = self._line.next_due()
        if not self.quiet:
            timer = self.station.next_timer()
            due = min(due, self._clock.wall(timer) if timer < NEVER else NEVER)
            if self._pacer is not None:
                due = min(due, self._pacer.next_room())
        self._due = due
        return due

    def _take(self, now: int) -> bool:
        busy = False
        while (batch := self.ring.read(_BATCH)) is not None:
            busy = True
            if self.ledger is not None:
                self.ledger.arrived(batch, self._ways.of(batch.buffer, batch.at))
            self.station.endpoint.receive(batch, now)
            self.ring.release()
            if self._pacer is None:
                break  # send in between: nothing says when the next turn is
        if busy:
            self.station.account(now)
        return busy

    def _take_late(self, now: int, wall: int, turn_at: int) -> bool:
        """All frames into the delay line, and out of it those whose time has come."""
        while (batch := self.ring.read(_BATCH)) is not None:
            number = self._ways.of(batch.buffer, batch.at)
            if self.ledger is not None:
                self.ledger.arrived(batch, number)
            on_the_way = self._distance.of(number) if self._distance.felt else 0
            self._line.put(batch, self.ring.arrived() + on_the_way)
            self.ring.release()
        if (due := self._line.next_due()) > wall:
            return False
        if self._pacer is not None:
            self.late.note(wall - max(due, turn_at))
        batch = self._line.take(wall)
        assert batch is not None
        self.station.endpoint.receive(batch, now)
        self.station.account(now)
        return True

    def _send(self, now: int) -> bool:
        out = self.station.endpoint.frames_to_send(now, self._room)
        if out.count:
            if self._router is not None:
                take_off(out)
            self.sender.send(out)
        return out.count > 0

    def _send_paced(self, now: int, wall: int, pacer: Pacer) -> bool:
        endpoint = self.station.endpoint
        room = pacer.room(wall)
        busy = False
        while (out := endpoint.frames_to_send(now, room)).count:
            busy = True
            if self._router is not None:
                take_off(out)
            self.sender.send(out)
            port = out.port[: out.count]
            pacer.sent(port, out.length[: out.count], wall)
            if self.ledger is not None:
                self.ledger.sent(out)
            counted = room - np.bincount(port, minlength=len(room))
            room = pacer.room(wall)  # by bytes: control frames are short, and leave room for data
            if out.room and not (room > counted).any():
                break
        if endpoint.waiting(now):
            pacer.wait(room)
        else:
            pacer.rest()
        return busy

    # ---- the end -------------------------------------------------------------------------------

    def frames(self) -> HostFrames:
        """What went through this host's ports."""
        dry: npt.NDArray[np.float64] = self._pacer.dry_ns if self._pacer else np.zeros(len(self._names))
        return HostFrames(
            host=self.station.name,
            ports=tuple(self._names),
            sent=tuple(self.sender.sent.tolist()),
            sent_bytes=tuple(map(int, self._pacer.sent_bytes.tolist())) if self._pacer else (),
            refused=tuple(self.sender.refused.tolist()),
            overrun=tuple(self.sender.overrun.tolist()),
            dry_ns=tuple(map(int, dry.tolist())),
            arrived=self.ledger.all_arrived if self.ledger else self.ring.frames,
            ring_drops=self.ring.drops(),
        )

    def close(self) -> None:
        """Let go of the sockets."""
        self.carrier.close()
        if self._router is not None:
            self._router.close()
        self.ring.close()
        self.sender.close()
