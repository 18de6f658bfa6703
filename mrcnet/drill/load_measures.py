"""Measures of a whole run, whatever was broken in it. Pure. The words are defined in GLOSSARY.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from mrcnet.drill.model import Done
from mrcnet.drill.scene import false_alarms
from mrcnet.mrc.events import EvChanged, PacketsLost, QpFailed
from mrcnet.plan.crossings import Crossings
from mrcnet.workload.collective import ends_of
from mrcnet.workload.flow import Flow
from mrcnet.workload.summary import Recording

_PARTS, _LAST = 10, 3  # of a run: the loss rate of the worst tenth against that of the last three


class OfRun(TypedDict):
    """The fields of `Measures` that count over the whole run."""

    packets_lost: int
    packets_retransmitted: int
    duplicates: int
    messages_wrong: int
    rtt_ms: float | None
    rto_ms: float | None
    qps_failed: int
    retransmitted_share: float
    lost_share: float
    loss_fall: float | None
    message_ms_p50: float | None
    message_ms_p99: float | None
    message_ms_max: float | None
    iteration_ms_p50: float | None
    iteration_ms_max: float | None
    false_assumed_bad: int
    ev_churn: float
    plane_spread: float
    jain: float | None
    slowest_share: float | None
    line_share: float | None
    also_share: float | None
    trimmed: int


def load_measures(
    recording: Recording, done: Sequence[Done], end: int, crossings: Crossings, trimmed: int = 0
) -> OfRun:
    """Posting ended at the instant `end`; `trimmed`: packets that switches trimmed."""
    job = recording.job
    sources, sinks = recording.sources.values(), recording.sinks.values()
    sent = sum(source.sent for source in sources)
    again = sum(source.retransmitted for source in sources)
    lost = sent - sum(sink.arrived for sink in sinks)
    rtts = [source.base_rtt for source in sources]
    main = [flow for flow in job.flows if not flow.beside]
    durations = np.array([d for flow in main for d in recording.sources[flow.number].durations]) / 1e6
    p50, p99, most = np.percentile(durations, (50, 99, 100)).tolist() if len(durations) else (None,) * 3
    rates = np.array([_rate(recording, flow) for flow in main])
    changes = [event for _, event in recording.events if isinstance(event, EvChanged)]
    churn = sum("ASSUMED_BAD" in (change.old, change.new) for change in changes)
    typical, longest = _iterations(recording)
    return OfRun(
        packets_lost=lost,
        packets_retransmitted=again,
        duplicates=sum(sink.duplicates for sink in sinks),
        messages_wrong=sum(len(sink.wrong) for sink in sinks) + _elements_wrong(recording),
        rtt_ms=float(np.median(rtts)) / 1e6 if rtts else None,
        rto_ms=job.settings.timeout_ns / 1e6,
        qps_failed=len({e.qpn for _, e in recording.events if isinstance(e, QpFailed)}),
        retransmitted_share=again / sent if sent else 0.0,
        lost_share=lost / sent if sent else 0.0,
        loss_fall=_loss_fall(recording, end),
        message_ms_p50=p50,
        message_ms_p99=p99,
        message_ms_max=most,
        iteration_ms_p50=typical,
        iteration_ms_max=longest,
        false_assumed_bad=false_alarms(recording, done, crossings),
        ev_churn=churn / len(job.flows),
        plane_spread=_spread(recording),
        jain=float(rates.sum() ** 2 / len(rates) / (rates**2).sum()) if rates.any() else None,
        slowest_share=float(rates.min() / rates.mean()) if rates.any() else None,
        line_share=_line_share(recording, main),
        also_share=_also_share(recording),
        trimmed=trimmed,
    )


def _elements_wrong(recording: Recording) -> int:
    """Elements of collectives that are not NumPy's, where a rank was through: else some are yet to come."""
    ranks = (rank for report in recording.reports for rank in report.ranks)
    return sum(
        wrong for rank in ranks for end, wrong in zip(rank.ends, rank.wrong, strict=True) if end is not None
    )


def _iterations(recording: Recording) -> tuple[float | None, float | None]:
    """Median and longest of a collective, in ms; there is no longest where one never ended."""
    ends = ends_of(recording)
    if not ends:
        return None, None
    spans = np.diff([recording.start_at, *ends]) / 1e6
    whole = len(ends) == len(recording.job.programs[0].graph.calls)
    return float(np.median(spans)), float(spans.max()) if whole else None


def _rate(recording: Recording, flow: Flow) -> float:
    """bit/s of a flow: its verified bytes over the time from when it may post to its last completion."""
    source, sink = recording.sources[flow.number], recording.sinks[flow.number]
    if source.ended_at is None:
        return 0.0
    return sink.verified_bytes * 8e9 / max(1, source.ended_at - recording.start_at - flow.start_ns)


def _spread(recording: Recording) -> float:
    """How far the planes' bytes lie apart, over their mean."""
    planes = recording.delivered.sum(axis=1)
    return float((planes.max() - planes.min()) / planes.mean()) if planes.any() else 0.0


def _loss_fall(recording: Recording, end: int) -> float | None:
    """Losses of the worst tenth of the run over the mean of its last three tenths (a third at least)."""
    width = max(1, (end - recording.start_at) // _PARTS)
    parts = np.zeros(_PARTS)
    for _, event in recording.events:
        if isinstance(event, PacketsLost) and event.at < end:
            parts[min(_PARTS - 1, (event.at - recording.start_at) // width)] += len(event.psn)
    late = max(1 / _LAST, float(parts[-_LAST:].mean()))
    return float(parts.max()) / late if parts.any() else None


def _line_share(recording: Recording, main: Sequence[Flow]) -> float | None:
    """Goodput to the last completion over the rate of the sources' ports, or the destinations' if less."""
    nodes = recording.job.plan.nodes
    totals = [
        sum(port.rate_bps for host in hosts for port in nodes[host].ports)
        for hosts in ({flow.src for flow in main}, {flow.dst for flow in main})
    ]
    ends = [at for flow in main if (at := recording.sources[flow.number].ended_at) is not None]
    size = sum(recording.sinks[flow.number].verified_bytes for flow in main)
    if not ends:
        return None
    return size * 8e9 / max(1, max(ends) - recording.start_at) / min(totals)


def _also_share(recording: Recording) -> float | None:
    """The least of what the loads beside got, each over what it offered."""
    beside = [flow for flow in recording.job.flows if flow.beside and flow.rate_bps]
    return min((_rate(recording, flow) / (flow.rate_bps or 1) for flow in beside), default=None)
