"""N-1: every link, and every switch, fails in turn under the same short traffic; the worst come first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mrcnet.drill.model import Drill, Step, TrafficSpec
from mrcnet.drill.result import DrillResult
from mrcnet.drill.verdict import ABORTED, PASSED
from mrcnet.errors import Where
from mrcnet.plan.crossings import name_of
from mrcnet.plan.model import Plan
from mrcnet.topology.model import Role
from mrcnet.workload.congestion import base_rtt_ns

_PACKETS = 2_000  # of a run, of all flows together
_RTTS = 250  # that it lasts, where ports have rates ...
_UNSHAPED_NS = 1_000_000_000  # ... and where they have none
_BINS = 1_000
_STRIKE_AT = 0.3  # of the run


@dataclass(frozen=True, slots=True)
class Element:
    """What fails: a `link` or a switch (`T0`, `T1`), by name, and the action that makes it."""

    kind: str
    name: str
    action: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the traffic when an element failed. Times in ms of fabric time; None: never.

    `hurt`: 0 where nothing was felt, 1 where nothing came any more: what the leanest stretch lacks.
    """

    kind: str
    name: str
    verdict: str
    reasons: tuple[str, ...]
    hurt: float
    packets_lost: int
    evs_hit: int
    detection_ms: float | None
    longest_gap_ms: float
    goodput_after_share: float
    qps_failed: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """All outcomes, the worst first. `verdict` is that of the worst."""

    topology: str
    on: str
    verdict: str
    outcomes: tuple[Outcome, ...]


def elements(plan: Plan) -> Iterator[Element]:
    """Everything that can fail by itself: each link goes silent, each switch turns grey."""
    for link in plan.topology.links:
        yield Element("link", name_of(plan, link), "cut")
    for node in plan.topology.nodes:
        if node.role is not Role.HOST:
            yield Element(node.role.name, node.name, f"{node.role.value}-grey")


def drill_of(plan: Plan, element: Element, seed: int, *, shaped: bool) -> Drill:
    """The same traffic for every element: a ring through all hosts, which crosses T0s and T1s."""
    here = Where("the sweep")
    lasts = _RTTS * base_rtt_ns(plan, plan.topology.transport.payload) if shaped else _UNSHAPED_NS
    bits = _PACKETS * plan.topology.transport.payload * 8
    rate = max(1, bits * 1_000_000_000 // lasts // len(plan.hosts))
    spread = _spread(plan)
    return Drill(
        name="each-link",
        story="",
        topology="",
        topology_where=here,
        seed=seed,
        traffic=TrafficSpec("ring", spread, plan.topology.transport.payload, rate, lasts, here),
        steps=(Step(int(lasts * _STRIKE_AT), element.action, element.name, silent=True, where=here),),
        expectations=(),
        bin_ns=max(1, lasts // _BINS),
    )


def _spread(plan: Plan) -> tuple[str, ...]:
    """Hosts in an order in which neighbours hang from different T0s, where there are several."""
    under: dict[str, list[str]] = {}
    for host in plan.hosts:
        under.setdefault(plan.nodes[host].ports[0].peer_node, []).append(host)
    columns = list(under.values())
    longest = max(map(len, columns))
    return tuple(column[row] for row in range(longest) for column in columns if row < len(column))


def outcome(element: Element, result: DrillResult) -> Outcome:
    """What a run tells of its element."""
    found = result.measures
    return Outcome(
        kind=element.kind,
        name=element.name,
        verdict=result.verdict,
        reasons=result.reasons,
        hurt=1.0 if found is None else max(0.0, 1 - (found.leanest_share or 0.0)),
        packets_lost=0 if found is None else found.packets_lost,
        evs_hit=0 if found is None else found.evs_hit,
        detection_ms=None if found is None else found.detection_ms,
        longest_gap_ms=0.0 if found is None else found.longest_gap_ms,
        goodput_after_share=0.0 if found is None else found.goodput_after_share,
        qps_failed=0 if found is None else found.qps_failed,
    )


def in_turn(
    plan: Plan, run: Callable[[Element], DrillResult], progress: Callable[[str], None]
) -> Iterator[Outcome]:
    """Let everything fail, one after the other; a run that is aborted is the last."""
    wanted = list(elements(plan))
    for number, element in enumerate(wanted, 1):
        progress(f"{number} of {len(wanted)}: {element.kind} {element.name}")
        found = outcome(element, run(element))
        yield found
        if found.verdict == ABORTED:
            return


def gather(plan: Plan, on: str, outcomes: Iterable[Outcome]) -> Sweep:
    """Put outcomes together, in the order of the elements."""
    found = list(outcomes)
    return Sweep(plan.topology.name, on, _worst(found), tuple(sorted(found, key=_badness, reverse=True)))


def _badness(one: Outcome) -> tuple[bool, float, float, int]:
    return one.verdict != PASSED, one.hurt, one.longest_gap_ms, one.packets_lost


def _worst(found: Sequence[Outcome]) -> str:
    bad = [one.verdict for one in found if one.verdict != PASSED]
    return ABORTED if ABORTED in bad else bad[0] if bad else PASSED
