"""What a topology file means: shapes, inheritance, mixing, variables, limits."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mrcnet.errors import InputError, Where
from mrcnet.topology.load import load_text
from mrcnet.topology.model import End, Link, Node, Role, Topology
from mrcnet.topology.schema import json_schema

ROOT = Path(__file__).parents[3]
SMALL = "fabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}\n"


def load(text: str, **env: str) -> Topology:
    return load_text(text, "lab.yaml", env)


def link(topology: Topology, a: str, b: str) -> Link:
    return next(one for one in topology.links if (one.a.node, one.b.node) == (a, b))


def test_compact_form_makes_every_node_in_order() -> None:
    """Nodes come as hosts, then plane by plane T0s and T1s, each with its index."""
    topology = load("fabric: {planes: 2, t0: 1, t1: 2, hosts_per_t0: 2}")
    names = ["h0", "h1", "p0-t0-0", "p0-t1-0", "p0-t1-1", "p1-t0-0", "p1-t1-0", "p1-t1-1"]
    assert names == [node.name for node in topology.nodes]
    assert Node("p1-t1-1", Role.T1, 1, 1) == topology.nodes[-1]


def test_compact_form_cables_ports_in_order() -> None:
    """A T0 has its hosts on eth1 and up, then its T1s; a T1 its T0s; a host plane p on eth{p+1}."""
    topology = load(SMALL)
    ends = [(str(one.a), str(one.b)) for one in topology.links if one.plane == 1]
    assert [
        ("h0:eth2", "p1-t0-0:eth1"),
        ("h1:eth2", "p1-t0-0:eth2"),
        ("h2:eth2", "p1-t0-1:eth1"),
        ("h3:eth2", "p1-t0-1:eth2"),
        ("p1-t0-0:eth3", "p1-t1-0:eth1"),
        ("p1-t0-0:eth4", "p1-t1-1:eth1"),
        ("p1-t0-1:eth3", "p1-t1-0:eth2"),
        ("p1-t0-1:eth4", "p1-t1-1:eth2"),
    ] == ends


def test_omission_renames_no_other_port() -> None:
    """The links that remain after an omission are the very same as before."""
    whole = load(SMALL)
    less = load(SMALL + "omit: ['p0-t0-0:p0-t1-0', p1-t1-0, 'p0-t0-1:h2']\n")
    gone = {("p0-t0-0", "p0-t1-0"), ("p1-t0-0", "p1-t1-0"), ("p1-t0-1", "p1-t1-0"), ("h2", "p0-t0-1")}
    assert tuple(one for one in whole.links if (one.a.node, one.b.node) not in gone) == less.links
    assert "p1-t1-0" not in [node.name for node in less.nodes]


def test_plane_shape_spreads_hosts_over_its_own_t0s() -> None:
    """A plane with fewer T0s still takes every host, in order and evenly."""
    topology = load("fabric: {planes: 2, t0: 4, t1: 1, hosts_per_t0: 1, plane_shapes: {1: {t0: 2, t1: 3}}}")
    t0s = [one.b.node for one in topology.links if one.plane == 1 and one.a.node.startswith("h")]
    assert ["p1-t0-0", "p1-t0-0", "p1-t0-1", "p1-t0-1"] == t0s
    assert 3 == sum(node.role is Role.T1 and node.plane == 1 for node in topology.nodes)


def test_plane_shape_may_have_no_t1() -> None:
    """A plane can be a tier of T0s alone."""
    topology = load("fabric: {planes: 2, t0: 1, t1: 2, hosts_per_t0: 2, plane_shapes: {1: {t1: 0}}}")
    assert {0} == {node.plane for node in topology.nodes if node.role is Role.T1}


def test_host_with_fewer_ports() -> None:
    """A host that names its planes has ports in these alone, and the others keep theirs."""
    topology = load(SMALL + "hosts: {h1: {planes: [1]}}\n")
    assert [("h1", "eth2")] == [(one.a.node, one.a.port) for one in topology.links if one.a.node == "h1"]
    assert 2 == sum(one.a.node == "h0" for one in topology.links)


def test_settings_of_the_nearest_level_win() -> None:
    """Link over plane over kind over defaults over the built-in settings, key by key."""
    topology = load(
        "fabric: {planes: 2, t0: 1, t1: 1, hosts_per_t0: 2, plane_shapes: {1: {rate: 3Gbps}}}\n"
        "defaults: {rate: 1Gbps, mtu: 9KB}\n"
        "kinds: {host: {rate: 2Gbps, delay: 1us}}\n"
        "links: [{endpoints: [p1-t0-0, h0], rate: 4Gbps}]\n"
    )
    found = {(one.a.node, one.plane): (one.rate_bps, one.delay_ns, one.mtu) for one in topology.links}
    assert {
        ("h0", 0): (2 * 10**9, 1000, 9000),
        ("h1", 0): (2 * 10**9, 1000, 9000),
        ("p0-t0-0", 0): (10**9, 500, 9000),
        ("h0", 1): (4 * 10**9, 1000, 9000),
        ("h1", 1): (3 * 10**9, 1000, 9000),
        ("p1-t0-0", 1): (3 * 10**9, 500, 9000),
    } == found


def test_explicit_link_adds_to_the_generated_fabric() -> None:
    """A link with both ports joins an explicit host to a generated switch, lower tier first."""
    topology = load(SMALL + "nodes: {h9: {role: host}}\nlinks: [{endpoints: ['p0-t0-0:eth9', 'h9:eth1']}]\n")
    assert End("h9", "eth1") == link(topology, "h9", "p0-t0-0").a
    assert Node("h9", Role.HOST, None, 9) == topology.nodes[4]


def test_a_generated_link_can_be_replaced() -> None:
    """An omitted link's ports are free for another cable."""
    text = SMALL + "omit: ['h0:p0-t0-0']\nlinks: [{endpoints: ['h0:eth1', 'p0-t0-1:eth9']}]\n"
    assert "p0-t0-1:eth9" == str(link(load(text), "h0", "p0-t0-1").b)


def test_explicit_nodes_take_free_indexes() -> None:
    """A node's index is the one it states, else its name's, else the next free one."""
    topology = load(
        "nodes: {a: {role: t0, plane: 0}, p0-t0-4: {role: t0, plane: 0}, b: {role: t0, plane: 0, index: 2}, "
        "h: {role: host}}\nlinks: [{endpoints: ['h:eth0', 'a:eth0']}]\n"
    )
    assert [("b", 2), ("p0-t0-4", 4), ("a", 5)] == [(node.name, node.index) for node in topology.nodes[1:]]


def test_words_that_yaml_would_change_stay_text() -> None:
    """A host may be called `no`, and a name may look like a number."""
    nodes = "nodes: {no: {role: host}, t: {role: t0, plane: 0}}\n"
    topology = load("name: 007\n" + nodes + "links: [{endpoints: ['no:e1', 't:e1']}]\n")
    assert ("007", "no") == (topology.name, topology.nodes[0].name)


def test_name_defaults_to_the_file_stem() -> None:
    """Without `name` the topology is called like its file."""
    assert "my-lab" == load_text(SMALL, "some/where/my-lab.yaml").name


def test_a_name_that_cannot_be_guessed_is_asked_for() -> None:
    """Text from stdin needs a name of its own."""
    with pytest.raises(InputError, match="has no name"):
        load_text(SMALL, "<stdin>")


def test_variables_are_expanded() -> None:
    """`${VAR}` and `${VAR:=default}` take the environment's value, and the default where it has none."""
    text = "fabric: {planes: ${P:=2}, t0: ${T:=3}, t1: 1, hosts_per_t0: 1}  # ${NOT_SET}\n"
    assert (4, 3) == ((topology := load(text, P="4")).planes, len(topology.nodes) - 4 * 4)


def test_variable_value_of_several_lines_is_refused() -> None:
    """An environment variable cannot smuggle keys in."""
    with pytest.raises(InputError, match="more than one line"):
        load("name: ${N}\n" + SMALL, N="x\ndilation: 7")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x" * (4 * 2**20 + 1), "larger than 4 MiB"),
        ("[" * 100_000, "nested more than 32"),
        ("\ud800", "not valid"),
    ],
    ids=["size", "depth", "surrogate"],
)
def test_limits_hold(text: str, message: str) -> None:
    """Text that is too large, too deep or no text at all is refused before it costs anything."""
    with pytest.raises(InputError, match=message):
        load(text)


def test_error_knows_its_place() -> None:
    """An error carries file, line and column as numbers, not only in its text."""
    with pytest.raises(InputError) as refused:
        load("name: x\nfabric:\n  planes: 12\n  t0: 1\n  t1: 1\n  hosts_per_t0: 1\n")
    assert Where("lab.yaml", 3, 11) == refused.value.where


KEYS = st.sampled_from(
    ["fabric", "planes", "t0", "t1", "hosts_per_t0", "hosts", "h0", "nodes", "links", "omit", "name"]
)
LEAVES = st.one_of(
    st.none(), st.integers(-2, 3), st.text(max_size=5), st.sampled_from(["h0:eth1", "p0-t0-0", "1Gbps"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4)
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first draw builds tables
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_data_loads_or_is_refused(data: object) -> None:
    """Whatever a file holds, the answer is a topology or an InputError with a place."""
    try:
        name = load(yaml.safe_dump(data, allow_unicode=True)).name
    except InputError as refused:
        name = refused.where and refused.where.file
    assert name


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text())
def test_any_text_loads_or_is_refused(text: str) -> None:
    """Whatever text comes, nothing but an InputError is raised."""
    with pytest.raises(InputError):
        load("links: 3\n" + text)


@pytest.mark.parametrize(
    "source",
    [*(ROOT / "topologies").glob("*.yaml"), *(ROOT / "tests/golden/input").glob("*.yaml")],
    ids=lambda path: path.stem,
)
def test_schema_accepts_what_loads(source: Path) -> None:
    """The JSON Schema for editors has no complaint about a topology that loads."""
    # Keys of a JSON object are strings, so the file goes through JSON as it does in an editor.
    data = json.loads(json.dumps(yaml.safe_load(source.read_text(encoding="utf-8"))))
    jsonschema.validate(data, json_schema(), cls=jsonschema.Draft202012Validator)


def test_schema_refuses_an_unknown_key() -> None:
    """The JSON Schema marks a misspelt key."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"fabrik": {}}, json_schema())
