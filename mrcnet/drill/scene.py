"""A fault in a recording: what it struck, how long it lasted, which losses are its doing. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mrcnet.drill.actions import ends_of
from mrcnet.drill.model import Done, Op
from mrcnet.mrc.events import EvChanged, PacketsLost, PlaneChanged
from mrcnet.plan.crossings import Crossings
from mrcnet.plan.model import Plan
from mrcnet.topology.model import End, Link
from mrcnet.workload.summary import Recording


@dataclass(frozen=True, slots=True)
class Loss:
    """A packet found lost at `at` on an EV that the fault struck."""

    at: int
    qpn: int
    ev: int
    sent_at: int


class Scene:
    """One step of a drill as it was recorded. Instants are fabric ns.

    `begins`: when it struck, `since`: the earliest that it may have (its error bar), `over`: when it was
    undone for good, or posting ended; `until`: when the next step struck, or posting ended.
    """

    def __init__(
        self, recording: Recording, done: Sequence[Done], chosen: Done, end: int, crossings: Crossings
    ) -> None:
        job = recording.job
        mine = [one for one in done if one.step is chosen.step]
        ops = tuple(op for one in mine for op in one.did)
        self.done, self.step = chosen, chosen.step
        self.begins, self.since = chosen.at, chosen.at - chosen.error
        self.strikes = tuple(one.at - one.error for one in mine if one.did)
        self.links = links_struck(job.plan, ops)
        self.over = _over(done, chosen, ops, end)
        later = [one.at for one in done if one.at > chosen.at and one.step is not chosen.step]
        self.until = min([*later, end])
        self.dead = {flow.src_qpn: crossings.evs(flow.src, flow.dst, self.links) for flow in job.flows}
        self.events = [e for _, e in recording.events if e.qpn in self.dead and e.at >= self.since]
        self._values = {
            flow.src_qpn: np.array([row.ev for row in recording.sources[flow.number].evs])
            for flow in job.flows
        }
        self.losses = tuple(self._losses())

    def gone(self) -> list[EvChanged]:
        """EVs that became ASSUMED_BAD since."""
        return [e for e in self.events if isinstance(e, EvChanged) and e.new == "ASSUMED_BAD"]

    def gone_here(self) -> list[EvChanged]:
        """Those of them that the fault struck."""
        return [event for event in self.gone() if event.ev in self.dead[event.qpn]]

    def withdrawn(self) -> list[PlaneChanged]:
        """Planes in which it struck a link, withdrawn since."""
        planes = {link.plane for link in self.links}
        return [e for e in self.events if isinstance(e, PlaneChanged) and e.plane in planes and not e.up]

    def _losses(self) -> Iterator[Loss]:
        for event in self.events:
            if isinstance(event, PacketsLost):
                values = self._values[event.qpn][event.ev]
                here = np.isin(values, list(self.dead[event.qpn])) & (event.sent_at < self.over)
                for ev, sent_at in zip(values[here].tolist(), event.sent_at[here].tolist(), strict=True):
                    yield Loss(event.at, event.qpn, ev, sent_at)


def links_struck(plan: Plan, ops: Sequence[Op]) -> tuple[Link, ...]:
    """The links to which operations did something, in either direction."""
    ends = {end for op in ops for end in _touched(op)}
    return tuple(link for link in plan.topology.links if link.a in ends or link.b in ends)


def _touched(op: Op) -> tuple[End, ...]:
    """A link whose EVs are denied is none that is broken, but it is the one that is meant."""
    return (op.place.a, op.place.b) if isinstance(op.place, Link) else ends_of(op)


def _over(done: Sequence[Done], chosen: Done, ops: tuple[Op, ...], end: int) -> int:
    """The last time that what a step did was undone, before another did the same again."""
    found = end
    mine = set(ops)
    for one in done:
        if one.at < chosen.at:
            continue
        if one.step is not chosen.step and not mine.isdisjoint(one.did):
            break
        if not mine.isdisjoint(one.undid):
            found = one.at
    return found


def false_alarms(recording: Recording, done: Sequence[Done], crossings: Crossings) -> int:
    """Changes to ASSUMED_BAD of EVs that cross no link to which anything had been done by then."""
    flow_of = {flow.src_qpn: flow for flow in recording.job.flows}
    count = 0
    for _, event in recording.events:
        if isinstance(event, EvChanged) and event.new == "ASSUMED_BAD" and event.qpn in flow_of:
            before = tuple(op for one in done if one.at - one.error <= event.at for op in one.did)
            flow = flow_of[event.qpn]
            struck = crossings.evs(flow.src, flow.dst, links_struck(recording.job.plan, before))
            count += event.ev not in struck
    return count


def named_steps(done: Sequence[Done]) -> Iterator[tuple[str, Done]]:
    """The steps with names, and the moment at which each began."""
    seen: set[str] = set()
    for one in done:
        if one.first and one.step.name and one.step.name not in seen:
            seen.add(one.step.name)
            yield one.step.name, one
