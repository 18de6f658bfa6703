"""What a cut did, in numbers: made from the recording of a run and the instant of the fault. Pure.

The words are defined in GLOSSARY.md; this module is where they get their exact meaning.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mrcnet.drill.model import Done, EventLine, Measures
from mrcnet.mrc.events import EvChanged, PacketsLost, QpFailed
from mrcnet.plan.model import Plan
from mrcnet.plan.paths import paths
from mrcnet.plan.target import find_link
from mrcnet.plan.walk import walk
from mrcnet.workload.summary import Recording

BIN_NS = 1_000_000  # goodput is recorded in bins of 1 ms
_COARSE = 10  # and judged in bins of 10 ms
_WINDOW = 10  # recovered: ten such bins in a row
_BACK = 0.99
_WARM_UP = 0.25  # of the time before the fault that does not count as steady


def evs_on_link(plan: Plan, src: str, dst: str, ends: frozenset[str]) -> frozenset[int]:
    """The EVs from `src` to `dst` whose walk crosses the link between the two nodes `ends`."""
    crossing: set[int] = set()
    for path in paths(plan, src, dst):
        hops = [hop.node for hop in walk(plan, src, dst, path).hops]
        if any(frozenset(step) == ends for step in pairwise(hops)):
            crossing.add(path.ev)
    return frozenset(crossing)


def measure(recording: Recording, faults: tuple[Done, ...]) -> Measures:
    """Measures of the first cut among `faults`, over all flows."""
    job = recording.job
    cut = faults[0]
    healed = next((done.at for done in faults[1:] if done.step.action == "heal"), None)
    link = find_link(job.plan, cut.step.target)
    ends = frozenset((link.a.node, link.b.node))
    dead = {flow.number: evs_on_link(job.plan, flow.src, flow.dst, ends) for flow in job.flows}
    flow_of = {flow.src_qpn: flow.number for flow in job.flows}
    events = [event for _, event in recording.events if event.qpn in flow_of and event.at >= cut.at]
    gone = [e for e in events if isinstance(e, EvChanged) and e.new == "ASSUMED_BAD"]
    gone_dead = [event for event in gone if event.ev in dead[flow_of[event.qpn]]]
    back = [e for e in events if isinstance(e, EvChanged) and (e.old, e.new) == ("ASSUMED_BAD", "GOOD")]
    lost_at = _losses(recording, events, dead, flow_of)
    end = _end(recording)
    before, during, after, recovery = _goodput(recording, cut.at, healed, end)
    total = float(after.sum())
    sources, sinks = recording.sources.values(), recording.sinks.values()
    return Measures(
        error_ms=cut.error / 1e6,
        detection_ms=_ms(min((event.at for event in gone_dead), default=None), cut.at),
        last_loss_ms=_ms(max(lost_at, default=None), cut.at),
        recovery_ms=recovery,
        longest_gap_ms=_longest_gap(recording, cut.at, end),
        longest_gap_before_ms=_longest_gap(recording, _steady_from(recording, cut.at), cut.at),
        packets_lost=sum(source.sent for source in sources) - sum(sink.arrived for sink in sinks),
        packets_lost_on_dead_evs=len(lost_at),
        packets_retransmitted=sum(source.retransmitted for source in recording.sources.values()),
        duplicates=sum(sink.duplicates for sink in recording.sinks.values()),
        messages_wrong=sum(len(sink.wrong) for sink in recording.sinks.values()),
        evs_on_link=sum(len(evs) for evs in dead.values()),
        evs_hit=len({(event.qpn, event.ev) for event in gone_dead}),
        evs_lost=len(gone),
        evs_lost_elsewhere=len(gone) - len(gone_dead),
        evs_regained=len(back),
        goodput_before_bps=float(before.sum()),
        goodput_during_bps=float(during.sum()),
        goodput_after_bps=total,
        goodput_after_share=total / float(before.sum()) if before.sum() else 0.0,
        planes_before_bps=tuple(before.tolist()),
        planes_during_bps=tuple(during.tolist()),
        planes_after_bps=tuple(after.tolist()),
    )


def _ms(at: int | None, since: int) -> float | None:
    return None if at is None else (at - since) / 1e6


def _losses(
    recording: Recording,
    events: list[EvChanged | PacketsLost | QpFailed],
    dead: dict[int, frozenset[int]],
    flow_of: dict[int, int],
) -> list[int]:
    """Send times of the packets that were lost on an EV of the dead link."""
    found: list[int] = []
    for event in events:
        if isinstance(event, PacketsLost):
            flow = flow_of[event.qpn]
            values = np.array([row.ev for row in recording.sources[flow].evs])
            on_link = np.isin(values[event.ev], list(dead[flow]))
            found += event.sent_at[on_link].tolist()
    return found


def _end(recording: Recording) -> int:
    ended = [s.ended_at for s in recording.sources.values() if s.ended_at is not None]
    return max(ended, default=recording.start_at)


def _steady_from(recording: Recording, fault: int) -> int:
    return recording.start_at + int((fault - recording.start_at) * _WARM_UP)


def _rates(recording: Recording, since: int, until: int) -> npt.NDArray[np.float64]:
    """bit/s per plane between two instants, whole bins only."""
    width = recording.job.bin_ns
    first, last = -(-(since - recording.start_at) // width), (until - recording.start_at) // width
    part = recording.delivered[:, first:last]
    seconds = part.shape[1] * width / 1e9
    return part.sum(axis=1) * 8 / seconds if seconds else np.zeros(len(part))


def _goodput(
    recording: Recording, fault: int, healed: int | None, end: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64], float | None]:
    """Rates per plane (before, during, after) in bit/s, and the recovery in ms.

    "Recovered" is the first instant from which ten bins of 10 ms together carry 99 % of the rate before,
    and none of them less than the leanest hundredth of the bins before.
    """
    steady = _steady_from(recording, fault)
    before = _rates(recording, steady, fault)
    until = min(end, healed) if healed is not None else end
    coarse = recording.job.bin_ns * _COARSE
    bins = _coarse(recording, fault, until)
    earlier = _coarse(recording, steady, fault)
    mean = float(before.sum()) * coarse / 8e9  # bytes per coarse bin
    lean = min(_BACK * mean, float(np.quantile(earlier, 0.01))) if len(earlier) else 0.0
    recovered: int | None = None
    for number in range(len(bins) - _WINDOW + 1):
        part = bins[number : number + _WINDOW]
        if part.mean() >= _BACK * mean and part.min() >= lean:
            recovered = number
            break
    at = fault + (recovered * coarse if recovered is not None else until - fault)
    return (
        before,
        _rates(recording, fault, max(at, fault + _WINDOW * coarse)),
        _rates(recording, at, until),
        None if recovered is None else recovered * coarse / 1e6,
    )


def _coarse(recording: Recording, since: int, until: int) -> npt.NDArray[np.int64]:
    """Bytes of all planes in bins of 10 ms from the first whole fine bin after `since` on."""
    width = recording.job.bin_ns
    first, last = -(-(since - recording.start_at) // width), (until - recording.start_at) // width
    total = recording.delivered[:, first:last].sum(axis=0)
    whole = len(total) // _COARSE * _COARSE
    return np.asarray(total[:whole].reshape(-1, _COARSE).sum(axis=1), np.int64)


def _longest_gap(recording: Recording, since: int, until: int) -> float:
    """The longest time in ms that any flow went without a delivery between two instants."""
    longest = 0
    for sink in recording.sinks.values():
        at = sink.arrivals
        inside = at[(at >= since) & (at <= until)]
        first = int(at[at < since].max(initial=since))  # the gap that the instant falls into counts whole
        edges = np.concatenate(([first], inside))
        if len(edges) > 1:
            longest = max(longest, int(np.diff(edges).max()))
    return longest / 1e6


def story(recording: Recording, faults: tuple[Done, ...]) -> list[EventLine]:
    """What happened, in order of time: faults, EVs lost and regained, QPs failed."""
    start = recording.start_at
    lines = [
        EventLine(
            (done.at - start) / 1e6,
            done.step.action,
            f"{done.step.target}" + (" (silent)" if done.step.silent else ""),
        )
        for done in faults
    ]
    for host, event in recording.events:
        lines.append(EventLine((event.at - start) / 1e6, *_tell(host, event)))
    return sorted(lines, key=lambda line: line.at_ms)


def _tell(host: str, event: EvChanged | PacketsLost | QpFailed) -> tuple[str, str]:
    """An event's kind and what it says."""
    who = f"{host} QP {event.qpn:#x}"
    if isinstance(event, EvChanged):
        change = f"{event.old} -> {event.new} ({event.cause})"
        return "ev", f"{who} EV {event.ev:#010x} plane {event.plane}: {change}"
    if isinstance(event, PacketsLost):
        return "lost", f"{who}: {len(event.psn)} packets ({event.cause})"
    return "qp", f"{who} to ERROR: {event.reason}"
