"""Which probes there are, and which links they tell of."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.plan.build import build_plan
from mrcnet.prober.probes import SelfProbe, self_probes
from mrcnet.topology.model import Link, Role, Topology
from tests.unit.plan.fabrics import plan_of, shipped, topologies

SHAPE = "2p-2t0-2t1"


def crossed(probe: SelfProbe) -> set[frozenset[str]]:
    """The pairs of nodes between which a probe travels."""
    return {frozenset(step) for step in pairwise(hop.node for hop in probe.walk.hops)}


def ends(link: Link) -> frozenset[str]:
    return frozenset((link.a.node, link.b.node))


def test_a_host_probes_its_t0_and_every_t1_and_comes_back() -> None:
    """The carriers name T0, or T0, T1 and T0 again, then the host itself: spec 7."""
    plan = shipped(SHAPE)
    mine = [probe for probe in self_probes(plan, plan.hosts) if probe.host == "h0"]
    assert [
        ("p0-t0-0", ["h0", "p0-t0-0", "h0"]),
        ("p0-t1-0", ["h0", "p0-t0-0", "p0-t1-0", "p0-t0-0", "h0"]),
        ("p0-t1-1", ["h0", "p0-t0-0", "p0-t1-1", "p0-t0-0", "h0"]),
        ("p1-t0-0", ["h0", "p1-t0-0", "h0"]),
        ("p1-t1-0", ["h0", "p1-t0-0", "p1-t1-0", "p1-t0-0", "h0"]),
        ("p1-t1-1", ["h0", "p1-t0-0", "p1-t1-1", "p1-t0-0", "h0"]),
    ] == [(probe.turn, [hop.node for hop in probe.walk.hops]) for probe in mine]
    assert ["fcbb:bb00:2001:6001::", "fcbb:bb00:2001:4001:2001:6001::"] == [
        probe.path.carrier for probe in mine[:2]
    ]


def test_one_host_sees_the_links_of_other_t0s_through_the_t1s() -> None:
    """With one agent, six uSIDs reach the T0 that has none; with an agent there, nobody need go so far."""
    plan = shipped(SHAPE)
    far = [probe for probe in self_probes(plan, ["h0"]) if probe.turn.endswith("t0-1")]
    way = ["h0", "p0-t0-0", "p0-t1-0", "p0-t0-1", "p0-t1-0", "p0-t0-0", "h0"]
    assert way == [hop.node for hop in far[0].walk.hops]
    assert 4 == len(far)
    assert not [probe for probe in self_probes(plan, ["h0", "h3"]) if len(probe.walk.hops) == 7]


@given(topologies(), st.data())
def test_every_probe_returns_and_tells_of_a_link(topology: Topology, data: st.DataObject) -> None:
    """On any fabric probes come home by the tables; what one crosses is its link and the way of its rest."""
    plan = build_plan(topology)
    hosts = data.draw(st.lists(st.sampled_from(plan.hosts), min_size=1, unique=True))
    probes = self_probes(plan, hosts)
    for probe in probes:
        assert probe.walk.reached
        assert probe.host == probe.walk.hops[-1].node
        rest = set() if probe.rest is None else crossed(probes[probe.rest])
        assert crossed(probe) == rest | {ends(link) for link in probe.links}
        assert 1 == len(probe.links)


@given(topologies())
def test_agents_on_all_hosts_see_every_link_of_use(topology: Topology) -> None:
    """Every link of a host, and every link above a T0 that has hosts, has a probe that tells of it."""
    plan = build_plan(topology)
    seen = {link for probe in self_probes(plan, plan.hosts) for link in probe.links}
    served = {link.b.node for link in topology.links if plan.nodes[link.a.node].role is Role.HOST}
    wanted = {link for link in topology.links if {link.a.node, link.b.node} & served}
    assert set() == wanted - seen


def test_parallel_links_are_told_of_as_their_frames_go() -> None:
    """Of two cables between the same switches the tables use the first, and so does the probe."""
    plan = plan_of(
        "fabric: {planes: 1, t0: 1, t1: 1, hosts_per_t0: 1}\n"
        "links: [{endpoints: ['p0-t0-0:eth9', 'p0-t1-0:eth9']}]\n"
    )
    (above,) = (probe for probe in self_probes(plan, ["h0"]) if probe.turn == "p0-t1-0")
    assert ["p0-t0-0:eth2"] == [str(link.a) for link in above.links]


def test_a_stranger_is_refused() -> None:
    """A host that the plan does not have is a KeyError."""
    with pytest.raises(KeyError):
        self_probes(shipped(SHAPE), ["h9"])
