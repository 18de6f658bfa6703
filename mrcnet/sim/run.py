"""Run traffic over the virtual fabric: the counterpart of the nic's engine, in virtual time and one process.

Hosts take their turns on a grid of `turn_ns`: what has come to a host since its last turn is handed to its
end point as one batch, as a NIC does that gathers before it interrupts. So a turn adds up to its length to
each end of a round trip; a shorter one is finer and slower. Everything is decided by the job's seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mrcnet.errors import InputError
from mrcnet.plan.model import Plan
from mrcnet.plan.prefixes import is_plain
from mrcnet.plan.target import find_link
from mrcnet.sim.clock import NEVER, Clock
from mrcnet.sim.fabric import Fabric
from mrcnet.sim.fit import turn_of
from mrcnet.sim.model import Impairment, PortModel
from mrcnet.sim.nic import Host
from mrcnet.topology.model import End, Link
from mrcnet.workload.congestion import base_rtt_ns
from mrcnet.workload.dilation import TURNS
from mrcnet.workload.ends import make_content
from mrcnet.workload.job import Job
from mrcnet.workload.order import Order
from mrcnet.workload.portsamples import PortLog, PortSamples
from mrcnet.workload.report import RunReport
from mrcnet.workload.station import Bins, Station, report_of
from mrcnet.workload.summary import Recording, record

_STALLED_NS = 60_000_000_000  # nothing posted was delivered for so long: the run will not end by itself
_SETTLE_RTTS = 20  # after the end, for the last SACKs and probes
_LOOK_EVERY = 256  # steps between two looks at what was delivered ...
_LOOK_NS = 1_000_000_000  # ... when they do not take longer than this


@dataclass(frozen=True, slots=True)
class Sim:
    """Knobs of the simulator.

    `ports` None: as the topology says, `PortModel()` where it says nothing.
    `turn_ns` None: 64 frames' time of the widest host, at most the base RTT, with NSCC at most a 16th of it.
    `ahead`: a port passes a frame on when its turn comes, as the kernel's shaper does; else when its last bit
    has left, as hardware does.
    """

    ports: PortModel | None = None
    turn_ns: int | None = None
    ahead: bool = False


def like_kernel(plan: Plan) -> Sim:
    """Knobs for what the kernel's fabric has unlike hardware: its NICs' turns, when they keep up, and its
    shapers.
    """
    return Sim(turn_ns=base_rtt_ns(plan, plan.topology.transport.payload) // TURNS, ahead=True)


def run_traffic(
    job: Job,
    duration_ns: int | None,
    progress: Callable[[int], None] | None = None,
    meanwhile: Callable[[SimRun], None] | None = None,
    sim: Sim | None = None,
) -> Recording:
    """Send the job's flows; for `duration_ns` of fabric time, or until their bytes are through.

    `meanwhile` is called once traffic has begun, with the run to advance, cut and heal by; `progress` gets
    the payload bytes delivered so far.
    """
    run = SimRun(job, sim or Sim())
    until = run.start_at + duration_ns if duration_ns is not None else None
    if meanwhile is not None:
        meanwhile(run)
    run.watch(until, progress)
    run.stop()
    return record(job, run.start_at, [run.finish()])


class SimRun:
    """A run under way; `now` moves by `watch` only."""

    start_at = 0

    def __init__(self, job: Job, sim: Sim) -> None:
        self.job = job
        self.fabric = Fabric(job.plan, job.settings, sim.ports, job.seed, ahead=sim.ahead)
        self.turn_ns = sim.turn_ns or turn_of(job, self.fabric.table)
        if self.turn_ns < 1:
            raise InputError("a turn lasts at least 1 ns")
        self._bins = Bins(job.plan.topology.planes, self.start_at, job.bin_ns)
        content = make_content(job.message, job.seed)
        self._hosts = {
            job.plan.hosts.index(name): Host(
                Station(job, name, content, self._bins), self.fabric, self.turn_ns
            )
            for name in job.hosts
        }
        self._number = {host.station.name: number for number, host in self._hosts.items()}
        self._clock = Clock(len(job.plan.hosts))
        regions: dict[int, tuple[int, int]] = {}
        for host in self._hosts.values():
            regions |= host.station.regions()
        self._reroute()
        for number, host in self._hosts.items():
            host.station.open(regions, self.start_at)
            self._clock.set(number, self.start_at)
        self._log: PortLog | None = None
        self._watched: list[int] = []
        self._progressed = (0, 0)  # bytes delivered, and since when it is so many

    @property
    def now(self) -> int:
        """Fabric nanoseconds since the beginning."""
        return self._clock.now

    @property
    def delivered(self) -> int:
        """Payload bytes delivered so far."""
        return sum(host.station.delivered_bytes for host in self._hosts.values())

    # ---- time ----------------------------------------------------------------------------------

    def watch(self, until: int | None, progress: Callable[[int], None] | None = None) -> bool:
        """Advance until all sources are done, or to the instant `until`; True if they are done.

        Also comes back when nothing was delivered for a minute of fabric time though messages are under way.
        """
        steps, look_at = 0, self.now + _LOOK_NS
        while not self._done():
            if not self._step(until if until is not None else NEVER - 1):
                break
            steps += 1
            if steps % _LOOK_EVERY == 0 or self.now >= look_at:
                look_at = self.now + _LOOK_NS
                if self._stalled():
                    break
                if progress is not None:
                    progress(self.delivered)
        return self._done()

    def stop(self) -> bool:
        """Post nothing new, and let what is posted complete; True if it did."""
        for number, host in self._hosts.items():
            host.station.stop()
            self._clock.set(number, self._grid(self.now))
        self.watch(None)
        return self._done()

    def finish(self) -> RunReport:
        """Let the last frames come to rest; the report of all hosts."""
        end = self.now + _SETTLE_RTTS * (self.fabric.table.base_rtt + self.turn_ns)
        while self.fabric.busy and self._step(end):
            pass
        stations = [host.station for host in self._hosts.values()]
        return replace(report_of(stations, self._bins), fabric=self.fabric.books())

    # ---- looking on ----------------------------------------------------------------------------

    def watch_ports(self, ends: Sequence[End]) -> None:
        """Write down what these ports carry, bin by bin, from now on."""
        self._log = PortLog([str(end) for end in ends], self.job.bin_ns)
        self._watched = [self.fabric.table.number[end] for end in ends]

    def ports(self) -> PortSamples | None:
        """What they have carried so far; None if nobody asked."""
        return None if self._log is None else self._log.samples()

    # ---- faults --------------------------------------------------------------------------------

    def cut(self, target: str, *, silent: bool = False) -> int:
        """Cut the link `target` now, loud or silent; returns the instant. InputError if it cannot be."""
        link = find_link(self.job.plan, target)
        if any(self.fabric.is_dead(end) for end in (link.a, link.b)):
            raise InputError(f"link {target} is cut already")
        self.fabric.cut(link, self.now, silent=silent)
        if not silent:
            self._tell(link, up=False)
        return self.now

    def heal(self, target: str) -> int:
        """Undo `cut` now; returns the instant. InputError if the link is not cut."""
        link = find_link(self.job.plan, target)
        if not any(self.fabric.is_dead(end) for end in (link.a, link.b)):
            raise InputError(f"link {target} is not cut")
        self.fabric.heal(link)
        self._tell(link, up=True)
        return self.now

    def lose(self, share: float) -> None:
        """From now on hosts lose `share` of what they send, data and answers alike, in all planes."""
        for host in self.job.hosts:
            for port in self.job.plan.nodes[host].ports:
                self.fabric.impair(End(host, port.name), Impairment(loss=share))

    def order(self, order: Order) -> None:
        """A host that takes part does what a controller says, now."""
        number = self._number.get(order.host)
        if number is not None:
            self._hosts[number].station.obey(order, self.now)
            self._clock.set(number, self._grid(self.now))

    def _tell(self, link: Link, *, up: bool) -> None:
        """spec 4.7: a host is told of a port of its own at once, and acts on it at its next turn."""
        for end in (link.a, link.b):
            number = self._number.get(end.node)
            if number is not None:
                self._hosts[number].station.set_port(end.port, up, self.now)
                self._clock.set(number, self._grid(self.now))
        self._reroute()

    def _reroute(self) -> None:
        """Without SRv6 hosts choose ports by a hash, which knows which of them are up."""
        if is_plain(self.job.plan):
            for host in self._hosts.values():
                host.station.reroute(partial(self.fabric.choose, host.station.name))

    # ---- inside --------------------------------------------------------------------------------

    def _grid(self, at: int) -> int:
        return at if at >= NEVER else -(-at // self.turn_ns) * self.turn_ns

    def _step(self, limit: int) -> bool:
        """To the next instant at which hosts take turns; False if that is later than `limit`."""
        clock, fabric = self._clock, self.fabric
        at = clock.next()
        if fabric.busy:
            at = min(at, (clock.now // self.turn_ns + 1) * self.turn_ns)
        if at > limit:
            if limit < NEVER - 1:
                fabric.advance(limit)
                clock.now = limit
            return False
        fabric.advance(at)
        clock.now = at
        if self._log is not None and at >= self._log.due:
            self._log.add(at, *fabric.carried(self._watched))
        ready = set(clock.ring())
        for number, batch in fabric.collect(at):
            host = self._hosts.get(number)
            if host is not None:  # one that takes no part hears nobody
                host.take(batch, at)
                ready.add(number)
        for number in sorted(ready):
            clock.set(number, self._grid(self._hosts[number].act(at)))
        return True

    def _done(self) -> bool:
        """All sources are; or a collective's never will be, for one of its QPs failed."""
        stations = [host.station for host in self._hosts.values()]
        return all(station.done for station in stations) or any(station.broken for station in stations)

    def _stalled(self) -> bool:
        delivered = self.delivered
        waiting = any(host.station.under_way for host in self._hosts.values())
        if delivered != self._progressed[0] or not waiting:
            self._progressed = delivered, self.now
        return self.now - self._progressed[1] > _STALLED_NS
