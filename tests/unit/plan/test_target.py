"""Targets: what a user writes to name a link, and what is said when it names none."""

from __future__ import annotations

import pytest

from mrcnet.errors import InputError
from mrcnet.plan.target import find_link

from .fabrics import plan_of

PLAN = plan_of("name: t\nfabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 1}\n")


@pytest.mark.parametrize("target", ["p0-t0-0:p0-t1-1", "p0-t1-1:p0-t0-0", "p0-t0-0:eth3", "p0-t1-1:eth1"])
def test_nodes_and_ports_name_a_link(target: str) -> None:
    """Both nodes in either order, or a port of either end, name the same link."""
    link = find_link(PLAN, target)
    assert {"p0-t0-0", "p0-t1-1"} == {link.a.node, link.b.node}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("p0-t0-0", "names no link"),
        (":p0-t1-1", "names no link"),
        ("p0-t0-9:p0-t1-1", "did you mean 'p0-t0-"),
        ("p0-t0-0:p1-t1-0", "has no link to"),
        ("h0:h1", "its neighbours are p0-t0-0, p1-t0-0"),
        ("h0:h0", "has no link to"),
    ],
)
def test_what_names_no_link_is_explained(target: str, words: str) -> None:
    """The error says what is wrong and what there is."""
    with pytest.raises(InputError) as raised:
        find_link(PLAN, target)
    assert words in str(raised.value)


def test_parallel_links_need_a_port() -> None:
    """Two links between the same nodes are told apart by a port."""
    text = (
        "name: t\nfabric: {planes: 1, t0: 1, t1: 1, hosts_per_t0: 2}\n"
        'links: [{endpoints: ["p0-t0-0:eth7", "p0-t1-0:eth7"]}]\n'
    )
    plan = plan_of(text)
    if len([link for link in plan.topology.links if link.b.node == "p0-t1-0"]) < 2:
        pytest.skip("the topology took the link for the generated one")
    with pytest.raises(InputError, match="names 2 links"):
        find_link(plan, "p0-t0-0:p0-t1-0")
    assert "eth7" == find_link(plan, "p0-t0-0:eth7").a.port
