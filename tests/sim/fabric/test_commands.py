"""`--on sim` from the command line: no lab is looked for, and what makes no sense is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mrcnet.cli.main import cli

DRILL = """
name: short
topology: 2p-2t0-2t1
traffic: {pattern: pair, hosts: [h0, h2], message: 16KiB, rate: 2Gbps, duration: 60ms}
actions:
  - {at: 20ms, do: cut, target: "p0-t0-0:p0-t1-0", silent: true}
expect:
  - {measure: messages_wrong, at_most: 0}
"""
SHORT = ["traffic", "--on", "sim", "-t", "2p-2t0-2t1", "--size", "64KiB"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, and a lab's name in the environment that the simulator must not mind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MRCNET_LAB", "no-such-lab")


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words, prog_name="mrcnet")


def test_traffic_without_a_lab() -> None:
    """Traffic on the simulator needs a topology, and neither a lab nor privilege."""
    ran = run(*SHORT)
    assert (0, "") == (ran.exit_code, ran.stderr)
    assert "goodput, 64KiB in 16.21us, every byte right" in ran.stdout


def test_the_working_directory_has_the_topology(tmp_path: Path) -> None:
    """Without --topo it is the topology of the working directory, as for other commands."""
    (tmp_path / "topology.yaml").write_text(
        "name: tiny\nfabric: {planes: 1, t0: 1, t1: 1, hosts_per_t0: 2}\n", encoding="utf-8"
    )
    ran = run("traffic", "--on", "sim", "--size", "4KiB", "--json")
    assert 0 == ran.exit_code
    assert '"lab": "tiny"' in ran.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["traffic", "lab", "--on", "sim", "-t", "2p-2t0-2t1"], "--on sim has no lab: leave [LAB] out"),
        (["traffic", "lab", "--topo", "2p-2t0-2t1"], "--topo goes with --on sim: leave --topo out"),
        (["drill", "x.yaml", "--on", "sim", "--keep"], "--on sim has no lab: leave --keep out"),
        (["drill", "x.yaml", "--on", "sim", "--lab", "y"], "--on sim has no lab: leave --lab out"),
        (["traffic", "--on", "moon"], "'moon' is not one of 'kernel', 'sim'"),
    ],
)
def test_refusals(words: list[str], told: str) -> None:
    """A lab for the simulator, or a topology for a lab, is a mistake in the command line."""
    ran = run(*words)
    assert 2 == ran.exit_code
    assert told in ran.stderr


def test_drops_are_named() -> None:
    """What the fabric dropped is told by port and cause."""
    ran = run("traffic", "--on", "sim", "-t", "4p-2t0-4t1", "--pattern", "incast", "--size", "4MiB")
    assert 0 == ran.exit_code
    assert "p0-t0-0:eth1: tail drop" in ran.stdout


def test_a_drill(tmp_path: Path) -> None:
    """A drill runs in virtual time; its cut has no error bar, and what it took is in the fabric's books."""
    file = tmp_path / "drill.yaml"
    file.write_text(DRILL, encoding="utf-8")
    ran = run("drill", str(file), "--on", "sim", "--json")
    assert 0 == ran.exit_code
    assert '"on": "sim"' in ran.stdout
    assert '"error_ms": 0.0' in ran.stdout
    assert '"cause": "blackhole"' in ran.stdout
