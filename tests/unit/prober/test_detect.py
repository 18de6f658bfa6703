"""What is concluded from missed probes, against fabrics broken at random."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.plan.build import build_plan
from mrcnet.prober.detect import Detector, LinkChange, Rules
from mrcnet.prober.probes import SelfProbe, self_probes
from mrcnet.topology.model import Link, Topology
from tests.unit.plan.fabrics import shipped, topologies

RULES = Rules()
PLAN = shipped("2p-2t0-2t1")
PERIOD = 20_000_000
Ends = frozenset[str]


def ends(link: Link) -> Ends:
    return frozenset((link.a.node, link.b.node))


def steps(probe: SelfProbe) -> list[Ends]:
    """What a probe crosses, there and back."""
    return [frozenset(step) for step in pairwise(hop.node for hop in probe.walk.hops)]


class Rounds:
    """Rounds of a fabric whose links lose shares of what crosses them."""

    def __init__(self, probes: tuple[SelfProbe, ...], seed: int = 1, copies: int = 4) -> None:
        self._steps = [steps(probe) for probe in probes]
        self._copies = [copies if probe.rest is None else 1 for probe in probes]
        self._rng = np.random.default_rng(seed)
        self.detector = Detector(probes, RULES)
        self.loss: dict[Ends, float] = {}
        self.now = 0

    def go(self, rounds: int) -> list[LinkChange]:
        changes = []
        for _ in range(rounds):
            answered = [
                all(self._rng.random() >= self.loss.get(step, 0.0) for _ in range(copies) for step in way)
                for way, copies in zip(self._steps, self._copies, strict=True)
            ]
            changes += self.detector.note(np.array(answered, np.bool_), self.now, self.now + 2 * PERIOD)
            self.now += PERIOD
        return changes


def test_a_whole_fabric_is_whole() -> None:
    """Where every probe is answered nothing is named."""
    rounds = Rounds(self_probes(PLAN, PLAN.hosts))
    assert [] == rounds.go(100)
    assert ((), ()) == (rounds.detector.broken, rounds.detector.hidden)


@given(topologies(), st.data())
def test_what_can_be_seen_to_be_broken_is_named(topology: Topology, data: st.DataObject) -> None:
    """For any links dead: no whole one is named, and every dead one that some probe could single out is."""
    plan = build_plan(topology)
    hosts = data.draw(st.lists(st.sampled_from(plan.hosts), min_size=1, unique=True))
    probes = self_probes(plan, hosts)
    dead = set(map(ends, data.draw(st.lists(st.sampled_from(topology.links), unique=True))))
    singled_out = {
        link for probe in probes for link in map(ends, probe.links) if not dead & set(steps(probe)) - {link}
    }
    rounds = Rounds(probes)
    rounds.go(RULES.window)
    rounds.loss = dict.fromkeys(dead, 1.0)
    rounds.go(RULES.missed)
    assert dead & singled_out == set(map(ends, rounds.detector.broken))
    watched = set(map(ends, rounds.detector.links))
    assert watched - singled_out == set(map(ends, rounds.detector.hidden))
    rounds.loss = {}
    rounds.go(2 * RULES.back)
    assert ((), ()) == (rounds.detector.broken, rounds.detector.hidden)


@pytest.mark.parametrize("link", ["h0 p0-t0-0", "p0-t0-0 p0-t1-1", "p1-t0-1 p1-t1-0"])
def test_a_dead_link_takes_the_rounds_of_the_rule(link: str) -> None:
    """The third missed round names the link, not the second; the fiftieth answered one takes that back."""
    rounds = Rounds(self_probes(PLAN, PLAN.hosts))
    rounds.go(30)
    died_at = rounds.now
    rounds.loss = {frozenset(link.split()): 1.0}
    assert [] == rounds.go(RULES.missed - 1)
    (change,) = rounds.go(1)
    assert (True, frozenset(link.split()), 3 / 20) == (change.broken, ends(change.link), change.missed)
    assert (died_at, rounds.now + PERIOD) == (change.since_ns, change.at_ns)
    assert [] == rounds.go(30)
    healed_at, rounds.loss = rounds.now, {}
    assert [] == rounds.go(RULES.back - 1)
    (change,) = rounds.go(1)
    assert (False, frozenset(link.split()), healed_at) == (change.broken, ends(change.link), change.since_ns)


def test_two_misses_in_a_window_are_nothing() -> None:
    """A machine that loses two probes of twenty now and then breaks no link."""
    rounds = Rounds(self_probes(PLAN, ["h0"]))
    for _ in range(20):
        rounds.loss = {ends(link): 1.0 for link in PLAN.topology.links}
        assert [] == rounds.go(2)
        rounds.loss = {}
        assert [] == rounds.go(RULES.window)


@pytest.mark.parametrize("share", [0.03, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_a_lossy_host_link_is_not_charged_to_the_links_above(share: float, seed: int) -> None:
    """Every probe of the host suffers, those to the T1s too: only the host's own link is named, and soon."""
    rounds = Rounds(self_probes(PLAN, PLAN.hosts), seed)
    rounds.go(30)
    lossy = frozenset(("h0", "p0-t0-0"))
    rounds.loss = {lossy: share}
    first = rounds.go(200)
    assert [lossy] == list(dict.fromkeys(ends(change.link) for change in first + rounds.go(1000)))


@pytest.mark.parametrize("seed", range(4))
def test_a_lossy_link_above_is_named(seed: int) -> None:
    """A link between T0 and T1 that loses every tenth frame is found, and no other."""
    rounds = Rounds(self_probes(PLAN, PLAN.hosts), seed)
    lossy = frozenset(("p0-t0-1", "p0-t1-0"))
    rounds.loss = {lossy: 0.1}
    assert {lossy} == {ends(change.link) for change in rounds.go(200)}


def test_behind_a_broken_link_what_was_known_stands() -> None:
    """A link that is broken when its only witness loses its own port is still broken, and hidden."""
    rounds = Rounds(self_probes(PLAN, ["h0"]))
    own, above = frozenset(("h0", "p0-t0-0")), frozenset(("p0-t0-0", "p0-t1-1"))
    rounds.loss = {above: 1.0}
    rounds.go(10)
    rounds.loss = {own: 1.0}  # the other one has healed, but who could tell?
    rounds.go(100)
    assert [above, own] == [ends(link) for link in rounds.detector.broken]
    assert above in map(ends, rounds.detector.hidden)
    rounds.loss = {}
    rounds.go(RULES.back)
    assert () == rounds.detector.broken
