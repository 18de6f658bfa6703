"""How a drill's result is printed."""

from __future__ import annotations

from collections.abc import Iterator

from mrcnet.drill.measured import Measures
from mrcnet.drill.result import DrillResult
from mrcnet.drill.verdict import spell
from mrcnet.units import format_duration, format_rate


def result_lines(result: DrillResult) -> Iterator[str]:
    """The verdict, why, the measures, the expectations."""
    yield f"{result.drill}: {result.verdict}"
    yield from (f"  {reason}" for reason in result.reasons)
    yield from (f"  warning: {warning}" for warning in result.warnings)
    if result.traffic is not None and result.traffic.dilation != 1:
        seconds = format_duration(result.traffic.seconds * 1e9)
        yield f"  {seconds} of fabric time, {result.traffic.wall_seconds:.1f} s of wall time"
    if result.measures is not None and result.traffic is not None:
        yield from _measure_lines(result.measures, result.traffic.bin_ms)
    yield from (f"  {spell(judgement)}" for judgement in result.judgements)


def _measure_lines(measures: Measures, bin_ms: float) -> Iterator[str]:
    bar = f"+-{_ms(measures.error_ms)}"
    coarse = f"+-{_ms(measures.error_ms + bin_ms)}"  # found in bins
    before = _ms(measures.longest_gap_before_ms)
    yield f"  detection            {_ms(measures.detection_ms)} {bar}  first EV of the dead link out"
    yield f"  last loss            {_ms(measures.last_loss_ms)} {bar}  the last packet lost on it was sent"
    yield f"  recovery             {_ms(measures.recovery_ms)} {coarse}  goodput at 99 % of before"
    yield f"  longest delivery gap {_ms(measures.longest_gap_ms)}, before the fault {before}"
    yield (
        f"  packets              {measures.packets_lost} lost,"
        f" {measures.packets_retransmitted} retransmitted,"
        f" {measures.duplicates} twice, {measures.messages_wrong} messages wrong"
    )
    yield (
        f"  EVs                  {measures.evs_on_link} on the link, {measures.evs_lost} lost,"
        f" {measures.evs_lost_elsewhere} of them elsewhere, {measures.evs_regained} regained"
    )
    for name, total, planes in (
        ("before", measures.goodput_before_bps, measures.planes_before_bps),
        ("during", measures.goodput_during_bps, measures.planes_during_bps),
        ("after", measures.goodput_after_bps, measures.planes_after_bps),
    ):
        yield f"  goodput {name:<12} {format_rate(total)}   by plane {', '.join(map(format_rate, planes))}"


def _ms(value: float | None) -> str:
    """A time for people: microseconds where the fabric's are meant."""
    if value is None:
        return "never"
    return f"{value:.3f} ms" if value == 0 or abs(value) >= 0.1 else f"{value * 1e3:.3f} us"
