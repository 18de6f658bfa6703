"""Parts of a regular fabric are those of the whole."""

from __future__ import annotations

import pytest

from mrcnet.errors import InputError
from mrcnet.topology.excerpt import around, between, node_called, regular
from mrcnet.topology.load import load_text, read_text
from mrcnet.topology.model import Link, Topology

SMALL = """\
name: small
fabric:
  {planes: 2, t0: 2, t1: 3, hosts_per_t0: 2, plane_shapes: {1: {t0: 3, t1: 2, rate: 50Gbps}}}
kinds: {host: {delay: 100ns}}
"""
HUGE = "name: huge\nfabric: {planes: 8, t0: 512, t1: 256, hosts_per_t0: 256}\n"


def at(topology: Topology, *nodes: str) -> set[Link]:
    return {link for link in topology.links if {link.a.node, link.b.node} & set(nodes)}


def test_a_node_has_its_links_and_no_others() -> None:
    """Around every node are exactly its links in the whole, with their rates, delays and ports."""
    whole, outline = load_text(SMALL, "x"), read_text(SMALL, "x")
    for node in whole.nodes:
        part = around(outline, node.name)
        assert at(whole, node.name) == set(part.links)
        assert set(part.nodes) <= set(whole.nodes)


def test_a_pair_has_its_ports_and_all_uplinks_of_its_t0s() -> None:
    """Between two hosts lie their own links and, of the T0s at these, every link to a T1."""
    whole, part = load_text(SMALL, "x"), between(read_text(SMALL, "x"), "h0", "h3")
    t0s = {link.b.node for link in at(whole, "h0", "h3")}
    above = {link for link in at(whole, *t0s) if "-t1-" in link.b.node}
    assert at(whole, "h0", "h3") | above == set(part.links)


@pytest.mark.parametrize(
    "name", ["h131072", "p8-t0-0", "p0-t0-512", "p0-t1-256", "h01", "p0-t0-00", "h-1", "x", ""]
)
def test_what_is_not_there_has_no_surroundings(name: str) -> None:
    """A name that the fabric does not generate is a KeyError, however near it is to one that it does."""
    fabric = read_text(HUGE, "x").raw.fabric
    assert fabric is not None
    with pytest.raises(KeyError):
        node_called(fabric, name)


@pytest.mark.parametrize(
    "more",
    [
        "omit: [p0-t0-0]\n",
        "nodes: {x: {role: host}}\n",
        "links: [{endpoints: [h0, p0-t0-0], rate: 1Gbps}]\n",
        "hosts: {h0: {planes: [0]}}\n",
        "ports: {}\n",
        "dilation: 10\n",
        "routing: ecmp\n",
    ],
)
def test_what_is_not_regular_is_worked_out_whole_or_refused(more: str) -> None:
    """One thing that differs makes a fabric irregular, and then a huge one is refused before it is built."""
    outline = read_text(HUGE + more, "x.yaml")
    assert None is regular(outline)
    with pytest.raises(InputError, match=r"x\.yaml:2:9: fabric: 131072 hosts with 8 planes are too many"):
        load_text(HUGE + more, "x.yaml")


def test_the_largest_whole_fabric() -> None:
    """1 024 hosts with 8 planes are worked out as a whole; one T0 more is refused, with what to do."""
    text = "name: x\nfabric: {{planes: 8, t0: {}, t1: 1, hosts_per_t0: 64}}\n"
    assert 1024 == sum(node.plane is None for node in load_text(text.format(16), "x").nodes)
    with pytest.raises(InputError, match="part by part"):
        load_text(text.format(17), "x")
