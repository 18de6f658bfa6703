"""EV profiles: templates and masks give every carrier, and no other."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network
from itertools import pairwise
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.plan.build import build_plan
from mrcnet.plan.model import Plan
from mrcnet.plan.parts import Parts
from mrcnet.plan.paths import paths
from mrcnet.plan.profile import json_schema, profile_data, ranges, steering_of
from mrcnet.topology.load import Outline, read_text, work_out
from mrcnet.topology.model import Srv6, Topology
from mrcnet.topology.schemefile import scheme_called
from mrcnet.topology.schemefile import shipped as schemes

from .fabrics import topologies
from .test_parts import HUGE, regulars

Ev = tuple[int, str, str]


def expanded(profile: dict[str, Any], plan: Plan, dst: str) -> set[Ev]:
    """What a NIC makes of its profile for a peer: (EV, port, carrier), from JSON and addresses alone."""
    found = set()
    for port in plan.nodes[dst].ports:
        address = IPv6Address(port.addresses[0].partition("/")[0])
        for row in profile["steering"]:
            if address in IPv6Network(row["dst"]):
                assert row["plane"] == port.plane
                fixed = put(int(IPv6Address(row["template"])), row["downlink_mask"], int(address) & 0xFFFF)
                for first, last in row["uplinks"]:
                    for uplink in range(first, last + 1):
                        carrier = str(IPv6Address(put(fixed, row["uplink_mask"], uplink)))
                        found.add((row["plane"] << 16 | uplink, row["dev"], carrier))
    return found


def put(template: int, mask: str, number: int) -> int:
    """A number in its field."""
    bits = int(IPv6Address(mask))
    assert template & bits == 0
    moved = number * (bits & -bits)
    assert moved & ~bits == 0
    return template | moved


def planned(plan: Plan, src: str, dst: str) -> set[Ev]:
    return {(one.ev, one.port, str(IPv6Address(one.carrier))) for one in paths(plan, src, dst)}


@given(topologies(), st.sampled_from(schemes()))
def test_a_profile_is_the_paths(topology: Topology, scheme: str) -> None:
    """Of any fabric and scheme, template and masks give exactly the EVs, ports and carriers planned."""
    chosen = scheme_called(scheme)
    plan = build_plan(replace(topology, srv6=Srv6(chosen.block.text, chosen)))
    for src in plan.hosts:
        profile = {"steering": [vars_of(one) for one in steering_of(plan.wiring, src)]}
        for dst in plan.hosts:
            if src != dst:
                assert planned(plan, src, dst) == expanded(profile, plan, dst)


def vars_of(one: Any) -> dict[str, Any]:
    return {key: getattr(one, key) for key in type(one).__slots__}


@given(regulars())
def test_a_part_is_told_what_the_whole_is(outline: Outline) -> None:
    """Of a regular fabric a profile made alone is the whole plan's, and hosts alike are told the same."""
    parts, plan = Parts(outline), build_plan(work_out(outline))
    groups = list(parts.alike())
    assert list(plan.hosts) == [host for group in groups for host in group]
    for group in groups:
        found = parts.profile(group).steering
        assert all(tuple(steering_of(plan.wiring, host)) == found for host in group)


@pytest.mark.parametrize("scheme", schemes())
def test_the_json_has_its_schema(scheme: str) -> None:
    """What is written passes the schema that is printed, and the plane stands where the mask says."""
    text = f"fabric: {{planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}}\nsrv6: {{scheme: {scheme}}}\n"
    parts = Parts(read_text(text, "x.yaml"))
    profile = json.loads(json.dumps(profile_data(parts.profile(("h0",)))))
    jsonschema.Draft202012Validator(json_schema()).validate(profile)
    for row in profile["steering"]:
        bits = int(IPv6Address(row["plane_mask"]))
        usual = int(IPv6Address(row["template"])) & bits
        assert bits
        assert (usual != 0) == (row["plane"] == 1)


def test_of_the_full_fabric() -> None:
    """131 072 hosts fall into 512 groups; each holds a template a T0 and plane, with 256 uplinks."""
    parts = Parts(read_text(HUGE, "x.yaml"))
    groups = list(parts.alike())
    assert (512, 131_072) == (len(groups), sum(map(len, groups)))
    steering = parts.profile(groups[511]).steering
    assert (8 * 512, {((1, 256),)}) == (len(steering), {one.uplinks for one in steering})


@given(st.sets(st.integers(1, 40)))
def test_ranges(numbers: set[int]) -> None:
    """Ranges hold the numbers, all of them and no other, and none touches the next."""
    found = list(ranges(sorted(numbers)))
    assert sorted(numbers) == [number for first, last in found for number in range(first, last + 1)]
    assert all(one[1] + 1 < other[0] for one, other in pairwise(found))
