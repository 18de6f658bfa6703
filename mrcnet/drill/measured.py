"""What is measured of a drill: plain records. Each figure is defined in GLOSSARY.md, once."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EventLine:
    """One line of a drill's story: milliseconds of fabric time since traffic began."""

    at_ms: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Measures:
    """What a fault did. Defined in GLOSSARY.md; milliseconds of fabric time, goodput in fabric bit/s.

    `error_ms` is the error bar of every figure counted from the fault's instant. None: it did not occur, or
    the traffic cannot give it. Lists are per plane, in order of planes.
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
    rtt_ms: float | None = None
    rto_ms: float | None = None
    respray_ms: float | None = None
    lost_per_qp_mean: float | None = None
    lost_per_qp_max: float | None = None
    lost_per_ev_median: float | None = None
    lost_per_ev_max: float | None = None
    lost_per_flap_median: float | None = None
    qps_hit: int = 0
    qps_failed: int = 0
    retransmitted_share: float = 0.0
    lost_share: float = 0.0
    loss_fall: float | None = None
    leanest_share: float | None = None
    plateau_share: float | None = None
    message_ms_p50: float | None = None
    message_ms_p99: float | None = None
    message_ms_max: float | None = None
    iteration_ms_p50: float | None = None
    iteration_ms_max: float | None = None
    step_stretch: float | None = None
    job_inflation: float | None = None
    false_assumed_bad: int = 0
    ev_churn: float = 0.0
    plane_spread: float = 0.0
    jain: float | None = None
    slowest_share: float | None = None
    line_share: float | None = None
    also_share: float | None = None
    trimmed: int = 0
