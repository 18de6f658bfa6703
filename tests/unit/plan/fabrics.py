"""Topologies for the tests of planning: shipped, small ones by text, and random ones."""

from __future__ import annotations

from pathlib import Path

import yaml
from hypothesis import strategies as st

from mrcnet.errors import InputError
from mrcnet.plan.build import build_plan
from mrcnet.plan.model import Plan
from mrcnet.topology.load import load_text
from mrcnet.topology.model import Topology

ROOT = Path(__file__).parents[3]


def plan_of(text: str) -> Plan:
    """The plan of a topology given as YAML."""
    return build_plan(load_text(text, "lab.yaml"))


def shipped(name: str, scheme: str | None = None) -> Plan:
    """The plan of a shipped topology, with another SID scheme if one is given."""
    source = ROOT / "topologies" / f"{name}.yaml"
    text = source.read_text(encoding="utf-8") + (f"srv6: {{scheme: {scheme}}}\n" if scheme else "")
    return build_plan(load_text(text, source.name))


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """Random shapes with unequal planes, hosts with fewer ports, and links and switches left out."""
    planes, t0, t1 = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(0, 3))
    hosts_per_t0 = draw(st.integers(1, 3))
    shape = st.fixed_dictionaries({}, optional={"t0": st.integers(1, 3), "t1": st.integers(0, 3)})
    some_planes = st.lists(st.integers(0, planes - 1), min_size=1, unique=True)
    fabric: dict[str, object] = {
        "planes": planes,
        "t0": t0,
        "t1": t1,
        "hosts_per_t0": hosts_per_t0,
        "plane_shapes": draw(st.dictionaries(st.integers(0, planes - 1), shape)),
    }
    host = st.integers(0, t0 * hosts_per_t0 - 1).map(lambda index: f"h{index}")
    hosts = {name: {"planes": chosen} for name, chosen in draw(st.dictionaries(host, some_planes)).items()}
    data = {"name": "random", "fabric": fabric, "hosts": hosts}
    whole = load_text(yaml.safe_dump(data), "random.yaml")
    things = [f"{link.a.node}:{link.b.node}" for link in whole.links]
    try:
        data["omit"] = draw(st.lists(st.sampled_from(things), max_size=6, unique=True))
        return load_text(yaml.safe_dump(data), "random.yaml")
    except InputError:  # nothing was left
        return whole
