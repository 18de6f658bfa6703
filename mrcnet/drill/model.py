"""A drill, resolved: what to run, what to break and when, what to expect. Times are fabric nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass

from mrcnet.drill.measured import EventLine, Measures
from mrcnet.errors import Where
from mrcnet.topology.model import End, Link

__all__ = ["Done", "Drill", "EventLine", "Expectation", "Judgement", "Measures", "Step", "TrafficSpec"]

Place = Link | End | str | tuple[str, str, int]  # one direction of a link, a host, an EV of a pair


@dataclass(frozen=True, slots=True)
class TrafficSpec:
    """The load: a pattern over hosts (none named: all), for `duration_ns` from the start, or of `size` bytes
    a flow; or a `collective` of that size, `iterations` times, and no pattern. `also` are further loads;
    theirs begin and end at `start_ns` and `stop_ns`.
    """

    pattern: str
    hosts: tuple[str, ...]
    message: int
    rate_bps: int | None
    duration_ns: int | None
    where: Where
    size: int | None = None
    start_ns: int = 0
    stop_ns: int | None = None
    seed: int | None = None
    also: tuple[TrafficSpec, ...] = ()
    collective: str = ""
    algorithm: str = ""
    iterations: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One action of the time line: `at_ns` after traffic began, or `after` a share of the bytes.

    `targets` are what it is done to, together or `apart_ns` from each other; empty: `target` alone. It is
    undone after `lasts_ns`; with a `period_ns` it is done `count` times, for a share `duty` of each period.
    `amount` is what the action needs: a share of packets or of a rate, or nanoseconds of delay.
    """

    at_ns: int
    action: str
    target: str
    silent: bool
    where: Where
    targets: tuple[str, ...] = ()
    name: str | None = None
    wall: bool = False  # `at_ns` is wall time
    after: float | None = None
    lasts_ns: int | None = None
    apart_ns: int = 0
    period_ns: int | None = None
    duty: float = 0.5
    count: int = 1
    amount: float = 0.0
    ev: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """All its targets."""
        return self.targets or (self.target,)

    @property
    def title(self) -> str:
        """What it is done to, for people."""
        names = self.names
        return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


@dataclass(frozen=True, slots=True)
class Op:
    """What a fabric can do to one place, and undo: `down`, `silent` or `delay` to a link, `blackhole`,
    `loss` or `degrade` to one direction (the end that sends), `deny` to an EV, or all on a link,
    `hush` (no port status) to a host.
    """

    kind: str
    place: Place
    amount: float = 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """What happens at one instant: operations that are undone, then some that are done.

    `at_ns` counts from the beginning of traffic, or from the delivery of the share `after` of all bytes.
    """

    at_ns: int
    step: Step
    do: tuple[Op, ...] = ()
    undo: tuple[Op, ...] = ()
    after: float | None = None
    first: bool = True  # of its step
    ends: bool = False  # what its step began


@dataclass(frozen=True, slots=True)
class Expectation:
    """A bound on a measure; either side may be open. `of`: the action from which it counts, if not the
    first; `on`: the only fabric on which it is held.
    """

    measure: str
    at_least: float | None
    at_most: float | None
    of: str | None = None
    on: str | None = None
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class ProberSpec:
    """Agents on all hosts beside the traffic: rounds per wall second; whether what they find is denied."""

    rate: float
    deny: bool
    where: Where


@dataclass(frozen=True, slots=True)
class CaptureSpec:
    """A port, by its name or by its node and the next, whose frames around faults are kept."""

    port: str
    where: Where


@dataclass(frozen=True, slots=True)
class Drill:
    """A whole drill file, for one choice of its matrix. `topology` is its topology's path as the file gives
    it, `topology_where` where. `steady`: how far goodput may stray from its mean before the first fault.
    """

    name: str
    story: str
    topology: str
    topology_where: Where
    seed: int
    traffic: TrafficSpec
    steps: tuple[Step, ...]
    expectations: tuple[Expectation, ...]
    backup_share: float | None = None
    timeout_exponent: int | None = None
    congestion: str = "fixed"
    transport: str = "mrc"
    port_status: bool = True
    bin_ns: int | None = None
    steady: float | None = None
    on: tuple[str, ...] = ("kernel", "sim")
    choice: tuple[tuple[str, str], ...] = ()  # variables of the matrix and their values
    repeat: int = 1
    prober: ProberSpec | None = None
    capture: tuple[CaptureSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """A moment that came: the fabric instant and half the width of the interval that holds it, in ns."""

    step: Step
    at: int
    error: int
    did: tuple[Op, ...] = ()
    undid: tuple[Op, ...] = ()
    first: bool = True


@dataclass(frozen=True, slots=True)
class Judgement:
    """One expectation against its measure."""

    expectation: Expectation
    value: float | None
    met: bool
