"""Which topology a user means: a file, a shipped name, stdin, a folder, or what lies in the directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Run

FABRIC = "fabric: {planes: 1, t0: 1, t1: 1, hosts_per_t0: 2}\n"


def name_of(run: Run, *line: str, **variables: str) -> str:
    ran = run("plan", "--json", *line, **variables)
    assert 0 == ran.code, ran.err
    return str(ran.json["name"])


@pytest.fixture
def here(run: Run) -> Path:  # noqa: ARG001 (the fixture moves to an empty directory)
    return Path.cwd()


def test_the_directorys_topology_yaml_is_the_default(run: Run, here: Path) -> None:
    """Among several files topology.yaml is meant, and the user is told on stderr."""
    (here / "topology.yaml").write_text(FABRIC, encoding="utf-8")
    (here / "other.yaml").write_text(FABRIC, encoding="utf-8")
    ran = run("plan", "--json")
    assert ("topology", "using topology.yaml\n") == (ran.json["name"], ran.err)


def test_an_only_file_is_the_default(run: Run, here: Path) -> None:
    """A single YAML file of any name needs no naming."""
    (here / "mine.yml").write_text(FABRIC, encoding="utf-8")
    assert "mine" == name_of(run)


def test_several_files_are_no_default(run: Run, here: Path) -> None:
    """With a choice of files the user is asked, and told the choice."""
    for name in ("a.yaml", "b.yaml"):
        (here / name).write_text(FABRIC, encoding="utf-8")
    ran = run("plan")
    assert 2 == ran.code
    assert "which topology? there are a.yaml, b.yaml" in ran.err


def test_an_empty_directory_is_no_default(run: Run) -> None:
    """Without any file the user is told what could be named."""
    ran = run("plan")
    assert 2 == ran.code
    assert "there is no topology.yaml here" in ran.err


@pytest.mark.parametrize("line", [["4p-2t0-4t1"], ["4p-2t0-4t1.yaml"], ["-t", "4p-2t0-4t1"]])
def test_a_shipped_topology_goes_by_its_name(run: Run, line: list[str]) -> None:
    """Shipped topologies are found from any directory, as an argument or with -t."""
    assert "4p-2t0-4t1" == name_of(run, *line)


def test_a_file_goes_before_a_shipped_name(run: Run, here: Path) -> None:
    """The user's own file of that name is meant, not ours."""
    (here / "4p-2t0-4t1").write_text(f"name: own\n{FABRIC}", encoding="utf-8")
    assert "own" == name_of(run, "4p-2t0-4t1")


def test_a_folder_stands_for_its_topology(run: Run, here: Path) -> None:
    """A lab's folder may be named instead of the file in it."""
    (here / "lab").mkdir()
    (here / "lab" / "topology.yaml").write_text(f"name: inside\n{FABRIC}", encoding="utf-8")
    assert "inside" == name_of(run, "lab")


@pytest.mark.parametrize("line", [["-"], ["-t", "-"]])
def test_stdin(run: Run, line: list[str]) -> None:
    """`-` reads stdin."""
    assert "piped" == run("plan", "--json", *line, stdin=f"name: piped\n{FABRIC}").json["name"]


def test_stdin_must_name_itself(run: Run) -> None:
    """Text without a file name needs a name of its own."""
    ran = run("plan", "-", stdin=FABRIC)
    assert 2 == ran.code
    assert "<stdin>: the topology has no name" in ran.err


def test_the_variable_names_the_topology(run: Run) -> None:
    """MRCNET_TOPO is the default, and an argument goes before it."""
    assert "2p-2t0-2t1" == name_of(run, MRCNET_TOPO="2p-2t0-2t1")
    assert "4p-2t0-4t1" == name_of(run, "4p-2t0-4t1", MRCNET_TOPO="2p-2t0-2t1")


def test_variables_in_the_file_are_filled_in(run: Run, here: Path) -> None:
    """`${NAME}` in a topology is taken from the environment."""
    (here / "topology.yaml").write_text(f"name: a-${{SHAPE:=one}}\n{FABRIC}", encoding="utf-8")
    assert "a-one" == name_of(run)
    assert "a-two" == name_of(run, SHAPE="two")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["4p-2t0-4t"], "did you mean 4p-2t0-4t1?"),
        (["nothing/like/this.yaml"], "cannot read nothing/like/this.yaml: No such file"),
        (["."], "cannot read topology.yaml"),
        (["4p-2t0-4t1", "-t", "2p-2t0-2t1"], "give the topology once"),
    ],
)
def test_what_is_not_there(run: Run, line: list[str], words: str) -> None:
    """What cannot be read is refused with exit code 2 and a remedy."""
    ran = run("plan", *line)
    assert 2 == ran.code
    assert words in ran.err


def test_not_text(run: Run, here: Path) -> None:
    """A binary file is refused with the line at which it stops being text."""
    (here / "x.yaml").write_bytes(b"name: x\n\xff\xfe")
    ran = run("plan", "x.yaml")
    assert 2 == ran.code
    assert "x.yaml:2: this is not UTF-8 text" in ran.err
