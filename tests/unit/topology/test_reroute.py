"""A topology's text under another routing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mrcnet.errors import InputError
from mrcnet.topology.load import load_text
from mrcnet.topology.model import Bfd, Routing
from mrcnet.topology.reroute import rerouted

TEXT = """
name: fabric
fabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 1}
defaults: {rate: 100Mbps, delay: 100us}
ports: {drop: 32bdp, links: [{at: "p0-t0-0:p0-t1-1", rate: 50Mbps}]}
links: [{endpoints: ["p1-t0-0", "p1-t1-0"], rate: 50Mbps}]
"""


@pytest.mark.parametrize("routing", list(Routing))
def test_all_else_stays(routing: Routing) -> None:
    """Only the routing differs, however the file is written: rates, ports, links, names are the same."""
    before = load_text(TEXT, "f.yaml", {})
    after = load_text(rerouted(TEXT, "f.yaml", routing), "f.yaml", {})
    bfd = Bfd(300_000_000, 3) if routing is Routing.BGP else None
    assert replace(before, routing=routing, bfd=bfd) == after


def test_what_says_so_already_is_not_touched() -> None:
    """A text that has the routing keeps its comments."""
    assert TEXT == rerouted(TEXT, "f.yaml", Routing.SRV6)


def test_settings_of_bgp_go_with_bgp() -> None:
    """A file with settings of BGP can be had without BGP, and keeps them with it."""
    text = TEXT + "routing: bgp\nbgp: {bfd: {interval: 50ms, multiplier: 2}}\n"
    assert load_text(rerouted(text, "f.yaml", Routing.ECMP), "f.yaml", {}).bfd is None
    assert text == rerouted(text, "f.yaml", Routing.BGP)


def test_no_yaml_is_refused() -> None:
    """What is no topology is refused with its place."""
    with pytest.raises(InputError, match=r"f\.yaml"):
        rerouted("fabric: {", "f.yaml", Routing.ECMP)
