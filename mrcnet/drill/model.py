"""A drill, resolved: what to run, what to break and when, what to expect. Times are fabric nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass, field

from mrcnet.errors import Where


@dataclass(frozen=True, slots=True)
class TrafficSpec:
    """The load: a pattern over hosts (none named: all), for `duration_ns` from the start."""

    pattern: str
    hosts: tuple[str, ...]
    message: int
    rate_bps: int | None
    duration_ns: int
    where: Where


@dataclass(frozen=True, slots=True)
class Step:
    """One fault: `cut` or `heal` of a link, `at_ns` after traffic began."""

    at_ns: int
    action: str
    target: str
    silent: bool
    where: Where


@dataclass(frozen=True, slots=True)
class Expectation:
    """A bound on a measure; either side may be open."""

    measure: str
    at_least: float | None
    at_most: float | None


@dataclass(frozen=True, slots=True)
class Drill:
    """A whole drill file. `topology` is its topology's path as the file gives it, `topology_where` where."""

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


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was taken: the fabric instant and half the width of the interval that holds it, in ns."""

    step: Step
    at: int
    error: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """One expectation against its measure."""

    expectation: Expectation
    value: float | None
    met: bool


@dataclass(frozen=True, slots=True)
class EventLine:
    """One line of a drill's story: milliseconds of fabric time since traffic began."""

    at_ms: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Measures:
    """What a cut did. Defined in GLOSSARY.md; milliseconds of fabric time, goodput in fabric bit/s.

    `error_ms` is the error bar of every figure counted from the fault's instant. None: it did not occur.
    Lists are per plane, in order of planes.
    """

    error_ms: float
    detection_ms: float | None
    last_loss_ms: float | None
    recovery_ms: float | None
    longest_gap_ms: float
    longest_gap_before_ms: float
    packets_lost: int
    packets_lost_on_dead_evs: int
    packets_retransmitted: int
    duplicates: int
    messages_wrong: int
    evs_on_link: int
    evs_hit: int
    evs_lost: int
    evs_lost_elsewhere: int
    evs_regained: int
    goodput_before_bps: float
    goodput_during_bps: float
    goodput_after_bps: float
    goodput_after_share: float
    planes_before_bps: tuple[float, ...] = field(default_factory=tuple)
    planes_during_bps: tuple[float, ...] = field(default_factory=tuple)
    planes_after_bps: tuple[float, ...] = field(default_factory=tuple)
