"""What probing came to, for who reads it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mrcnet.plan.crossings import name_of
from mrcnet.plan.model import Plan
from mrcnet.prober.agent import Prober
from mrcnet.prober.controller import Denial
from mrcnet.prober.detect import LinkChange
from mrcnet.topology.model import Link, Role


@dataclass(frozen=True, slots=True)
class Named:
    """A link that was found broken (or whole again) at `at_ns`, CLOCK_MONOTONIC.

    `kind` is `NIC-T0` or `T0-T1`. `latency_ms`: wall time since the first of the probes that showed it was
    sent. `missed`: the share of its probes in the window that were not answered; `host`: whose they were.
    """

    link: str
    kind: str
    state: str
    at_ns: int
    latency_ms: float
    missed: float
    host: str


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The whole of it. `ok`: no link was found broken. `broken` are those that still are, `hidden` those of
    which nothing can be told behind them; `switches`: those of which every link that can be seen is broken.
    `denials`: what runs did on a controller's word.
    """

    hosts: tuple[str, ...]
    links: int
    probes: int
    rounds: int
    ok: bool
    broken: tuple[str, ...]
    hidden: tuple[str, ...]
    switches: tuple[str, ...]
    changes: tuple[Named, ...]
    denials: tuple[Denial, ...] = ()


def named(plan: Plan, change: LinkChange) -> Named:
    """A change in words."""
    return Named(
        link=name_of(plan, change.link),
        kind="NIC-T0" if plan.nodes[change.link.a.node].role is Role.HOST else "T0-T1",
        state="broken" if change.broken else "whole",
        at_ns=change.at_ns,
        latency_ms=(change.at_ns - change.since_ns) / 1e6,
        missed=change.missed,
        host=change.host,
    )


def result(prober: Prober, changes: Iterable[LinkChange]) -> ProbeResult:
    """What the agents know now, and how they came to it."""
    plan, detector = prober.plan, prober.detector
    told = tuple(named(plan, change) for change in changes)
    broken, hidden = detector.broken, detector.hidden
    return ProbeResult(
        hosts=prober.hosts,
        links=len(detector.links),
        probes=len(prober.probes),
        rounds=detector.rounds,
        ok=not any(one.state == "broken" for one in told),
        broken=tuple(name_of(plan, link) for link in broken),
        hidden=tuple(name_of(plan, link) for link in hidden),
        switches=dead_switches(plan, detector.links, broken, hidden),
        changes=told,
    )


def dead_switches(
    plan: Plan, links: Iterable[Link], broken: Iterable[Link], hidden: Iterable[Link]
) -> tuple[str, ...]:
    """The switches of which two links or more can be seen, and all of those are broken."""
    dead, unseen = frozenset(broken), frozenset(hidden)
    seen: dict[str, list[bool]] = {}
    for link in links:
        if link in dead or link not in unseen:
            for end in (link.a, link.b):
                seen.setdefault(end.node, []).append(link in dead)
    return tuple(
        name
        for name, states in seen.items()
        if plan.nodes[name].role is not Role.HOST and len(states) > 1 and all(states)
    )
