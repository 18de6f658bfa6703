"""What a cut did, in numbers: made from the recording of a run and the instant of the fault. Pure.

The words are defined in GLOSSARY.md; this module is where they get their exact meaning.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mrcnet.drill.goodput import Curve, goodput
from mrcnet.drill.model import Done, EventLine, Measures
from mrcnet.mrc.events import EvChanged, PacketsLost, PlaneChanged
from mrcnet.plan.model import Plan
from mrcnet.plan.paths import paths
from mrcnet.plan.target import find_link
from mrcnet.plan.walk import walk
from mrcnet.workload.report import Told
from mrcnet.workload.summary import Recording

_WARM_UP = 0.25  # of the time before the cut that does not count as steady


def evs_on_link(plan: Plan, src: str, dst: str, ends: frozenset[str]) -> frozenset[int]:
    """The EVs from `src` to `dst` whose walk crosses the link between the two nodes `ends`."""
    crossing: set[int] = set()
    for path in paths(plan, src, dst):
        hops = [hop.node for hop in walk(plan, src, dst, path).hops]
        if any(frozenset(step) == ends for step in pairwise(hops)):
            crossing.add(path.ev)
    return frozenset(crossing)


def measure(recording: Recording, faults: tuple[Done, ...], end: int) -> Measures:
    """Measures of the first cut among `faults`, over all flows; posting ended at the instant `end`."""
    job = recording.job
    cut = faults[0]
    since = cut.at - cut.error  # the link may have been dead from here on
    link = find_link(job.plan, cut.step.target)
    ours = [done for done in faults if find_link(job.plan, done.step.target) == link]
    healed = next((done.at for done in ours if done.step.action == "heal"), end)
    ends = frozenset((link.a.node, link.b.node))
    dead = {flow.number: evs_on_link(job.plan, flow.src, flow.dst, ends) for flow in job.flows}
    flow_of = {flow.src_qpn: flow.number for flow in job.flows}
    events = [event for _, event in recording.events if event.qpn in flow_of and event.at >= since]
    gone = [e for e in events if isinstance(e, EvChanged) and e.new == "ASSUMED_BAD"]
    gone_dead = [event for event in gone if event.ev in dead[flow_of[event.qpn]]]
    away = [e for e in events if isinstance(e, PlaneChanged) and e.plane == link.plane and not e.up]
    back = [e for e in events if isinstance(e, EvChanged) and (e.old, e.new) == ("ASSUMED_BAD", "GOOD")]
    lost = [event for event in events if isinstance(event, PacketsLost)]
    lost_at = [at for event in lost for at in _sent_at(recording, event, flow_of, dead) if at < healed]
    steady = recording.start_at + int((cut.at - recording.start_at) * _WARM_UP)
    curve = Curve(recording.delivered, recording.start_at, job.bin_ns)
    rates = goodput(curve, steady, cut.at, healed)
    before, after = float(rates.before.sum()), float(rates.after.sum())
    sources, sinks = recording.sources.values(), recording.sinks.values()
    return Measures(
        error_ms=cut.error / 1e6,
        detection_ms=_ms(min([e.at for e in gone_dead] + [e.at for e in away], default=None), cut.at),
        last_loss_ms=_ms(max(lost_at, default=None), cut.at),
        recovery_ms=None if rates.recovery is None else rates.recovery / 1e6,
        longest_gap_ms=_longest_gap(recording, cut.at, end),
        longest_gap_before_ms=_longest_gap(recording, steady, cut.at),
        packets_lost=sum(source.sent for source in sources) - sum(sink.arrived for sink in sinks),
        packets_lost_on_dead_evs=len(lost_at),
        packets_retransmitted=sum(source.retransmitted for source in sources),
        duplicates=sum(sink.duplicates for sink in sinks),
        messages_wrong=sum(len(sink.wrong) for sink in sinks),
        evs_on_link=sum(len(evs) for evs in dead.values()),
        evs_hit=len({(event.qpn, event.ev) for event in gone_dead}),
        evs_lost=len(gone),
        evs_lost_elsewhere=len(gone) - len(gone_dead),
        evs_regained=len(back),
        goodput_before_bps=before,
        goodput_during_bps=float(rates.during.sum()),
        goodput_after_bps=after,
        goodput_after_share=after / before if before else 0.0,
        planes_before_bps=tuple(rates.before.tolist()),
        planes_during_bps=tuple(rates.during.tolist()),
        planes_after_bps=tuple(rates.after.tolist()),
    )


def _ms(at: int | None, since: int) -> float | None:
    return None if at is None else (at - since) / 1e6


def _sent_at(
    recording: Recording, event: PacketsLost, flow_of: dict[int, int], dead: dict[int, frozenset[int]]
) -> list[int]:
    """Send times of the packets of a loss that were on an EV of the dead link."""
    flow = flow_of[event.qpn]
    values = np.array([row.ev for row in recording.sources[flow].evs])
    on_link = np.isin(values[event.ev], list(dead[flow]))
    found: list[int] = event.sent_at[on_link].tolist()
    return found


def _longest_gap(recording: Recording, since: int, until: int) -> float:
    """The longest time in ms that any flow went without a delivery between two instants.

    The gap into which `since` falls counts whole, the one into which `until` falls up to there.
    """
    longest = 0
    for sink in recording.sinks.values():
        at = sink.arrivals
        earlier = int(at[at < since].max(initial=recording.start_at))
        edges = np.concatenate(([earlier], at[(at >= since) & (at <= until)], [until]))
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


def _tell(host: str, event: Told) -> tuple[str, str]:
    """An event's kind and what it says."""
    who = f"{host} QP {event.qpn:#x}"
    if isinstance(event, EvChanged):
        change = f"{event.old} -> {event.new} ({event.cause})"
        return "ev", f"{who} EV {event.ev:#010x} plane {event.plane}: {change}"
    if isinstance(event, PlaneChanged):
        return "plane", f"{who} plane {event.plane} {'returned' if event.up else 'withdrawn'} ({event.cause})"
    if isinstance(event, PacketsLost):
        return "lost", f"{who}: {len(event.psn)} packets ({event.cause})"
    return "qp", f"{who} to ERROR: {event.reason}"
