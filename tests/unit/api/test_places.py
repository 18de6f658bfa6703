"""Traffic and drills from Python are those of the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError, asdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mrcnet.api import Collective, Lab, Layout, Load, Model, Sim, Step, run_drill
from mrcnet.cli.main import cli
from mrcnet.errors import InputError
from mrcnet.kernel import lab
from mrcnet.kernel.lab import UpResult
from mrcnet.kernel.state import Stored
from mrcnet.plan.model import Plan

TOPOLOGY = "2p-2t0-2t1"
MATRIX = """\
name: both
topology: 2p-2t0-2t1
seed: 1
matrix: {SIZE: [64KiB, 128KiB]}
traffic: {pattern: pair, message: 64KiB, size: "${SIZE}"}
expect: [{measure: messages_wrong, at_most: 0}]
"""


def command(*words: str) -> Any:
    """What a command prints with --json."""
    return json.loads(CliRunner().invoke(cli, [*words, "--json"], prog_name="mrcnet").stdout)


def test_a_run_is_that_of_the_command() -> None:
    """The result of a load in the simulator has the fields and values that `mrcnet traffic` prints."""
    found = Sim(TOPOLOGY).run(Load("ring", size="256KiB", message=65536, seed=3))
    printed = command(
        *("traffic", "--on", "sim", "--topo", TOPOLOGY, "--pattern", "ring"),
        *("--size", "256KiB", "--message", "64KiB", "--seed", "3"),
    )
    assert [] == printed.pop("degraded")
    assert printed == json.loads(json.dumps(asdict(found)))


def test_a_collective_is_that_of_the_command() -> None:
    """Its table has the rows that `mrcnet collective` prints, of each size of the range."""
    ask = Collective(
        "all-gather", "4KiB..16KiB", iterations=1, ranks=["h0", "h3"], outstanding=2, transport="rocev2x4"
    )
    told: list[str] = []
    found = Sim(TOPOLOGY, loss="1%").collective(ask, progress=told.append)
    printed = command(
        *("collective", "--on", "sim", "--topo", TOPOLOGY, "--collective", "all-gather", "-n", "1"),
        *("--size", "4KiB..16KiB", "--ranks", "h0,h3", "--outstanding", "2"),
        *("--transport", "rocev2x4", "--loss", "1%"),
    )
    assert printed == json.loads(json.dumps(asdict(found)))
    assert [4096, 16384] == [row.size for row in found.rows]
    assert ["all-gather, 4KiB", "all-gather, 16KiB"] == told


def test_a_step_is_that_of_the_command() -> None:
    """Its result has what `mrcnet step` prints, of the same model and layout."""
    words = "layers=1,hidden=32,heads=2,vocab=64,batch=1,sequence=16"
    ask = Step("megatron", Model(1, 32, 2, 64, 1, 16), Layout(tensor=2, data=2), message="64KiB", seed=3)
    found = Sim(TOPOLOGY).step(ask)
    printed = command(
        *("step", "megatron", "--on", "sim", "--topo", TOPOLOGY, "--tp", "2", "--dp", "2"),
        *("--model", words, "--message", "64KiB", "--seed", "3"),
    )
    assert printed == json.loads(json.dumps(asdict(found) | {"calls": dict(found.calls)}))
    assert (True, 4) == (found.verified, len(found.ranks))


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (Step("zero-4"), "no step 'zero-4'"),
        (Step("megatron"), "are 1 ranks, not 4"),
        (Step(transport="tcp"), "no transport 'tcp'"),
        (Step(ranks=["h9"]), "ranks: 'h9' is no host"),
    ],
)
def test_no_such_step(ask: Step, why: str) -> None:
    """What cannot be run is an InputError that says why, before anything runs."""
    with pytest.raises(InputError, match=why):
        Sim(TOPOLOGY).step(ask)


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (Collective("all-redcue"), "no collective 'all-redcue'; did you mean 'all-reduce'"),
        (Collective(size="2MiB..1MiB"), "'2MiB..1MiB' is no range of sizes"),
        (Collective(factor=1), "factor must be 2 at least"),
        (Collective(iterations=0), "iterations must be 1 at least"),
        (Collective(outstanding=0), "outstanding must be 1 at least"),
        (Collective(transport="tcp"), "no transport 'tcp'"),
        (Collective(type="int3"), "no type 'int3'"),
        (Collective(ranks=["h0", "h9"]), "ranks: 'h9' is no host"),
    ],
)
def test_no_such_collective(ask: Collective, why: str) -> None:
    """What cannot be run is an InputError that names the argument, before anything runs."""
    with pytest.raises(InputError, match=why):
        Sim(TOPOLOGY).collective(ask)


def test_losses_are_asked_for_by_share() -> None:
    """`loss` of the simulator has hosts lose packets, and the bytes are right all the same."""
    whole, lossy = (Sim(TOPOLOGY, loss=loss).run(Load(size="1MiB")) for loss in (0, "1%"))
    assert (True, True) == (whole.verified, lossy.verified)
    assert 0 == whole.packets.lost < lossy.packets.lost


def test_results_are_frozen() -> None:
    """Nobody changes a result by mistake."""
    found = Sim(TOPOLOGY).run(Load(size="64KiB"))
    with pytest.raises(FrozenInstanceError):
        found.seconds = 0.0  # type: ignore[misc]


def test_a_drill_is_that_of_the_command(tmp_path: Path) -> None:
    """`run_drill` gives the figures that `mrcnet drill` prints, a variable choosing from the matrix."""
    (tmp_path / "both.yaml").write_text(MATRIX)
    found = run_drill(tmp_path / "both.yaml", on="sim", seed=5, SIZE="128KiB")
    printed = command("drill", str(tmp_path / "both.yaml"), "--on", "sim", "--seed", "5")
    assert ("passed", (("SIZE", "128KiB"),)) == (found.verdict, found.choice)
    assert printed["runs"][1]["traffic"] == json.loads(json.dumps(asdict(found)["traffic"]))


def test_a_matrix_leaves_no_choice_open(tmp_path: Path) -> None:
    """A drill with a matrix is refused, with the variables to give, until one choice is left."""
    (tmp_path / "both.yaml").write_text(MATRIX)
    with pytest.raises(InputError, match="matrix of 2 drills") as refused:
        run_drill(tmp_path / "both.yaml", on="sim")
    assert "say which: give a value to SIZE" == refused.value.remedy


@pytest.mark.parametrize(
    ("load", "why"),
    [
        (Load("rign"), "no pattern 'rign'; did you mean 'ring'"),
        (Load(transport="tpc"), "no transport 'tpc'"),
        (Load(congestion="none"), "no congestion 'none'"),
        (Load(hosts=["h0", "h9"]), "hosts: 'h9' is no host"),
        (Load(hosts=["h0", "h0"]), "named twice"),
        (Load(size="1MiB", duration="1ms"), "exclude each other"),
        (Load(size="a lot"), "size: 'a lot' is not a size"),
        (Load(duration=0), "duration must be more than 0"),
        (Load(message="2GiB"), "at most 1GiB"),
        (Load(rate="10 apples"), "rate: unknown unit"),
    ],
)
def test_what_makes_no_sense_is_refused(load: Load, why: str) -> None:
    """A wrong argument is an InputError that names it."""
    with pytest.raises(InputError, match=why):
        Sim(TOPOLOGY).run(load)


def test_a_lab_needs_no_end_points() -> None:
    """Bringing a lab up from Python loads neither compiled loops nor what draws reports."""
    line = "import sys; from mrcnet.api import Lab; print({'numba', 'matplotlib'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout
    assert "set()" == said.strip()


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> dict[str, Stored]:
    """The labs that are up, of a kernel's room that only remembers."""
    found: dict[str, Stored] = {}

    def up(_: Plan, name: str, file: str, text: str, **__: bool) -> UpResult:
        found[name] = Stored(name, file, text, ())
        return UpResult(name, (), 0.0)

    monkeypatch.setattr(lab, "up", up)
    monkeypatch.setattr(lab, "labs", lambda: tuple(found))
    monkeypatch.setattr(lab, "load", found.__getitem__)
    monkeypatch.setattr(lab, "down", lambda name: (found.pop(name).lab,))
    return found


def test_a_lab_goes_down_with_its_block(there: dict[str, Stored]) -> None:
    """What `up` made is gone after the block, be it taken down within, or the end an error."""
    with Lab.up(TOPOLOGY, "mine"):
        assert ["mine"] == list(there)
    assert [] == list(there)
    with Lab.up(TOPOLOGY, "mine") as mine:
        mine.down()
    with pytest.raises(ZeroDivisionError), Lab.up(TOPOLOGY, "mine"):
        raise ZeroDivisionError
    assert [] == list(there)


def test_a_lab_that_was_there_stays(there: dict[str, Stored]) -> None:
    """Neither `attach` nor `up` of a lab that is up takes it down."""
    kept = Lab.up(TOPOLOGY, "mine")
    with Lab.attach() as attached, Lab.up(TOPOLOGY, "mine"):
        assert (kept.name, kept.plan) == (attached.name, attached.plan)
    assert ["mine"] == list(there)
