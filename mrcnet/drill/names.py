"""The measures that a drill file may name, and what traffic must have for each. Pure."""

from __future__ import annotations

from dataclasses import fields

from mrcnet.drill.measured import Measures

FIELDS = tuple(field.name for field in fields(Measures) if not field.name.startswith("planes_"))
TIMES = tuple(name for name in FIELDS if name.endswith("_ms") and name not in ("rtt_ms", "rto_ms"))
# every time is there in RTTs and in RTOs too
MEASURES = FIELDS + tuple(name.removesuffix("ms") + unit for name in TIMES for unit in ("rtts", "rtos"))
NEEDS_FAULT = {
    *("error_ms", "detection_ms", "last_loss_ms", "recovery_ms", "respray_ms", "longest_gap_ms"),
    *("longest_gap_before_ms", "packets_lost_on_dead_evs", "evs_on_link", "evs_hit", "evs_lost_elsewhere"),
    *("lost_per_qp_mean", "lost_per_qp_max", "lost_per_ev_median", "lost_per_ev_max"),
    *("lost_per_flap_median", "qps_hit", "goodput_before_bps", "goodput_during_bps", "goodput_after_bps"),
    *("goodput_after_share", "leanest_share", "plateau_share", "step_stretch", "job_inflation"),
}
NEEDS_SIZE = {"job_inflation"}
NEEDS_ALSO = {"also_share"}
NEEDS_COLLECTIVE = {"iteration_ms_p50", "iteration_ms_max"}
NEEDS_FLAP = {"lost_per_flap_median"}
NEEDS_RATES = {"line_share"}


def base_of(name: str) -> str:
    """The field from which a measure comes: `detection_rtts` -> `detection_ms`."""
    for unit in ("rtts", "rtos"):
        if name.endswith(f"_{unit}"):
            return name.removesuffix(unit) + "ms"
    return name


def value_of(measures: Measures, name: str) -> float | None:
    """A measure's figure; None if it did not occur."""
    base = base_of(name)
    value: float | None = getattr(measures, base)
    if base == name or value is None:
        return value
    unit = measures.rtt_ms if name.endswith("rtts") else measures.rto_ms
    return value / unit if unit else None
