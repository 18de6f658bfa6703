"""`mrcnet compare-run`: one table of several variants, what is refused before anything starts, Ctrl-C."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mrcnet.cli import compare_run
from mrcnet.cli.drillrun import DrillRun
from mrcnet.kernel import daemons

from .conftest import Run
from .test_results import SHORT

BOTH = ("--on", "sim", "--over", "mrc/srv6,rocev2x1/srv6")


@pytest.fixture
def drill(run: Run) -> Path:  # noqa: ARG001 (an empty directory)
    """A short drill whose expectation only MRC can meet."""
    file = Path("short.yaml")
    file.write_text(SHORT % 1, encoding="utf-8")
    return file


def test_one_table(run: Run, drill: Path) -> None:
    """Each variant has its row, and its results in the directory; what only MRC can meet fails nothing."""
    ran = run("compare-run", str(drill), *BOTH, "--repeat", "2", "--json", "-o", "out", "--html", "page.html")
    assert 0 == ran.code, ran.err
    assert ran.json == json.loads(Path("out/compare-run.json").read_text(encoding="utf-8"))
    assert ["mrc/srv6", "rocev2x1/srv6"] == [row["variant"] for row in ran.json["rows"]]
    assert [["passed"] * 2, ["failed"] * 2] == [row["verdicts"] for row in ran.json["rows"]]
    assert (True, [3, 4]) == (ran.json["sound"], ran.json["seeds"])
    results = [json.loads(Path("out", name).read_text(encoding="utf-8")) for name in ran.json["files"]]
    assert ["mrc", "mrc", "rocev2", "rocev2"] == [result["traffic"]["transport"] for result in results]
    assert [3, 4, 3, 4] == [result["seed"] for result in results]
    assert "rocev2x1/srv6" in Path("page.html").read_text(encoding="utf-8")


def test_its_commands_give_the_same_again(run: Run, drill: Path) -> None:
    """The command of the table gives the same table, that of a run the same row alone."""
    first = run("compare-run", str(drill), *BOTH, "--json", "-o", "out")
    again = run(*first.json["command"].split()[1:], "--json")
    assert first.json["rows"] == again.json["rows"]
    alone = json.loads(Path("out/rocev2x1-srv6.json").read_text(encoding="utf-8"))["origin"]["command"]
    assert first.json["rows"][1:] == run(*alone.split()[1:], "--json").json["rows"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--on", "sim", "--over", "mrc/ecmp"), "mrc chooses its paths"),
        (("--on", "sim", "--over", "mrc/srv6,rocev2x1/bgp"), "rocev2x1/bgp: the simulator has no daemons"),
        (("--on", "sim", "--over", "mrc/srv6,tcp/srv6"), "tcp/srv6: tcp is the kernel's own"),
        (("--over", "mrc/srv6,rocev3/ecmp"), "there is no transport 'rocev3'"),
    ],
)
def test_refused_before_anything_starts(
    run: Run, drill: Path, words: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be run is refused before the first run, with exit code 2."""
    monkeypatch.setattr(DrillRun, "run", lambda *_: pytest.fail("it began"))
    ran = run("compare-run", str(drill), *words)
    assert 2 == ran.code
    assert told in ran.err


def test_bgp_in_dilated_time_is_refused(run: Run, drill: Path) -> None:
    """A variant that its topology cannot carry is refused by its name: daemons keep wall time."""
    Path("dilated.yaml").write_text("fabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}\ndilation: 10\n")
    drill.write_text(drill.read_text().replace("2p-2t0-2t1", "dilated.yaml"))
    ran = run("compare-run", str(drill), "--over", "mrc/srv6,rocev2x1/bgp")
    assert 2 == ran.code
    assert "rocev2x1/bgp" in ran.err
    assert "dilation 1" in ran.err


def test_a_matrix_is_refused(run: Run, drill: Path) -> None:
    """Side by side stands one choice, and the message says how to have it."""
    text = drill.read_text().replace("rate: 100Mbps", "rate: ${rate}")
    drill.write_text(text + "matrix: {rate: [50Mbps, 100Mbps]}\n")
    ran = run("compare-run", str(drill), *BOTH)
    assert 2 == ran.code
    assert "rate: [50Mbps]" in ran.err


@pytest.mark.parametrize(("variant", "tool"), [("rocev2x1/bgp", "frr"), ("tcp/ecmp", "iperf3")])
def test_missing_tools(
    run: Run, drill: Path, variant: str, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without FRR, or iperf3, a variant is refused at once: exit code 3, and what installs it."""
    monkeypatch.setattr(daemons, "PROGRAMS", tmp_path / "nowhere")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(DrillRun, "run", lambda *_: pytest.fail("it began"))
    ran = run("compare-run", str(drill), "--over", f"mrc/srv6,{variant}")
    assert 3 == ran.code
    assert f"apt-get install {tool}" in ran.err


def test_ctrl_c_keeps_what_ran(run: Run, drill: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted in the second variant: the first one's figures stay, the whole is aborted, exit code 1."""
    real = compare_run.varied

    def interrupted(found: object, variant: object) -> object:
        seen.append(variant)
        if len(seen) > 3:  # both are looked at, then the first one runs, then this
            raise KeyboardInterrupt
        return real(found, variant)  # type: ignore[arg-type]

    seen: list[object] = []
    monkeypatch.setattr(compare_run, "varied", interrupted)
    ran = run("compare-run", str(drill), *BOTH, "--json", "-o", "out")
    assert 1 == ran.code, ran.err
    assert (False, ["mrc/srv6"]) == (ran.json["whole"], [row["variant"] for row in ran.json["rows"]])
    assert Path("out/mrc-srv6.json").exists()
