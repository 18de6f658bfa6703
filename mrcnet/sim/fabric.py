"""The virtual fabric: a port at both ends of every link of a plan, and the frames on their way.

Switches are static, so a frame's way is known when it leaves its host: the list of its ports. Ports are
served tier by tier (host, T0 up, T1 down, T0 down), for a whole stretch of time at once: what a tier sends
can only reach a later one, so each tier sees its frames in order of time. (A carrier that climbs twice is
served in a further round; its frames may join a queue behind ones that came a stretch later.) Nothing is
approximated but what `port` says. Equal instants are taken in the order in which frames were sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.frames import RxBatch, TxBatch
from mrcnet.mrc.wire.layout import EXT, ICRC, SACK_LEN, WRITE_HEAD
from mrcnet.plan.model import Plan
from mrcnet.port.model import Count
from mrcnet.sim.books import make_books
from mrcnet.sim.flight import Flight, Rows, kinds
from mrcnet.sim.impair import Impairments
from mrcnet.sim.layout import ARRIVED, LOST, TIERS, PortTable
from mrcnet.sim.model import Impairment, PortModel
from mrcnet.sim.port import PS, Fate, Queues
from mrcnet.sim.taps import Taps
from mrcnet.sim.ways import Ways
from mrcnet.topology.model import End, Link
from mrcnet.workload.books import Books

_BATCH = 128  # frames handed to an end point at once

Instants = npt.NDArray[np.int64]


class Fabric:
    """Frames go in by `send`, time goes on by `advance`, frames come out by `collect`. Fabric nanoseconds."""

    def __init__(
        self, plan: Plan, settings: Settings, model: PortModel | None, seed: int, *, ahead: bool = False
    ) -> None:
        """`ahead`: a port passes a frame on when its turn comes, not when its last bit has left."""
        frame = WRITE_HEAD + settings.payload + ICRC
        rng = np.random.default_rng((seed, 0xFAB))
        self.table = PortTable(plan, frame, EXT + SACK_LEN + ICRC)
        self.queues = Queues(self.table.rate, self.table.limits(model), frame, rng)
        dscp = settings.dscp
        trimmed = dscp.trimmed, dscp.trimmed_lasthop
        stride = TxBatch(1, settings.payload).stride
        self.flight = Flight(stride, kinds((dscp.trimmable, dscp.trimmable_retx), (dscp.control, *trimmed)))
        self._ahead = ahead
        self.counts = np.zeros((len(Count), self.table.count), np.int64)
        self._impairments = Impairments(self.table.count, self.flight, self.counts, rng)
        self._trim_dscp = np.where(self.table.lasthop, trimmed[1], trimmed[0])
        self._dead = np.full(self.table.count, -1, np.int64)  # the cause of death, Count.DOWN or BLACKHOLE
        self._some_dead = False
        self._climbed = False  # a frame goes to a tier that has been served in this stretch of time
        self._ways = Ways(plan, self.table)
        self._waiting: list[list[tuple[Instants, Rows]]] = [[] for _ in range(LOST + 1)]
        self._no_route: Counter[str] = Counter()
        self._sent = self._delivered = 0
        self.taps: Taps | None = None

    def choose(self, host: str, peer: bytes, source_port: int) -> int | None:
        """Without SRv6: the local port by which a host sends a datagram to a peer; None: it has no way."""
        return self._ways.choose(host, peer, source_port)

    # ---- time ----------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a frame is under way."""
        return self.flight.count > 0

    def send(self, host: str, out: TxBatch, now: int) -> None:
        """The frames of a host join the queues of its ports."""
        count = out.count
        ports = self.table.of_host[host][out.port[:count]]
        ways = self._ways.numbers(ports, np.ascontiguousarray(out.buffer[:count, self._ways.key]))
        rows = self.flight.put(out.buffer[:count], out.length[:count], ways)
        self.flight.port[rows] = ports
        self._sent += count
        self._waiting[0].append((np.full(count, now * PS, np.int64), rows))

    def advance(self, until: int) -> None:
        """Serve all that comes to a port before `until`."""
        end = until * PS
        self._climbed = True
        while self._climbed:
            self._climbed = False
            for tier in range(TIERS):
                if self._waiting[tier]:
                    self._serve(tier, end)
        if self._waiting[LOST]:
            _, rows = self._take(LOST, end + (1 << 60))
            self._no_route.update(self._ways.node[way] for way in self.flight.way[rows].tolist())
            self.flight.drop(rows)

    def collect(self, until: int) -> Iterator[tuple[int, RxBatch]]:
        """What has come to hosts up to `until`: (number of the host, batch), hosts in order, frames by time.

        A batch is good until the next one is asked for.
        """
        at, rows = self._take(ARRIVED, until * PS + 1)
        if not len(rows):
            return
        host = self._ways.host[self.flight.way[rows]]
        order = np.lexsort((at, host))
        rows, host = rows[order], host[order]
        self._delivered += len(rows)
        edges = (host[1:] != host[:-1]).nonzero()[0] + 1
        for start, stop in zip([0, *edges.tolist()], [*edges.tolist(), len(rows)], strict=True):
            for begin in range(start, stop, _BATCH):
                part = rows[begin : min(begin + _BATCH, stop)]
                frames, length = self.flight.look(part)
                yield (
                    int(host[start]),
                    RxBatch(frames, 0, length, self._ways.host_port[self.flight.way[part]]),
                )
        self.flight.drop(rows)

    # ---- faults --------------------------------------------------------------------------------

    def cut(self, link: Link, now: int, *, silent: bool) -> None:
        """Both ends down, or, silent, both blackholes; what has not left the ports yet is dropped."""
        for end in (link.a, link.b):
            self.close(end, now, silent=silent)

    def close(self, end: End, now: int, *, silent: bool) -> None:
        """One direction: the port goes down or, silent, swallows what it should send."""
        port = self.table.number[end]
        cause = Count.BLACKHOLE if silent else Count.DOWN
        if not silent:
            self._ways.prune(end, down=True)
        self._dead[port] = cause
        self._some_dead = True
        latest = now * PS + self.table.delay[port]
        for tier, waiting in enumerate(self._waiting):
            for number, (at, rows) in enumerate(waiting):
                caught = (self.flight.came_by[rows] == port) & (at > latest) & (self.flight.hop[rows] > 0)
                if caught.any():
                    self.counts[cause, port] += int(caught.sum())
                    self.counts[Count.SENT, port] -= int(caught.sum())
                    self.flight.drop(rows[caught])
                    self._waiting[tier][number] = at[~caught], rows[~caught]
        self.queues.free[port] = min(int(self.queues.free[port]), now * PS)

    def heal(self, link: Link) -> None:
        """Both directions carry again; impairments stay as they are."""
        for end in (link.a, link.b):
            self.open(end)

    def open(self, end: End) -> None:
        """One direction carries again."""
        self._dead[self.table.number[end]] = -1
        self._ways.prune(end, down=False)
        self._some_dead = bool((self._dead >= 0).any())

    def is_dead(self, end: End) -> bool:
        """Whether a port is down or a blackhole."""
        return bool(self._dead[self.table.number[end]] >= 0)

    def impair(self, end: End, impairment: Impairment) -> None:
        """What befalls frames that join this port's queue from now on; `Impairment()` ends it."""
        self._impairments.set(self.table.number[end], impairment)

    def slow(self, end: End, share: float) -> None:
        """The port goes on at a share of its rate; what it holds leaves as it would have."""
        port = self.table.number[end]
        self.queues.set_rate(port, max(1, round(int(self.table.rate[port]) * share)))

    # ---- books ---------------------------------------------------------------------------------

    def backlog(self, end: End, now: int) -> int:
        """Bytes that a port holds at an instant."""
        port = self.table.number[end]
        work = max(int(self.queues.free[port]) - now * PS, 0)
        return work * int(self.table.rate[port]) // (8 * 10**12)

    def books(self) -> Books:
        """Where every frame is."""
        return make_books(
            self.table,
            self.counts,
            self.queues.deepest,
            self._no_route,
            sent=self._sent,
            delivered=self._delivered,
            in_flight=self.flight.count,
        )

    # ---- looking on ----------------------------------------------------------------------------

    def tap(self, ends: Iterable[End]) -> None:
        """Have a tap on each of these ports from now on: `taps`."""
        self.taps = Taps(self.table, ends)

    def carried(self, ports: list[int]) -> tuple[list[int], list[int]]:
        """Frames that these ports have sent, and that left their peers for them."""
        sent = self.counts[Count.SENT]
        peers = [self.table.peer[port] for port in ports]
        return sent[ports].tolist(), sent[peers].tolist()

    # ---- inside --------------------------------------------------------------------------------

    def _take(self, tier: int, end: int) -> tuple[Instants, Rows]:
        """What waits for a tier and comes before `end`; the rest goes on waiting."""
        waiting = self._waiting[tier]
        if not waiting:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        at, rows = waiting[0]
        if len(waiting) > 1:
            at = np.concatenate([some[0] for some in waiting])
            rows = np.concatenate([some[1] for some in waiting])
        due = at < end
        waiting.clear()
        if np.count_nonzero(due) == len(due):  # on short arrays quicker than all(), as it is than any()
            return at, rows
        waiting.append((at[~due], rows[~due]))
        return at[due], rows[due]

    def _serve(self, tier: int, end: int) -> None:
        """One tier's frames through its ports."""
        at, rows = self._take(tier, end)
        if not len(rows):
            return
        flight = self.flight
        port = flight.port[rows]
        if self._some_dead and (gone := self._dead[port] >= 0).any():
            np.add.at(self.counts, (self._dead[port[gone]], port[gone]), 1)
            flight.drop(rows[gone])
            at, rows, port = at[~gone], rows[~gone], port[~gone]
            if not len(rows):
                return
        # what hosts send comes in order of time already
        order = np.lexsort((at, port)) if tier else np.argsort(port, kind="stable")
        at, rows, port = at[order], rows[order], port[order]
        leaves, fate = self.queues.serve(port, at, flight.length[rows], flight.kind[rows])
        if np.count_nonzero(fate):
            rows, port, leaves = self._judge(rows, port, leaves, fate)
        if self._ahead:
            leaves = leaves - self.queues.times(flight.length[rows], port)
        if self._impairments.any:
            rows, port, leaves = self._impairments.strike(rows, port, leaves)
        if self.taps is not None:
            self.taps.see(self.flight, rows, port, leaves)
        self.counts[Count.SENT] += np.bincount(port, minlength=self.table.count)
        self._pass_on(rows, port, leaves + self.table.delay[port], tier)

    def _judge(
        self, rows: Rows, port: Rows, leaves: Instants, fate: npt.NDArray[np.uint8]
    ) -> tuple[Rows, Rows, Instants]:
        """Mark, trim and drop as the queues decided; -> those that leave."""
        for verdict, count in ((Fate.MARKED, Count.MARKED), (Fate.TRIMMED, Count.TRIMMED)):
            if (hit := fate == verdict).any():
                np.add.at(self.counts[count], port[hit], 1)
                if verdict is Fate.MARKED:
                    self.flight.mark(rows[hit])
                else:
                    self.flight.trim(rows[hit], self.queues.trim_size[port[hit]], self._trim_dscp[port[hit]])
        gone = fate == Fate.DROPPED
        if not gone.any():
            return rows, port, leaves
        urgent = (self.flight.kind[rows[gone]] & 1).astype(np.int64)
        np.add.at(self.counts, (np.where(urgent, Count.CONTROL_TAIL, Count.TAIL), port[gone]), 1)
        self.flight.drop(rows[gone])
        return rows[~gone], port[~gone], leaves[~gone]

    def _pass_on(self, rows: Rows, port: Rows, at: Instants, here: int) -> None:
        """To the next port of each frame's way, or to its end."""
        if not len(rows):
            return
        flight = self.flight
        hop = flight.hop[rows] + 1
        following = self._ways.ports[flight.way[rows], hop]
        flight.hop[rows] = hop
        flight.port[rows] = following
        flight.came_by[rows] = port
        tier = self.table.tier[following]
        first = int(tier[0])
        if not np.count_nonzero(tier != first):
            self._climbed |= first <= here
            self._waiting[first].append((at, rows))
            return
        for number in np.unique(tier).tolist():
            mine = tier == number
            self._climbed |= number <= here
            self._waiting[number].append((at[mine], rows[mine]))
