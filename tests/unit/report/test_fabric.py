"""Drawings of a fabric: where things stand, what is coloured, and that other programs can read them."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations, pairwise
from math import dist
from xml.etree import ElementTree

import pytest
from hypothesis import given

from mrcnet.plan.build import build_plan
from mrcnet.report.fabric import STEPS, draw
from mrcnet.report.health import ends, links
from mrcnet.report.mermaid import as_mermaid
from mrcnet.report.model import Fault, Span
from mrcnet.report.picture import bare
from mrcnet.report.render import fabric_svg
from mrcnet.topology.model import Topology
from tests.unit.drill.recordings import LINK
from tests.unit.plan.fabrics import shipped, topologies
from tests.unit.report.results import result


@given(topologies())
def test_no_node_lies_on_another(topology: Topology) -> None:
    """In any fabric all nodes and links are drawn, within the drawing, and nodes do not overlap."""
    fabric = bare(build_plan(topology))
    drawing = draw(fabric)
    assert (len(fabric.nodes), len(fabric.links)) == (len(drawing.spots), len(drawing.lines))
    for spot in drawing.spots:
        assert drawing.radius <= spot.x <= drawing.width - drawing.radius
        assert drawing.radius <= spot.y <= drawing.height - drawing.radius
    for left, right in pairwise(drawing.blocks):
        assert left.x + left.width + 24 <= right.x
    for one, other in combinations(drawing.spots, 2):
        assert dist((one.x, one.y), (other.x, other.y)) > 2 * drawing.radius


def test_a_link_is_as_well_as_its_best_ev() -> None:
    """Only where every EV that carried packets was out is a link coloured, for as long as the best was."""
    drawn = result().picture
    used = tuple(replace(ev, sent=1) for ev in drawn.evs)
    seen = {ends(health.link): health.bad for health in links(replace(drawn, evs=used))}
    assert 0.0 == seen[frozenset(LINK.split(":"))]  # the second flow's EV crosses it too, and was never out
    alone = tuple(replace(ev, sent=int(ev.src == "h0")) for ev in drawn.evs)
    seen = {ends(health.link): health.bad for health in links(replace(drawn, evs=alone))}
    assert 0.402 == round(seen[frozenset(LINK.split(":"))] or 0, 3)  # from 403 to 805 of 1000 ms
    assert 0.0 == seen[frozenset(("h0", "p0-t0-0"))]
    assert seen[frozenset(("h1", "p0-t0-0"))] is None


def test_faults_are_marked() -> None:
    """A link that was struck is marked with what befell it, by node or by port; a switch likewise."""
    drawn = result().picture
    (line,) = [line for line in draw(drawn).lines if line.struck]
    assert "cut at 400.000 ms; heal at 800.000 ms" in line.tip
    by_port = replace(
        drawn, faults=(Fault(1.0, 0.0, "loss", "h0:eth1"), Fault(2.0, 0.0, "t1-down", "p0-t1-0"))
    )
    drawing = draw(by_port)
    assert ["h0:eth1"] == [line.tip.split(" ")[0] for line in drawing.lines if line.struck]
    assert ["p0-t1-0"] == [spot.node.name for spot in drawing.spots if spot.struck]


@pytest.mark.parametrize(("bad_ms", "heat"), [(0.0, 0), (0.1, 1), (200.0, 1), (201.0, 2), (1_000.0, STEPS)])
def test_heat_covers_the_scale(bad_ms: float, heat: int) -> None:
    """The least trouble is seen, and to have been out for all of the run is the end of the scale."""
    drawn = result().picture
    spans = (Span(0.0, "ASSUMED_BAD", ""), Span(bad_ms, "GOOD", "")) if bad_ms else (Span(0.0, "GOOD", ""),)
    evs = tuple(replace(ev, sent=1, spans=spans) for ev in drawn.evs)
    lines = draw(replace(drawn, evs=evs, length_ms=1_000.0)).lines
    assert {heat} == {line.heat for line in lines if line.heat is not None}


def test_the_file_is_svg_by_itself() -> None:
    """The drawing alone is XML with its own colours, light and dark."""
    root = ElementTree.fromstring(fabric_svg(bare(shipped("4p-2t0-4t1"))))
    assert "{http://www.w3.org/2000/svg}svg" == root.tag
    styles = "".join(style.text or "" for style in root.iter("{http://www.w3.org/2000/svg}style"))
    assert "prefers-color-scheme: dark" in styles


def test_mermaid_has_every_node_and_link() -> None:
    """Each node is declared once, in its plane, and each link joins two that are."""
    fabric = bare(shipped("2p-2t0-2t1"))
    text = as_mermaid(fabric)
    declared = set(re.findall(r"(n_\w+)[\[(]", text))
    assert len(fabric.nodes) == len(declared)
    joined = re.findall(r"(n_\w+) --- (n_\w+)", text)
    assert len(fabric.links) == len(joined)
    assert {name for pair in joined for name in pair} <= declared
    assert 2 == text.count("subgraph")
