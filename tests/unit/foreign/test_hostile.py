"""Files that were damaged, or made to hurt: a message or a remark, never anything else."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mrcnet.errors import InputError
from mrcnet.foreign.clab import read_clab
from mrcnet.foreign.convert import convert
from mrcnet.foreign.judge import judge
from mrcnet.foreign.reading import Source, read_fabric, wanted
from mrcnet.render.containerlab import render_containerlab
from mrcnet.render.model import Nos, Wish
from mrcnet.topology.document import parse
from tests.unit.plan.fabrics import plan_of

PLAN = plan_of("name: x\nfabric: {planes: 3, t0: 2, t1: 1, hosts_per_t0: 1}\n")
FILES = {file.path: file.text for file in render_containerlab(PLAN, Wish(Nos.FRR, mixed=True))}
CLAB = "x.clab.yml"
SPOKEN = sorted(path for path in FILES if wanted(PurePosixPath(path)))
WORDS = st.sampled_from(
    [
        "-1",
        "::/129",
        "fcbb::",
        "²",
        "\x00",
        "{",
        "]",
        "&a",
        "*a",
        "!!python/object:os.system",
        "$(id)",
        "${HOME}",
        "null",
        "9" * 40,
        "é" * 20,
        "Ethernet0",
        "Ethernet9999",
        "ethX",
        "segments",
        "locator",
        "nexthop",
        " ",
        "\n",
        "\t",
    ]
)
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """A text with some words of it gone or replaced."""
    words = text.split(" ")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(words)))
        words[at : at + draw(st.integers(0, 3))] = draw(st.lists(WORDS, max_size=2))
    return " ".join(words)


def read_all(files: dict[str, str]) -> None:
    """Import, read, judge with and without a plan."""
    try:
        lab = read_clab(parse(files[CLAB], CLAB))
        imported = convert(lab, {})
        sources = [Source(PurePosixPath(path), files[path], path) for path in SPOKEN]
        fabric = read_fabric(lab, imported, sources)
    except InputError:
        return
    judge(fabric, None)
    if {node.name for node in imported.topology.nodes} == set(PLAN.nodes):
        judge(fabric, PLAN)


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_topologies(data: st.DataObject) -> None:
    """A damaged containerlab file is read, or refused with a message."""
    read_all({**FILES, CLAB: data.draw(damaged(FILES[CLAB]))})


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_configurations(data: st.DataObject) -> None:
    """So is any node's configuration."""
    path = data.draw(st.sampled_from(SPOKEN))
    read_all({**FILES, path: data.draw(damaged(FILES[path]))})


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_config_db_of_any_json(data: st.DataObject) -> None:
    """ConfigDB may hold anything that JSON can say, in any table, row and field."""
    path = next(path for path in SPOKEN if path.endswith(".json"))
    tables = json.loads(FILES[path])
    name = data.draw(st.sampled_from(sorted(tables)))
    key = data.draw(st.sampled_from(sorted(tables[name])))
    match data.draw(st.sampled_from(["table", "row", "field"])):
        case "table":
            tables[name] = data.draw(JSON)
        case "row":
            tables[name][key] = data.draw(JSON)
        case _:
            fields = tables[name][key]
            fields[data.draw(st.sampled_from([*sorted(fields), "nexthop", "adj"]))] = data.draw(JSON)
    read_all({**FILES, path: json.dumps(tables)})
