"""What another distribution adds: found by its entry points, checked when used, named when it is broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mrcnet import extensions
from mrcnet.api import Load, Sim, load_plan, run_drill
from mrcnet.drill import actions
from mrcnet.errors import EnvironmentFault
from tests.support.pages import blocks

ROOT = Path(__file__).parents[2]
TOPOLOGY = "name: ours\nsrv6: {scheme: ours}\nfabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}\n"
DRILL = """\
name: racks
topology: 2p-2t0-2t1
seed: 1
transport: {congestion: half, backup_share: 0}
traffic: {pattern: pair, hosts: [h0, h3], message: 64KiB, rate: 1Gbps, duration: 20ms}
actions: [{at: 10ms, do: %s, target: "%s", for: 2ms}]
expect: [{measure: messages_wrong, at_most: 0}]
"""
ACTION = "from mrcnet.drill.actions import Action\nRACK = Action(lambda *_: {})"
Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """`install("mine", modules, entries)`: a distribution in a folder of its own on the path; the folder."""

    def forget() -> None:
        extensions._found.cache_clear()
        actions._added.cache_clear()
        for name in [name for name in sys.modules if name.startswith("mypackage")]:
            del sys.modules[name]

    def make(name: str, modules: dict[str, str], entries: dict[str, dict[str, str]]) -> Path:
        folder = tmp_path / name
        (folder / "mypackage").mkdir(parents=True)
        (folder / "mypackage" / "__init__.py").touch()
        for module, text in modules.items():
            (folder / "mypackage" / module).write_text(text)
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [
            line
            for group, names in entries.items()
            for line in (f"[{group}]", *(f"{one} = {value}" for one, value in names.items()))
        ]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        monkeypatch.syspath_prepend(str(folder))
        forget()
        return folder

    yield make
    forget()


@pytest.fixture
def page(install: Install) -> Path:
    """The distribution that docs/extending.md makes."""
    faults, windows, schemes = blocks("extending.md", "python")
    (toml,) = blocks("extending.md", "toml")
    ours = (ROOT / "topologies" / "schemes" / "rpii.yaml").read_text()
    modules = {"faults.py": faults, "windows.py": windows, "schemes.py": schemes, "ours.yaml": ours}
    return install("mine", modules, tomllib.loads(toml)["project"]["entry-points"])


@pytest.mark.usefixtures("page")
def test_an_added_action_strikes_and_is_undone(tmp_path: Path) -> None:
    """A drill takes another's action, over another's congestion control, and undoes what it did."""
    (tmp_path / "racks.yaml").write_text(DRILL % ("rack-down", "1"))
    found = run_drill(tmp_path / "racks.yaml", on="sim")
    assert "passed" == found.verdict, found.reasons
    assert found.measures is not None
    assert 0 < found.measures.evs_on_link


@pytest.mark.usefixtures("page")
def test_an_added_control_decides_the_window() -> None:
    """A run over another's congestion control, with half a BDP under way, is the slower for it."""
    held = Sim("4p-2t0-4t1").run(Load(hosts=["h0", "h5"], size="4MiB", congestion="half"))
    free = Sim("4p-2t0-4t1").run(Load(hosts=["h0", "h5"], size="4MiB", congestion="nscc"))
    assert (True, True) == (held.verified, free.verified)
    assert held.goodput_bps < 0.7 * free.goodput_bps


@pytest.mark.usefixtures("page")
def test_an_added_scheme_makes_the_sids(tmp_path: Path) -> None:
    """A topology names another's scheme, whose SIDs are those of the file that it brings."""
    (tmp_path / "ours.yaml").write_text(TOPOLOGY)
    (tmp_path / "shipped.yaml").write_text(TOPOLOGY.replace("scheme: ours", "scheme: rpii"))
    added, shipped = (load_plan(tmp_path / f"{name}.yaml") for name in ("ours", "shipped"))
    assert {name: node.locator for name, node in shipped.nodes.items()} == {
        name: node.locator for name, node in added.nodes.items()
    }


def test_commands_name_what_is_installed(page: Path) -> None:
    """`--help` and the schema of drills have another's names, and a run of the command takes them."""
    path = os.pathsep.join([str(page), str(ROOT)])

    def told(*words: str) -> str:
        line = [sys.executable, "-m", "mrcnet.cli.main", *words]
        done = subprocess.run(
            line, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path}
        )
        return done.stdout

    assert "half" in told("traffic", "--help")
    assert "rack-down" in json.dumps(json.loads(told("schema", "drill", "--json")))
    run = told(
        *[
            "traffic",
            "--on",
            "sim",
            "--topo",
            "2p-2t0-2t1",
            "--size",
            "64KiB",
            "--congestion",
            "half",
            "--json",
        ]
    )
    assert json.loads(run)["verified"]


@pytest.mark.parametrize(
    ("module", "why"),
    [
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
        ("", "AttributeError"),
        ("RACK = 7", "it is no Action, but int"),
        (
            "from mrcnet.drill.actions import Action\nRACK = Action(lambda *_: (), takes=('colour',))",
            "no key colour",
        ),
        (
            "from mrcnet.drill.actions import Action\nRACK = Action(lambda *_: 1 / 0, takes=('for',))",
            "ZeroDiv",
        ),
        (
            "from mrcnet.drill.actions import Action\nRACK = Action(lambda *_: ('melt',), takes=('for',))",
            "asks for what is no operation",
        ),
    ],
)
def test_a_broken_action_is_named(install: Install, tmp_path: Path, module: str, why: str) -> None:
    """What cannot be loaded, is none, or fails ends in an error with its name and distribution."""
    install("bad-faults", {"faults.py": module}, {"mrcnet.actions": {"melt": "mypackage.faults:RACK"}})
    (tmp_path / "melt.yaml").write_text((DRILL % ("melt", "1")).replace("congestion: half, ", ""))
    with pytest.raises(EnvironmentFault, match=why) as broken:
        run_drill(tmp_path / "melt.yaml", on="sim")
    assert "mrcnet.actions: 'melt' of the distribution bad-faults" in broken.value.message
    assert "mend, update or remove bad-faults" == broken.value.remedy


@pytest.mark.parametrize(
    ("module", "why"),
    [
        ("def half(reach): return object()", "lack window, on_send, on_ack, on_trim, on_loss"),
        ("def half(): pass", "TypeError"),
        (
            "from mrcnet.mrc.window import FixedWindow\ndef half(reach): return FixedWindow(100)",
            "its window of 100 bytes holds no packet",
        ),
    ],
)
def test_a_broken_control_is_named(install: Install, module: str, why: str) -> None:
    """A control whose controllers cannot serve is refused before the run, with its distribution."""
    install("bad-windows", {"windows.py": module}, {"mrcnet.congestion": {"half": "mypackage.windows:half"}})
    with pytest.raises(EnvironmentFault, match=why) as broken:
        Sim("2p-2t0-2t1").run(Load(size="64KiB", congestion="half"))
    assert "'half' of the distribution bad-windows" in broken.value.message


@pytest.mark.parametrize(
    ("module", "why"),
    [
        ("FILE = '/nowhere.yaml'", "cannot read /nowhere.yaml"),
        ("FILE = 7", "it is no Scheme and no path, but int"),
    ],
)
def test_a_broken_scheme_is_named(install: Install, tmp_path: Path, module: str, why: str) -> None:
    """A scheme whose file is not there, or that is none, is refused with its distribution."""
    install("bad-schemes", {"schemes.py": module}, {"mrcnet.schemes": {"ours": "mypackage.schemes:FILE"}})
    (tmp_path / "ours.yaml").write_text(TOPOLOGY)
    with pytest.raises(EnvironmentFault, match=why) as broken:
        load_plan(tmp_path / "ours.yaml")
    assert "'ours' of the distribution bad-schemes" in broken.value.message


def test_two_of_one_name_are_refused(install: Install) -> None:
    """A name that two distributions bring is used from neither, and both are named."""
    for name in ("one", "two"):
        install(name, {"windows.py": ""}, {"mrcnet.congestion": {"half": "mypackage.windows:half"}})
    with pytest.raises(EnvironmentFault, match=r"(one|two) brings another of that name"):
        Sim("2p-2t0-2t1").run(Load(size="64KiB", congestion="half"))


def test_a_name_of_mrcnet_stays_its_own(install: Install) -> None:
    """Nobody takes `cut` or `nscc` away."""
    install(
        "thief",
        {"windows.py": "def steal(reach): raise RuntimeError"},
        {"mrcnet.congestion": {"nscc": "mypackage.windows:steal"}, "mrcnet.actions": {"cut": "mypackage:x"}},
    )
    assert Sim("2p-2t0-2t1").run(Load(size="64KiB", congestion="nscc")).verified
    assert "silent" in actions.ACTIONS["cut"].takes
