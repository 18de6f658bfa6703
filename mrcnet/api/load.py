"""What traffic is asked for, and the job that it comes to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mrcnet.api.quantities import Quantity, maybe, whole
from mrcnet.errors import InputError
from mrcnet.mrc.settings import Settings
from mrcnet.plan.model import Plan
from mrcnet.plan.target import find_link
from mrcnet.topology.names import suggest
from mrcnet.units import parse_duration, parse_rate, parse_size
from mrcnet.workload.congestion import FIXED, choices, controlled
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job, bin_ns
from mrcnet.workload.patterns import PATTERNS, pairs
from mrcnet.workload.transport import EVERY, MRC, over

DEFAULT_SIZE = 64 << 20
MOST_MESSAGE = 1 << 30


@dataclass(frozen=True, slots=True)
class Load:
    """RDMA Writes of a `pattern` over `hosts` (none named: all), the first to the last in `pair`.

    Each flow sends `size` bytes, or posts for `duration` of fabric time (ns), in messages of `message` bytes,
    at `rate` bit/s, or all that fits. Quantities are in these units, or written like 64MiB, 5ms, 100Gbps.
    `denied`: links that no EV may use; `backup_share`: of the EVs stand by; without `icrc` none is made.
    `seed` decides contents, paths and permutations.
    """

    pattern: str = "pair"
    hosts: Sequence[str] = ()
    size: Quantity | None = None
    duration: Quantity | None = None
    message: Quantity = 1 << 20
    rate: Quantity | None = None
    transport: str = MRC
    congestion: str = FIXED
    icrc: bool = True
    backup_share: float | None = None
    denied: Sequence[str] = ()
    seed: int = 1

    @property
    def duration_ns(self) -> int | None:
        """Of posting, fabric time; None where a size ends it. InputError if it is no duration."""
        return maybe("duration", self.duration, parse_duration)

    def job(self, plan: Plan, name: str, *, trace: bool = False) -> Job:
        """The run in the lab `name`, all of the transport's events kept if `trace`.

        InputError for what is contradictory, or not to be had on this fabric.
        """
        one_of("pattern", self.pattern, PATTERNS)
        one_of("transport", self.transport, EVERY)
        one_of("congestion", self.congestion, choices())
        wire = plan.topology.transport
        settings = Settings(payload=wire.payload, udp_port=wire.udp_port, icrc=self.icrc, trace=trace)
        if self.backup_share is not None:
            settings = replace(settings, backup_share=self.backup_share)
        settings = controlled(settings, plan, self.congestion)
        denied = tuple(find_link(plan, target) for target in self.denied)
        job = Job(name, plan, self._flows(plan), settings, self.seed, bin_ns(plan), denied=denied)
        return over(job, self.transport)

    def _flows(self, plan: Plan) -> tuple[Flow, ...]:
        size, message = maybe("size", self.size, parse_size), whole("message", self.message, parse_size)
        if size is not None and self.duration is not None:
            raise InputError("size and duration exclude each other")
        if message > MOST_MESSAGE:
            raise InputError("a message is at most 1GiB")
        if self.duration is None:
            size = size or DEFAULT_SIZE
            message = min(message, size)
        rate = maybe("rate", self.rate, parse_rate)
        ends = pairs(self.pattern, hosts_of(plan, self.hosts, "hosts"), self.seed)
        return tuple(Flow(at, src, dst, size, message, rate) for at, (src, dst) in enumerate(ends))


def hosts_of(plan: Plan, names: Sequence[str], what: str) -> list[str]:
    """The hosts that are named, or all. InputError for one that is not in the lab, or is named twice."""
    hosts = list(names or plan.hosts)
    for host in hosts:
        if host not in plan.hosts:
            raise InputError(
                f"{what}: {host!r} is no host of this lab{suggest(host, plan.hosts)}",
                remedy=f"hosts are {plan.hosts[0]} to {plan.hosts[-1]}",
            )
    if len(set(hosts)) != len(hosts):
        raise InputError(f"{what}: a host is named twice", remedy="name each host once")
    return hosts


def one_of(what: str, name: str, known: Iterable[str]) -> None:
    """Raise InputError, with the choice, for a name that is not known."""
    if name not in (names := sorted(known)):
        raise InputError(f"there is no {what} {name!r}{suggest(name, names)}", remedy=", ".join(names))
