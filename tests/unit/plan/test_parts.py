"""Parts of a plan, each made alone, are those of the whole plan."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.errors import InputError
from mrcnet.plan.addressing import to_int, to_text
from mrcnet.plan.build import build_plan
from mrcnet.plan.capacity import leaves
from mrcnet.plan.counts import counts
from mrcnet.plan.model import Action, Plan
from mrcnet.plan.parts import Parts, counts_of
from mrcnet.plan.paths import paths
from mrcnet.plan.profile import Steering
from mrcnet.plan.tables import node_plan
from mrcnet.plan.walk import walk
from mrcnet.plan.wiring import wire
from mrcnet.topology.excerpt import around
from mrcnet.topology.load import Outline, load_text, read_text, work_out
from mrcnet.topology.model import Role

HUGE = "name: huge\nfabric: {planes: 8, t0: 512, t1: 256, hosts_per_t0: 256}\n"


@st.composite
def regulars(draw: st.DrawFn) -> Outline:
    """Small regular fabrics: planes may differ, T0s may have fewer hosts than others, or no uplinks."""
    planes = draw(st.integers(1, 3))
    tier = {"t0": st.integers(1, 4), "t1": st.integers(0, 3), "rate": st.sampled_from(["50Gbps", "400Gbps"])}
    fabric = {
        "planes": planes,
        "t0": draw(st.integers(1, 3)),
        "t1": draw(st.integers(0, 3)),
        "hosts_per_t0": draw(st.integers(1, 3)),
        "plane_shapes": draw(
            st.dictionaries(st.integers(0, planes - 1), st.fixed_dictionaries({}, optional=tier))
        ),
    }
    return read_text(yaml.safe_dump({"name": "random", "fabric": fabric}), "random.yaml")


def whole_of(outline: Outline) -> Plan:
    return build_plan(work_out(outline))


@given(regulars())
def test_every_node_is_the_whole_plans(outline: Outline) -> None:
    """A node asked for alone has the ports and routes that it has in the whole plan."""
    parts, plan = Parts(outline), whole_of(outline)
    assert set(plan.nodes) == set(parts.names())
    assert dict(plan.nodes) == {name: parts.node(name) for name in plan.nodes}
    switches = {name: node for name, node in plan.nodes.items() if node.role is not Role.HOST}
    assert switches == {node.name: node for node in parts.switches()}


@given(regulars())
def test_every_pair_is_the_whole_plans(outline: Outline) -> None:
    """A pair planned alone has the EVs, the carriers and the hops that it has in the whole plan."""
    parts, plan = Parts(outline), whole_of(outline)
    for src, dst in [(plan.hosts[0], host) for host in plan.hosts[1:]]:
        part = parts.pair(src, dst)
        assert paths(plan, src, dst) == paths(part, src, dst)
        for path in paths(plan, src, dst):
            assert walk(plan, src, dst, path) == walk(part, src, dst, path)


@given(regulars())
def test_sizes_and_t0s_are_the_whole_plans(outline: Outline) -> None:
    """What is counted, and what capacity is reckoned from, is the same with and without the whole plan."""
    parts, plan = Parts(outline), whole_of(outline)
    assert parts.fabric is not None
    assert counts(plan) == counts_of(parts.fabric)
    assert sorted(map(str, leaves(plan.wiring))) == sorted(map(str, parts.leaves()))


@given(regulars())
def test_templates_give_every_route_of_a_host(outline: Outline) -> None:
    """The template of a peer's prefix, with an uplink and the peer's downlink, is the host's route to it."""
    parts, plan = Parts(outline), whole_of(outline)
    for host in plan.hosts:
        alone = node_plan(wire(around(outline, host)), host)
        assert [route for route in plan.nodes[host].routes if route.action is not Action.ENCAP] == [
            *alone.routes
        ]
        expected, found = [], []
        steering = {(one.dst, one.dev): one for one in parts.steering(host)}
        for route in plan.nodes[host].routes:
            if route.action is Action.ENCAP and route.segs is not None:
                peer = to_int(route.dst)
                one = steering[f"{to_text(peer >> 64 << 64)}/64", route.dev]
                expected.append(_usids(route.segs))
                found.append(_filled(one, peer & 0x3FF, expected[-1]))
        assert expected == found


def _usids(address: str) -> list[int]:
    return [to_int(address) >> shift & 0xFFFF for shift in (80, 64, 48, 32)]


def _filled(one: Steering, downlink: int, route: list[int]) -> list[int]:
    usids = _usids(one.template)
    last = max(index for index, usid in enumerate(usids) if usid)
    usids[last] |= downlink
    if last == 3:
        usids[1] |= route[1] & 0x3FF  # any uplink will do
    return usids


@pytest.mark.parametrize(("t1", "refused"), [(16, True), (15, False)])
def test_links_count_too(t1: int, refused: bool) -> None:
    """Few hosts may have a great many links between them: 1 024 of hosts, 1 024 a T1."""
    text = f"fabric: {{planes: 8, t0: 128, t1: {t1}, hosts_per_t0: 1}}\n"
    assert refused == Parts(read_text(text, "x.yaml")).too_large
    with pytest.raises(InputError, match="17408 links") if refused else nullcontext():
        load_text(text, "x.yaml")


def test_the_full_fabric() -> None:
    """Of 131 072 hosts a switch has 1 025 entries, a pair 2 048 EVs, a host a template a T0 and plane."""
    parts = Parts(read_text(HUGE, "x.yaml"))
    assert parts.too_large
    names = ("p7-t0-511", "p7-t1-255", "h131071")
    assert [1025, 1025, 16] == [len(parts.node(name).routes) for name in names]
    assert 8 * 512 == len(list(parts.steering("h131071")))
    plan = parts.pair("h0", "h131071")
    assert (2048, ()) == (len(paths(plan, "h0", "h131071")), plan.lint)
