"""Each remark of lint, on a fabric that deserves it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mrcnet.errors import InputError
from mrcnet.plan.build import build_plan, dilated
from mrcnet.plan.lint import check_clashes, check_usids, lint
from mrcnet.plan.model import Finding, Plan
from mrcnet.topology.model import End

from .fabrics import plan_of, shipped

PAIR = "fabric: {planes: 2, t0: 2, t1: 1, hosts_per_t0: 2}\n"


def codes(plan: Plan) -> list[tuple[str, str]]:
    return [(finding.severity, finding.code) for finding in plan.lint]


@pytest.mark.parametrize(("mtu", "found"), [(4227, [("error", "mtu")]), (4228, [])])
def test_mtu_must_hold_payload_and_headers(mtu: int, found: list[tuple[str, str]]) -> None:
    """4 096 bytes of payload need 132 more: 4 228 is enough, 4 227 is not."""
    assert found == codes(plan_of(PAIR + f"links: [{{endpoints: [h0, p0-t0-0], mtu: {mtu}}}]\n"))


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ("srv6: {block: 'fd4d:5200::/32'}", "prefix-overlap"),
        ("addresses: {hosts: 'fe80::/32'}", "prefix-reserved"),
        ("srv6: {block: 'ff02::/32'}", "prefix-reserved"),
        ("srv6: {block: '::/32'}", "prefix-reserved"),
    ],
)
def test_prefixes_must_be_apart_and_usable(settings: str, code: str) -> None:
    """Block and hosts' prefix may neither overlap nor lie in a range with a meaning of its own."""
    assert [("error", code)] == codes(plan_of(PAIR + settings))


def test_cut_plane_is_named_with_its_hosts() -> None:
    """A plane whose T0s have no T1 in common is an error that names hosts and counts the rest."""
    plan = plan_of(PAIR + "omit: [p1-t1-0]\n")
    message = "in plane 1 hosts cannot reach each other: h0 and h2, h0 and h3, h1 and h2 and 1 more pairs"
    assert (Finding("error", "unreachable", message),) == plan.lint


def test_hosts_without_a_common_plane_are_named() -> None:
    """Two hosts with ports in different planes only are an error; so is one without any port."""
    plan = plan_of(PAIR + "hosts: {h0: {planes: [0]}, h3: {planes: [1]}}\n")
    assert (Finding("error", "no-common-plane", "hosts without a common plane: h0 and h3"),) == plan.lint
    plan = plan_of(PAIR + "nodes: {a: {role: host}, b: {role: host}}\n")
    assert [("error", "no-common-plane")] == codes(plan)
    assert plan.lint[0].message.endswith(" and 6 more pairs")  # 2 x 4 + 1 pairs, 3 of them shown


def test_parallel_links_are_a_warning() -> None:
    """A second link between two switches works, but uN never uses it."""
    extra = "links: [{endpoints: ['p0-t0-0:eth9', 'p0-t1-0:eth9']}]\n"
    assert [("warning", "parallel-links")] == codes(plan_of(PAIR + extra))


def test_long_interface_name_of_a_topology_made_by_hand() -> None:
    """A name that the kernel would cut is an error, also where no file was read."""
    topology = shipped("2p-2t0-2t1").topology
    first, *rest = topology.links
    longer = replace(first, a=End(first.a.node, "x" * 16))
    assert [("error", "interface-name")] == codes(build_plan(replace(topology, links=(longer, *rest))))


@pytest.mark.parametrize(
    ("extra", "found"),
    [
        ("ports: {}\n", [("error", "leaf-decap")]),
        ("dilation: 10\nports: {roles: {t0-up: {ecn: off, trim: off}}}\n", [("error", "leaf-decap")]),
        ("ports: {roles: {t0-up: {ecn: off, trim: off}, t1-down: {ecn: off, trim: off}}}\n", []),
    ],
)
def test_marks_that_leaf_decap_would_lose(extra: str, found: list[tuple[str, str]]) -> None:
    """Where T0s decapsulate, ports before them must neither mark nor trim, for no host would see it."""
    text = PAIR + "srv6: {scheme: leaf-decap}\n"
    assert found == codes(plan_of(text + extra))
    if "dilation" not in extra and found:
        with pytest.raises(InputError, match="dilated 10 times, this fabric would not work: where T0s"):
            dilated(plan_of(text), 10)


def test_too_many_usids_do_not_fit_a_carrier() -> None:
    """Six uSIDs fit, seven do not."""
    assert [] == list(check_usids([1] * 6))
    assert ["carrier-length"] == [finding.code for finding in check_usids([1] * 7)]


@pytest.mark.parametrize(
    ("usid", "found"), [(0, ["sid-range"]), (1, []), (0xFFFF, []), (0x10000, ["sid-range"])]
)
def test_usids_of_a_carrier_have_16_bits(usid: int, found: list[str]) -> None:
    """0000 would end the carrier, and a seventeenth bit would run into the uSID before."""
    assert found == [finding.code for finding in check_usids([usid])]


def test_equal_indexes_clash() -> None:
    """Two T0s of a plane with one index share a locator, and their hosts share addresses."""
    topology = shipped("2p-2t0-2t1").topology
    nodes = tuple(replace(node, index=0) if node.name == "p0-t0-1" else node for node in topology.nodes)
    found = {code for _, code in codes(build_plan(replace(topology, nodes=nodes)))}
    assert {"sid-clash", "address-clash", "route-clash"} == found


def test_equal_macs_clash() -> None:
    """Two ports with one MAC address are an error."""
    plan = shipped("2p-2t0-2t1")
    host = plan.nodes["h0"]
    ports = tuple(replace(port, mac="02:00:00:00:00:00") for port in host.ports)
    found = list(check_clashes({**plan.nodes, "h0": replace(host, ports=ports)}))
    assert [Finding("error", "mac-clash", "MAC address used more than once: 02:00:00:00:00:00")] == found


def test_errors_come_before_warnings() -> None:
    """The reader meets what stops `up` first."""
    extra = "links: [{endpoints: ['p0-t0-0:eth9', 'p0-t1-0:eth9']}]\nomit: [p1-t1-0]\n"
    plan = plan_of(PAIR + extra)
    assert [("error", "unreachable"), ("warning", "parallel-links")] == codes(plan)
    assert plan.lint == lint(plan.wiring, plan.nodes)
