"""The files of a drill's result from the command line, and the commands that read them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from scapy.utils import RawPcapNgReader

from tests.unit.plan.fabrics import ROOT

from .conftest import Run

SHORT = """
name: short
topology: 2p-2t0-2t1
seed: 3
traffic: {pattern: pair, hosts: [h0, h3], message: 4KiB, rate: 100Mbps, duration: 60ms}
transport: {backup_share: 0}
actions:
  - {at: 20ms, do: cut, target: "p0-t0-0:p0-t1-1", silent: true}
expect:
  - {measure: evs_hit, at_least: %d}
"""


@pytest.fixture
def drill(run: Run) -> Path:  # noqa: ARG001 (an empty directory)
    """A short drill that passes, in the working directory."""
    file = Path("short.yaml")
    file.write_text(SHORT % 1, encoding="utf-8")
    return file


def test_what_is_printed_is_what_is_written(run: Run, drill: Path) -> None:
    """`-o` writes the object that `--json` prints, and it keeps to the schema that `mrcnet schema` prints."""
    ran = run("drill", str(drill), "--on", "sim", "--json", "-o", "result.json")
    assert 0 == ran.code, ran.err
    assert ran.json == json.loads(Path("result.json").read_text(encoding="utf-8"))
    jsonschema.validate(ran.json, run("schema", "result").json)


def test_its_command_gives_the_same_result(run: Run, drill: Path) -> None:
    """The command that a result names gives the same result again."""
    first = run("drill", str(drill), "--on", "sim", "--json", "-o", "r.json", "--junit", "r.xml")
    command = first.json["origin"]["command"]
    assert "mrcnet drill short.yaml --on sim --seed 3" == command
    assert first.json == run(*command.split()[1:], "--json").json


def test_every_run_of_many_can_be_had_alone(run: Run, drill: Path) -> None:
    """Each of many runs names its seed and its choice of the matrix; its command gives it again, alone."""
    text = drill.read_text(encoding="utf-8").replace("rate: 100Mbps", "rate: ${rate}")
    drill.write_text(text + "repeat: 2\nmatrix: {rate: [50Mbps, 100Mbps]}\n", encoding="utf-8")
    runs = run("drill", str(drill), "--on", "sim", "--json").json["runs"]
    commands = [one["origin"]["command"] for one in runs]
    wanted = "rate=100Mbps mrcnet drill short.yaml --on sim --repeat 1 --seed 4"
    assert (4, wanted) == (len(set(commands)), commands[3])
    chosen, _, *words = wanted.split()
    name, _, value = chosen.partition("=")
    again = run(*words, "--json", **{name: value}).json
    assert runs[3]["metrics"] == again["metrics"]
    assert runs[3]["metrics"] != runs[2]["metrics"]


def test_frames_around_a_fault(run: Run, drill: Path) -> None:
    """`--capture` puts a file for each port beside the result, which names it; also in the simulator."""
    words = ("drill", str(drill), "--on", "sim", "--json", "-o", "result.json")
    link = run(*words, "--capture", "p0-t0-0:p0-t1-1", "--capture", "h3:eth1").json
    assert ["p0-t0-0:eth4", "h3:eth1"] == [one["port"] for one in link["captures"]]
    dead, sink = (list(RawPcapNgReader(one["file"])) for one in link["captures"])
    assert [len(dead), len(sink)] == [one["frames"] for one in link["captures"]]
    instants = [(meta.tshigh << 32 | meta.tslow) / 1e6 for _, meta in dead]
    assert sorted(instants) == instants
    assert max(instants) < 20.1  # ms: nothing crosses a link that is dead
    assert min(instants) < 19
    into_sink = [data for data, meta in sink if meta.direction == 1]
    assert all(bytes.fromhex("86dd") == data[12:14] for data in into_sink)
    assert any((meta.tshigh << 32 | meta.tslow) / 1e6 > 25 for _, meta in sink)


def test_a_capture_has_a_place(run: Run, drill: Path) -> None:
    """Without a result there is no place for frames: refused if asked for, said if the file asks for them."""
    ran = run("drill", str(drill), "--on", "sim", "--capture", "h3:eth1")
    assert (2, True) == (ran.code, "--capture needs -o" in ran.err)
    ran = run("drill", str(drill), "--on", "sim", "-o", "r.json", "--capture", "h3:eth9")
    assert (2, True) == (ran.code, "--capture: " in ran.err)
    drill.write_text(drill.read_text(encoding="utf-8") + "capture: ['h3:eth1']\n", encoding="utf-8")
    ran = run("drill", str(drill), "--on", "sim")
    assert (0, True) == (ran.code, "name one with -o" in ran.err)
    assert [] == list(Path().glob("*.pcapng"))


@pytest.mark.parametrize(("hit", "code"), [(1, 0), (99, 1)])
def test_junit_agrees_with_the_exit_code(run: Run, hit: int, code: int) -> None:
    """A drill that fails has a failure in its JUnit file, and exits with 1."""
    Path("short.yaml").write_text(SHORT % hit, encoding="utf-8")
    ran = run("drill", "short.yaml", "--on", "sim", "--junit", "junit.xml")
    suite = ElementTree.parse("junit.xml").getroot().find("testsuite")
    assert suite is not None
    assert (code, str(code)) == (ran.code, suite.attrib["failures"])


@pytest.mark.parametrize("option", ["-o", "--junit"])
def test_a_file_without_a_place_is_refused_before_the_run(run: Run, drill: Path, option: str) -> None:
    """That a result has no place is said before the drill: exit code 3, and nothing was run."""
    ran = run("drill", str(drill), "--on", "sim", option, "no/such/folder")
    assert (3, "") == (ran.code, ran.out)
    assert "cannot write no/such/folder: No such file or directory" in ran.err


def test_compare(run: Run, drill: Path) -> None:
    """Two results are held against each other; worse than allowed is exit code 1."""
    run("drill", str(drill), "--on", "sim", "-o", "a.json")
    other = json.loads(Path("a.json").read_text(encoding="utf-8"))
    other["metrics"]["detection_ms"] *= 2
    Path("b.json").write_text(json.dumps(other), encoding="utf-8")
    assert [0, 1, 0] == [
        run("compare", "a.json", "b.json").code,
        run("compare", "a.json", "b.json", "--fail-over", "50%").code,
        run("compare", "b.json", "a.json", "--fail-over", "0").code,
    ]
    told = run("compare", "a.json", "b.json", "--fail-over", "50%").out
    assert "detection" in told
    assert "+100.0%  worse, too much" in told
    found = run("compare", "a.json", "b.json", "--json").json
    assert ["detection_ms"] == [one["measure"] for one in found["differences"] if one["judged"] == "worse"]


@pytest.mark.parametrize("share", ["-1%", "much", "nan", "inf"])
def test_a_share_that_is_none(run: Run, share: str) -> None:
    """A share that is none is refused with how to write it."""
    ran = run("compare", "a", "b", "--fail-over", share)
    assert 2 == ran.code
    assert "is no share; write it like 5%" in ran.err


def test_a_file_that_is_no_result(run: Run) -> None:
    """A file that is none is refused with its name and a remedy."""
    topology = ROOT / "topologies" / "2p-2t0-2t1.yaml"
    assert "this is not JSON" in run("compare", str(topology), str(topology)).err
    ran = run("compare", "nothing.json", "nothing.json")
    assert (2, "mrcnet: cannot read nothing.json: No such file or directory\n") == (ran.code, ran.err)


def test_a_page_from_the_drill_and_from_its_result(run: Run, drill: Path) -> None:
    """`drill --html` and `report` make the same page."""
    assert 0 == run("drill", str(drill), "--on", "sim", "-o", "r.json", "--html", "a.html").code
    ran = run("report", "r.json", "--json")
    assert {"file": "r.html", "verdict": "passed"} == ran.json
    assert Path("a.html").read_text(encoding="utf-8") == Path("r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("form", "begins"), [("svg", "<svg"), ("mermaid", "flowchart BT")])
def test_graph(run: Run, form: str, begins: str) -> None:
    """`graph` prints the drawing, or writes it."""
    printed = run("graph", "2p-2t0-2t1", "--format", form).out
    assert printed.startswith(begins)
    assert 0 == run("graph", "2p-2t0-2t1", "--format", form, "-o", "drawing").code
    assert printed.rstrip() == Path("drawing").read_text(encoding="utf-8").rstrip()


def test_graph_of_what_is_none(run: Run) -> None:
    """A topology that is wrong is refused with its place, as everywhere."""
    ran = run("graph", "-", stdin="fabric: {planes: 0}")
    assert 2 == ran.code
    assert "<stdin>:1:" in ran.err
