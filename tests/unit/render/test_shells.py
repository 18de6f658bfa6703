"""No word of a user's is ever run: names are refused, and where they would not be, templates quote them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnet.errors import InputError
from mrcnet.plan.model import Action, NodePlan
from mrcnet.render.clabernetes import Cluster, render_clabernetes
from mrcnet.render.containerlab import render_containerlab
from mrcnet.render.model import Nos, Wish
from mrcnet.render.switch import SwitchPort
from mrcnet.render.templates import fill
from mrcnet.topology.names import MAX_INTERFACE
from tests.support.sandbox import run_script
from tests.unit.plan.fabrics import plan_of

CANARIES = [
    "x;touch canary",
    "x$(touch canary)",
    "x`touch canary`",
    "x\ntouch canary\n",
    "x\r\ntouch canary",
    "x' ; touch canary ; '",
    'x" ; touch canary ; "',
    "x\nROUTES\ntouch canary",
    "x|touch canary&",
    "-x\ntouch\tcanary #",
    "x && touch canary",
    "x\x1b]0;y\x07\ntouch canary",
    "${IFS}x\\\ntouch canary",
]
FABRIC = "name: x\nfabric: {planes: 2, t0: 2, t1: 1, hosts_per_t0: 1}\n"
WORDS = st.text(alphabet="abzAZ019-", min_size=1, max_size=12)
PORTS = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,14}", fullmatch=True)


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize(
    "text",
    [
        "name: {}\nfabric: {{planes: 1, t0: 2, t1: 1, hosts_per_t0: 1}}\n",
        "nodes: {{{}: {{role: host}}, p0-t0-0: {{role: t0}}}}\n",
        FABRIC + 'links: [{{endpoints: ["p0-t0-0:eth8", {}]}}]\n',
        FABRIC + "addresses: {{hosts: {}}}\n",
        FABRIC + "srv6: {{block: {}}}\n",
        FABRIC + "srv6: {{scheme: {}}}\n",
    ],
)
def test_a_topology_has_no_such_words(text: str, canary: str) -> None:
    """Metacharacters in a name, a port, an address or a scheme are refused before anything is written."""
    import json

    word = json.dumps(canary)
    if "endpoints" in text:
        word = json.dumps(f"p0-t1-0:{canary}")
    with pytest.raises(InputError):
        plan_of(text.replace("{}", word).replace("{{", "{").replace("}}", "}"))


def scripts(node: NodePlan) -> Iterator[str]:
    """Every script that a template makes of a node, whatever it is called."""
    by_action = {
        action.value: [route for route in node.routes if route.action is action] for action in Action
    }
    ports = [
        SwitchPort(p.name, p.mac, p.link_local, p.mtu, f"{p.peer_node}:{p.peer_port}", 1) for p in node.ports
    ]
    yield fill("containerlab/host.sh.j2", node=node, **by_action)
    yield fill("containerlab/host.sh.j2", node=replace(node, address=node.name), **by_action)
    yield fill("frr/setup.sh.j2", node=node, device=node.ports[0].name)
    yield fill("sonic/setup.sh.j2", node=node, ports=ports, device=node.ports[0].name)
    yield fill("cumulus/setup.sh.j2", node=node)
    interfaces = fill("cumulus/mrcnet.intf.j2", node=node, ports=ports, device="sr0")
    commands = [
        line.split(maxsplit=1)[1] for line in interfaces.splitlines() if line.split()[:1] == ["post-up"]
    ]
    assert len(ports) == len(commands)
    yield "\n".join(["#!/bin/sh", *commands])


@pytest.mark.parametrize("canary", CANARIES)
def test_templates_quote_what_validation_would_let_through(canary: str, tmp_path: Path) -> None:
    """Were any name, address or route such a word, no script would run a part of it."""
    node = plan_of(FABRIC).nodes["h0"]
    hostile = replace(
        node,
        name=canary,
        ports=tuple(
            replace(port, name=canary, mac=canary, link_local=canary, addresses=(canary,), peer_node=canary)
            for port in node.ports
        ),
        routes=tuple(
            replace(route, dst=canary, dev=canary, via=route.via and canary, segs=route.segs and canary)
            for route in node.routes
        ),
    )
    for number, text in enumerate(scripts(hostile)):
        ran = run_script(text, tmp_path / str(number))
        assert [] == ran.left, text
        assert ran.calls


def test_the_sandbox_sees_a_canary(tmp_path: Path) -> None:
    """A script in which a word got out leaves the file by which these tests would know."""
    assert ["canary"] == run_script("#!/bin/sh\nip link set x;touch canary\n", tmp_path / "a").left


@given(name=WORDS, host=WORDS, port=PORTS)
@settings(max_examples=12)
def test_names_that_may_be_reach_programs_as_they_are(name: str, host: str, port: str) -> None:
    """Every name that a topology may have is one word to the programs that a host's script calls."""
    text = (
        f'name: "{name}"\nnodes:\n  "{host}": {{role: host}}\n  other: {{role: host}}\n'
        "  sw: {role: t0, plane: 0}\nlinks:\n"
        f'  - {{endpoints: ["{host}:{port}", "sw:eth1"]}}\n  - {{endpoints: ["other:eth1", "sw:eth2"]}}\n'
    )
    try:
        plan = plan_of(text)
        files = {file.path: file.text for file in render_containerlab(plan, Wish(Nos.FRR))}
    except InputError:
        return
    assert len(port) <= MAX_INTERFACE
    with TemporaryDirectory() as folder:
        ran = run_script(files[f"nodes/{host}/setup.sh"], Path(folder) / "x")
    assert (0, []) == (ran.code, ran.left)
    assert any(call.startswith(f"ip <link> <set> <dev> <{port}> <address>") for call in ran.calls)
    assert len(plan.nodes[host].routes) == len(ran.batch.splitlines())


def test_no_file_hides_another() -> None:
    """Nodes may have the names of files that are everybody's: each still has its own."""
    text = "nodes:\n  daemons: {role: host}\n  shared: {role: host}\n  vtysh: {role: t0, plane: 0}\n"
    text += (
        'links: [{endpoints: ["daemons:eth1", "vtysh:eth1"]}, {endpoints: ["shared:eth1", "vtysh:eth2"]}]\n'
    )
    plan = plan_of(text)
    for files in (
        render_containerlab(plan, Wish(Nos.FRR)),
        render_clabernetes(plan, Wish(Nos.FRR), Cluster()),
    ):
        paths = [file.path for file in files]
        assert len(set(paths)) == len(paths)
        folders = {path[: path.rindex("/")] for path in paths if "/" in path}
        assert not folders & set(paths)
