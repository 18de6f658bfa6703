"""Topologies of others, and our own as others have them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given

from mrcnet.errors import InputError
from mrcnet.foreign.clab import read_clab
from mrcnet.foreign.compact import read_compact
from mrcnet.foreign.convert import Imported, convert
from mrcnet.foreign.roles import Rules, read_rules, role_in
from mrcnet.plan.build import build_plan
from mrcnet.render.containerlab import render_containerlab
from mrcnet.render.model import ClabVersion, Nos, Wish
from mrcnet.topology.document import parse
from mrcnet.topology.load import load_text
from mrcnet.topology.model import Role, Srv6, Topology
from mrcnet.topology.schemefile import shipped as schemes
from tests.unit.plan.fabrics import ROOT, shipped, topologies

SHAPES = sorted(path.stem for path in (ROOT / "topologies").glob("*.yaml"))
WISHES = [*map(Wish, Nos), Wish(Nos.EOS, mixed=True), Wish(Nos.FRR, version=ClabVersion(81))]
FOREIGN = """\
name: sonic_lab
mgmt: {network: mgt}
topology:
  kinds:
    linux: {image: docker-sonic-vs}
  nodes:
    p0-spine00: {kind: linux}
    p0-leaf00: {kind: linux}
    p0-leaf01: {kind: linux}
    green-host00: {kind: linux, exec: ["ip link set eth1 up"]}
    green-host01: {kind: linux}
    yellow-host00: {kind: linux}
    gnmic: {kind: linux}
  links:
    - endpoints: ["p0-leaf00:eth1", "p0-spine00:eth1"]
    - {endpoints: ["p0-spine00:eth2", "p0-leaf01:eth1"], mtu: 9000}
    - endpoints: ["green-host00:eth1", "p0-leaf00:eth9"]
    - type: veth
      endpoints: [{node: green-host01, interface: eth1}, {node: p0-leaf01, interface: e1/9}]
    - endpoints: ["yellow-host00:eth1", "p0-leaf00:eth10"]
    - endpoints: ["yellow-host00:eth2", "p0-spine00:eth10"]
    - endpoints: ["gnmic:eth1", "host:gnmic"]
    - {type: dummy, endpoint: {node: gnmic, interface: eth2}}
"""


def imported(text: str, rules: Rules | None = None) -> Imported:
    return convert(read_clab(parse(text, "lab.clab.yml")), rules or {})


def again(topology: Topology, wish: Wish) -> Topology:
    """What import makes of a rendered topology."""
    files = render_containerlab(build_plan(topology), wish)
    return imported(next(file.text for file in files if file.path.endswith(".clab.yml"))).topology


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_round_trip(shape: str, wish: Wish) -> None:
    """A shipped topology that is rendered and imported is the same topology."""
    topology = shipped(shape).topology
    assert topology == again(topology, wish)


@pytest.mark.parametrize("scheme", schemes())
def test_round_trip_of_schemes(scheme: str) -> None:
    """A shipped scheme comes back by its name, one of a user's with all that it says."""
    topology = shipped("2p-2t0-2t1", scheme).topology
    assert topology == again(topology, Wish(Nos.FRR))
    mine = replace(topology, srv6=Srv6("fcbb:1::/32", replace(topology.srv6.scheme, name="mine")))
    if topology.srv6.scheme.block.plane is None:
        assert mine == again(mine, Wish(Nos.FRR))


def test_a_wrong_scheme_in_a_label() -> None:
    """A label that names no scheme, or none that can be, is a message."""
    files = render_containerlab(shipped("2p-2t0-2t1", "rpii"), Wish(Nos.FRR))
    text = next(file.text for file in files if file.path.endswith(".clab.yml"))
    for wrong, words in (
        ("zpii", "there is no scheme 'zpii'"),
        ('{\\"un\\": 1}', "the key 'block' is missing"),
    ):
        with pytest.raises(InputError, match=words):
            imported(text.replace('mrcnet.scheme: "rpii"', f'mrcnet.scheme: "{wrong}"'))


@given(topologies())
def test_round_trip_of_any_shape(topology: Topology) -> None:
    """So is one of any shape that works, with planes that differ and parts left out."""
    assume(not any(finding.severity == "error" for finding in build_plan(topology).lint))
    assert topology == again(topology, Wish(Nos.FRR))


def test_round_trip_of_queues() -> None:
    """Queues that a file describes port by port come back, too."""
    source = ROOT / "tests/golden/input/ports.yaml"
    topology = load_text(source.read_text(encoding="utf-8"), source.name)
    assert topology.has_ports
    assert topology == again(topology, Wish(Nos.FRR))


def test_text_of_a_regular_fabric_is_compact() -> None:
    """A fabric that came as a shape leaves as a shape, not as a list of links."""
    files = render_containerlab(shipped("4p-16t0-8t1"), Wish(Nos.SONIC))
    text = imported(next(file.text for file in files if file.path.endswith(".clab.yml"))).text
    assert 'name: "4p-16t0-8t1"\nfabric: {planes: 4, t0: 16, t1: 8, hosts_per_t0: 2}\n' == text


def test_foreign_lab_by_its_names() -> None:
    """Roles, planes and numbers come from names; what has no place is left out and told, with its line."""
    found = imported(FOREIGN)
    assert [
        ("green-host00", "host", None),
        ("green-host01", "host", None),
        ("yellow-host00", "host", None),
        ("p0-leaf00", "t0", 0),
        ("p0-leaf01", "t0", 0),
        ("p0-spine00", "t1", 0),
    ] == [(node.name, str(node.role), node.plane) for node in found.topology.nodes]
    assert 5 == len(found.topology.links)
    assert [9000, 9500] == sorted({link.mtu for link in found.topology.links})
    assert [
        "lab.clab.yml:22:7: the link to host is left out",
        "lab.clab.yml:23:7: a link of type dummy is left out",
        "lab.clab.yml:13:5: gnmic (linux) has no role: left out",
        "lab.clab.yml:18:7: port p0-leaf01:e1/9 is called eth2",
        "lab.clab.yml:21:7: yellow-host00:eth2 - p0-spine00:eth10 is left out: "
        "host to t1 is no link of a fabric",
        "numbers in the names of hosts repeat: numbered in the order of the file",
    ] == [note for note in found.notes if "called sonic" not in note]
    build_plan(found.topology)


def test_planes_without_names_are_what_hangs_together() -> None:
    """Switches that nobody gave a plane are in one plane if links join them, for planes are isolated."""
    text = """\
name: x
topology:
  nodes: {spine-a: , spine-b: , leaf-a: , leaf-b: , h1: }
  links:
    - endpoints: ["leaf-a:eth1", "spine-a:eth1"]
    - endpoints: ["leaf-b:eth1", "spine-b:eth1"]
    - endpoints: ["h1:eth1", "leaf-a:eth2"]
    - endpoints: ["h1:eth2", "leaf-b:eth2"]
"""
    planes = {node.name: node.plane for node in imported(text).topology.nodes}
    assert {"h1": None, "spine-a": 0, "leaf-a": 0, "spine-b": 1, "leaf-b": 1} == planes


def test_mapping_file_has_the_first_word() -> None:
    """A mapping file says what names do not, and `none` leaves a node out."""
    rules = read_rules(
        parse(
            'nodes: {"sw[12]": {role: t0, plane: 0}, "sw9": {role: t1, plane: 0}, leaf: {role: none}}',
            "map.yaml",
        )
    )
    text = (
        "name: x\ntopology:\n  nodes: {sw1: , sw2: , sw9: , leaf: , server1: }\n  links:\n"
        '    - endpoints: ["sw1:eth1", "sw9:eth1"]\n    - endpoints: ["server1:eth1", "sw1:eth2"]\n'
    )
    found = {node.name: str(node.role) for node in imported(text, rules).topology.nodes}
    assert {"server1": "host", "sw1": "t0", "sw2": "t0", "sw9": "t1"} == found


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("p0-t0-1", Role.T0),
        ("p3-t1-0", Role.T1),
        ("Leaf03", Role.T0),
        ("super-spine1", Role.T1),
        ("h12", Role.HOST),
        ("gpu-server-7", Role.HOST),
        ("t10", None),
        ("other", None),
        ("hub", None),
    ],
)
def test_roles_in_names(name: str, role: Role | None) -> None:
    """A name says its tier by a word of its own, not by letters inside another."""
    assert role is role_in(name)


def test_compact_file() -> None:
    """The compact form of others: leaves are T0s, spines T1s, and each tenant has a host at every leaf."""
    text = (
        "name: x\nplanes: 2\nspines_per_plane: 4\nleaves_per_plane: 8\ntenants: [green, yellow]\nimages: {}\n"
    )
    found = read_compact(parse(text, "topo.yaml"))
    assert 'name: "x"\nfabric: {planes: 2, t0: 8, t1: 4, hosts_per_t0: 2}\n' == found.text
    assert "topo.yaml:6:1: images is left out" in found.notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\ntopology: 3\n", "lab.clab.yml:2:11: topology: must be a mapping of keys to values"),
        ("name: x\ntopology: {}\n", "a containerlab topology names its nodes here"),
        ("topology: {nodes: {a: {kind: [b]}}}\n", "must be text"),
        ("topology: {nodes: {a: &x {kind: b}, c: *x}}\n", r"the alias \*x is not supported"),
        ("topology: {nodes: {a: !!python/object/apply:os.system [id]}}\n", "the tag .* is not supported"),
        ("topology: {nodes: {ä: , ö: }}\n", "no node .* looks like a host or a t0"),
        (
            'topology: {nodes: {leaf1: , h1: }, links: [{endpoints: ["leaf1:eth1"]}]}\n',
            "must name two ends, not 1",
        ),
        (
            'topology: {nodes: {leaf1: , h1: }, links: [{endpoints: ["leaf1", 3]}]}\n',
            "an end is written like",
        ),
        ('topology: {nodes: {leaf1: , h1: }, links: [{endpoints: ["leaf1:e", "h2:e"]}]}\n', "no node 'h2'"),
        (
            'topology: {nodes: {leaf1: , h1: }, links: [{endpoints: ["h1:e", "leaf1:e"]}, '
            '{endpoints: ["h1:e", "leaf1:e"]}]}\n',
            "port h1:e is used twice",
        ),
        ("topology: {nodes: {leaf1: , leaf_1: , leaf-1: , h1: }}\n", "would both be called leaf-1"),
        ("topology: {nodes: {leaf1: {labels: {plane: blue}}, h1: }}\n", "the label plane of leaf1 is 'blue'"),
        ("topology: {nodes: {leaf1: , h1: }}\n", "has no link between a host and a T0"),
        (
            'topology: {nodes: {p9-leaf1: , h1: }, links: [{endpoints: ["h1:e", "p9-leaf1:e"]}]}\n',
            "is no fabric that mrcnet can have: nodes.p9-leaf1.plane: must be at most 7",
        ),
        (
            "topology: {defaults: {labels: {mrcnet.rate: $(id)}}, nodes: {leaf1: , h1: }}\n",
            "mrcnet.rate is '\\$\\(id\\)', which means nothing",
        ),
    ],
)
def test_surprises_are_messages(text: str, message: str) -> None:
    """A file that contradicts itself or hides something ends in a message, not in a guess."""
    with pytest.raises(InputError, match=message):
        imported(text)


def test_long_interface_names_are_renamed() -> None:
    """A port whose name Linux could not have gets one that it can."""
    text = (
        "name: x\ntopology: {nodes: {leaf1: , h1: }, links: "
        '[{endpoints: ["h1:eth1", "leaf1:TenGigabitEthernet0/1"]}]}\n'
    )
    found = imported(text)
    assert {"leaf1:TenGigabitEthernet0/1": "eth1"} == {str(end): name for end, name in found.ports.items()}


def test_reading_leaves_the_machine_alone(tmp_path: Path) -> None:
    """Commands in a file are data: nothing of them is run."""
    mark = tmp_path / "mark"
    imported(FOREIGN.replace("ip link set eth1 up", f"touch {mark}"))
    assert not mark.exists()
