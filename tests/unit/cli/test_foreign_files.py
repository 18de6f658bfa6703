"""Files of strangers on the command line: a message and a code, no traceback, and nothing of them is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mrcnet.cli.main import cli
from tests.support.sandbox import run_script

from .conftest import Run

CANARY = "$(touch canary)`touch canary`;touch canary"
CLAB = """
name: {name}
topology:
  defaults: {{labels: {{mrcnet.planes: "1"}}}}
  kinds:
    linux: {{image: {word}, exec: [{word}, "sh -c 'touch canary'"], binds: [{word}]}}
  nodes:
    {node}: {{kind: linux, labels: {{role: host, {word}: {word}}}, startup-config: {word}}}
    h1: {{kind: {word}, labels: {{role: host}}}}
    leaf0: {{kind: linux, env: {{X: {word}}}, cmd: {word}}}
    spine0: {{kind: nobody_knows}}
    thing: {{kind: {word}}}
  links:
    - endpoints: [{port}, "leaf0:eth1"]
    - endpoints: ["h1:eth1", "leaf0:eth2"]
    - endpoints: ["leaf0:eth3", "spine0:eth1"]
"""
SIMPLE = """
topology:
  nodes: {{h0: {{labels: {{role: host}}}}, leaf0: {{}}, spine0: {{}}}}
  links: [{{endpoints: ["h0:eth1", "leaf0:eth1"]}}, {{endpoints: ["leaf0:eth2", "spine0:eth1"]}}{more}]
"""
BOMB = "a: &a [x]\n" + "".join(
    f"b{n}: &b{n} [{', '.join([f'*b{n - 1}' if n else '*a'] * 9)}]\n" for n in range(9)
)


def clab(name: str = "lab", node: str = "h0", port: str = "eth1") -> str:
    word = json.dumps(CANARY)
    return CLAB.format(
        name=json.dumps(name), node=json.dumps(node), word=word, port=json.dumps(f"{node}:{port}")
    )


def test_what_a_file_says_is_not_run(run: Run, tmp_path: Path) -> None:
    """Commands, binds, images, labels and names full of commands: imported and rendered, they do nothing."""
    Path("x.clab.yml").write_text(clab("lab" + CANARY, "h0" + CANARY, "e;touch canary"), encoding="utf-8")
    ran = run("import", "x.clab.yml", "-o", "back.yaml")
    assert (0, True) == (ran.code, "is called" in ran.out)
    for nos in ("frr", "sonic-vs", "cumulus"):
        assert 0 == run("render", "back.yaml", "--nos", nos, "-o", nos).code
        for number, script in enumerate(sorted(Path(nos).rglob("*.sh"))):
            done = run_script(script.read_text(encoding="utf-8"), tmp_path / f"ran-{nos}-{number}")
            assert [] == done.left
    Path("frr/evil.conf").write_text(CANARY, encoding="utf-8")
    run("lint", "frr")
    assert [] == list(tmp_path.glob("canary"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "the alias"),
        ("topology: &x {nodes: *x}\n", "the alias"),
        ("topology: !!python/object/apply:os.system ['touch canary']\n", "the tag"),
        ("topology: !!binary aGk=\n", "the tag"),
        ("topology: {nodes: " + "{a: " * 5_000 + "1" + "}" * 5_001 + "\n", "deep"),
        ("topology: [1, 2]\n", "must be a mapping"),
        ("topology: {nodes: {h0: [1]}}\n", "must be a mapping"),
        ("\ufeff", "neither"),
        ("- 1\n", "must be a mapping"),
        ("topology: {nodes: {é: {labels: {role: host}}, leaf0: {}}}\n", "cannot be made a node's name"),
        (SIMPLE.format(more=', {endpoints: ["h0:eth1", "leaf0:eth3"]}'), "used twice"),
        (SIMPLE.format(more=', {endpoints: ["h0:eth9", "ghost:eth3"]}'), "no node 'ghost'"),
        (SIMPLE.format(more=', {endpoints: ["h0:eth9"]}'), "must name two ends"),
        (SIMPLE.format(more=', {endpoints: ["h0", "leaf0:e"]}'), "an end is written like"),
        (
            "planes: 99999\nspines_per_plane: 99999\nleaves_per_plane: 99999\n",
            "no fabric that mrcnet can have",
        ),
        ('planes: "$(id)"\nspines_per_plane: 1\nleaves_per_plane: 1\n', "must be a whole number"),
    ],
)
def test_surprises_end_in_messages(run: Run, text: str, message: str) -> None:
    """Each of these is refused by name, with code 2, by import and by lint."""
    Path("lab").mkdir()
    Path("lab/x.clab.yml").write_text(text, encoding="utf-8")
    ran = run("import", "lab/x.clab.yml")
    assert (2, True) == (ran.code, message in ran.err), ran.err
    again = run("lint", "lab")
    assert 2 == again.code
    assert "Traceback" not in ran.err + again.err
    assert not Path("canary").exists()


def test_long_ports_and_strange_names_are_called_otherwise(run: Run) -> None:
    """Ports of over 15 characters and names that are not ASCII get other names, and the report says so."""
    Path("x.yml").write_text(clab("Überlab", "h0é", "ethernet-1/1/1/1/1/1"), encoding="utf-8")
    ran = run("import", "x.yml", "--json")
    assert 0 == ran.code, ran.err
    notes = " ".join(ran.json["notes"])
    assert all(word in notes for word in ("is called h0", "the topology is called berlab", "is called eth"))
    assert "h0" in ran.json["topology"]


def test_a_note_stays_on_its_line(run: Run) -> None:
    """What import prints can be planned, whatever a node is called: no name ends its comment's line."""
    evil = "x\x1b[2J\nname: taken-over\n#"
    text = SIMPLE.format(more="").replace("spine0: {}", f"spine0: {{}}, {json.dumps(evil)}: {{}}")
    Path("x.yml").write_text(text, encoding="utf-8")
    ran = run("import", "x.yml")
    assert 0 == ran.code, ran.err
    assert [] == [one for one in ran.out if not one.isprintable() and one != "\n"]
    planned = run("plan", "-", "--json", stdin=ran.out)
    assert (0, False) == (planned.code, "taken-over" in planned.out)


def test_a_message_commands_no_terminal(run: Run) -> None:
    """An error that quotes a file shows what is not printable, and does not print it."""
    Path("x.yml").write_text('topology: {nodes: {"\\e]0;x\\a": {labels: {role: host, index: "\\e[1m"}}}}\n')
    ran = run("import", "x.yml")
    assert 2 == ran.code
    assert "\x1b" not in ran.err
    assert "\\x1b" in ran.err


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Any bytes at all, as a topology or as a switch's file: code 0, 1 or 2, and no defect is reported."""
    from click.testing import CliRunner

    folder = tmp_path_factory.mktemp("any")
    simple = SIMPLE.format(more="").encode()
    for name, node in (("x.clab.yml", content), ("lab/x.clab.yml", simple), ("lab/leaf0.conf", content)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(node)
    for suffix in ("json", "sh", "cfg", "intf"):
        (folder / f"lab/spine0.{suffix}").write_bytes(content)
    for words in (["import", str(folder / "x.clab.yml")], ["lint", str(folder / "lab")]):
        ran = CliRunner().invoke(cli, words)
        assert ran.exit_code in (0, 1, 2), ran.output
        assert "this is a defect" not in ran.output
