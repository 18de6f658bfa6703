"""Drills on real labs: a cut is seen, survived, undone; a drill that must fail fails, and nothing stays."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrcnet.kernel import faults
from mrcnet.kernel import lab as labs
from mrcnet.plan.model import Plan
from tests.netns.fabric import NEEDS_ROOT, bring_up, namespaces, new_name, running
from tests.netns.traffic import exists, mrcnet, runs, sending, shields, start, topology, wait_for
from tests.unit.plan.fabrics import ROOT, plan_of

pytestmark = NEEDS_ROOT
SHAPE = "2p-2t0-2t1"
PLAN: Plan = plan_of(topology(SHAPE))
LINK = "p0-t0-0:p0-t1-1"
DEAD = "0x00000002"  # the EV from h0 to h3 that crosses it
OF_THE_MACHINE = {"goodput_after_share", "detection_ms", "recovery_ms"}  # scripts/bench holds them
PATIENT = ", timeout_exponent: 19"  # half a second, longer than a busy machine stalls
IMPATIENT = ", timeout_exponent: 16"  # 67 ms, so that retries are used up soon
KINDS = pytest.mark.parametrize("silent", [False, True], ids=["loud", "silent"])


def drill(
    folder: Path,
    *lines: str,
    silent: bool = False,
    actions: str = "",
    duration: str = "2500ms",
    transport: str = PATIENT,
) -> tuple[str, Path]:
    """A short drill in a file: its name, which is its lab's, and the file. All EVs are active."""
    name, flag = new_name(), str(silent).lower()
    cut = f'  - {{at: 800ms, do: cut, target: "{LINK}", silent: {flag}}}\n'
    heal = f'  - {{at: 1600ms, do: heal, target: "{LINK}"}}\n'
    text = (
        f"name: {name}\ntopology: {SHAPE}\nseed: 3\n"
        f"traffic: {{pattern: pair, hosts: [h0, h3], message: 16KiB, rate: 50Mbps, duration: {duration}}}\n"
        f"transport: {{backup_share: 0{transport}}}\n"
        f"actions:\n{actions or cut + heal}"
        "expect:\n  - {measure: messages_wrong, at_most: 0}\n" + "".join(f"  - {line}\n" for line in lines)
    )
    file = folder / "drill.yaml"
    file.write_text(text)
    return name, file


def hurried(folder: Path, story: str) -> tuple[str, Path]:
    """A drill of labs/, with its times divided by 2.5, as a lab of another name."""
    text = (ROOT / "labs" / story / "drill.yaml").read_text(encoding="utf-8")
    name = new_name()
    for old, new in (
        (f"name: {story}", f"name: {name}"),
        ("../../topologies/", ""),
        (".yaml", ""),
        ("duration: 7s", "duration: 2800ms"),
        ("at: 2s", "at: 800ms"),
        ("at: 5s", "at: 2s"),
    ):
        assert old in text
        text = text.replace(old, new)
    file = folder / "drill.yaml"
    file.write_text(text)
    return name, file


def check_gone(name: str) -> None:
    """Nothing of the drill's lab is left."""
    assert set() == namespaces(name)
    assert name not in labs.labs()
    assert [] == runs(name)


@pytest.fixture
def lab() -> Iterator[str]:
    """A lab that runs already, for drills in it."""
    with running(topology(SHAPE)) as (name, _):
        yield name


@pytest.mark.alone
@KINDS
def test_a_cut_is_survived(tmp_path: Path, silent: bool) -> None:
    """A link dies and comes back under traffic: no byte lost, its EV out and in again, and no other."""
    name, file = drill(
        tmp_path,
        "{measure: evs_hit, at_least: 1}",
        "{measure: evs_lost_elsewhere, at_most: 0}",
        silent=silent,
    )
    code, told, complaint = mrcnet("drill", str(file), "-o", str(tmp_path / "result.json"))
    assert (0, "passed", []) == (code, told["verdict"], told["reasons"]), complaint
    metrics, traffic = told["metrics"], told["traffic"]
    assert traffic["verified"]
    assert 0 == metrics["messages_wrong"]
    assert 1 == metrics["evs_on_link"] == metrics["evs_hit"]
    assert metrics["evs_regained"] >= 1
    assert metrics["detection_ms"] >= -metrics["error_ms"]
    assert metrics["last_loss_ms"] is not None
    books = traffic["packets"]
    assert books["lost"] == metrics["packets_lost"] >= metrics["packets_lost_on_dead_evs"] >= 1
    assert books["retransmitted"] == books["lost"] + books["duplicates"]
    changes = [line["text"] for line in told["events"] if line["kind"] == "ev"]
    assert changes
    assert all(f"EV {DEAD} plane 0" in text for text in changes)
    assert "-> ASSUMED_BAD" in changes[0]
    assert "ASSUMED_BAD -> GOOD" in changes[-1]
    told_kinds = [line["kind"] for line in told["events"]]
    assert told_kinds.index("cut") < told_kinds.index("heal")
    assert told == json.loads((tmp_path / "result.json").read_text())
    check_gone(name)


@pytest.mark.alone
@pytest.mark.parametrize("story", ["loud-cut", "silent-cut"])
def test_shipped_stories(tmp_path: Path, story: str) -> None:
    """The drills of labs/ hold in less time than they take, but for what a busy machine makes slow."""
    name, file = hurried(tmp_path, story)
    _, told, _ = mrcnet("drill", str(file))
    not_met = {line["expectation"]["measure"] for line in told["judgements"] if not line["met"]}
    assert ([], set()) == (told["reasons"], not_met - OF_THE_MACHINE)
    assert story == ("silent-cut" if "(silent)" in told["events"][0]["text"] else "loud-cut")
    check_gone(name)


@KINDS
def test_in_a_running_lab(tmp_path: Path, lab: str, silent: bool) -> None:
    """A drill in a running lab leaves it as it found it: up, whole, without filters."""
    _, file = drill(tmp_path, silent=silent)
    code, told, _ = mrcnet("drill", str(file), "--lab", lab)
    assert (0, lab) == (code, told["lab"])
    assert () == faults.active_faults(lab)
    assert [] == shields(lab, PLAN)
    assert () == bring_up(lab, topology(SHAPE)).changes


def test_cut_that_the_drill_does_not_heal(tmp_path: Path, lab: str) -> None:
    """What a drill's file leaves cut is healed when the drill is over."""
    _, file = drill(tmp_path, actions=f'  - {{at: 500ms, do: cut, target: "{LINK}"}}\n', duration="1200ms")
    code, told, _ = mrcnet("drill", str(file), "--lab", lab)
    assert (0, 0) == (code, told["metrics"]["evs_regained"])
    assert () == faults.active_faults(lab)
    assert () == bring_up(lab, topology(SHAPE)).changes


def test_expectation_that_cannot_be_met(tmp_path: Path) -> None:
    """A bound that no fabric meets fails the drill, with exit code 1 and the figure."""
    name, file = drill(tmp_path, "{measure: goodput_after_share, at_least: 2}")
    code, told, _ = mrcnet("drill", str(file))
    assert (1, "failed", []) == (code, told["verdict"], told["reasons"])
    assert [True, False] == [judgement["met"] for judgement in told["judgements"]]
    check_gone(name)


def test_every_path_cut(tmp_path: Path) -> None:
    """Sabotage: with no path left the drill fails, says why, and ends."""
    cuts = [f'  - {{at: 500ms, do: cut, target: "h0:p{plane}-t0-0", silent: true}}\n' for plane in (0, 1)]
    name, file = drill(tmp_path, actions="".join(cuts), duration="1500ms", transport=IMPATIENT)
    code, told, _ = mrcnet("drill", str(file))
    assert (1, "failed") == (code, told["verdict"])
    assert told["reasons"][0].startswith("h0 -> h3: the QP went to ERROR: ")
    assert told["metrics"]["recovery_ms"] is None
    assert told["metrics"]["goodput_after_bps"] == 0
    dead = max(line["at_ms"] for line in told["events"] if line["kind"] == "cut")
    assert told["metrics"]["longest_gap_ms"] > 0.9 * (1500 - dead)
    check_gone(name)


def test_dead_before_the_first_action(tmp_path: Path, lab: str) -> None:
    """If nothing gets through from the start, there is nothing to measure: failed, and no crash."""
    for plane in (0, 1):
        faults.cut(PLAN, lab, f"h3:p{plane}-t0-1", silent=True)
    _, file = drill(
        tmp_path, actions=f'  - {{at: 29s, do: cut, target: "{LINK}"}}\n', duration="30s", transport=IMPATIENT
    )
    code, told, _ = mrcnet("drill", str(file), "--lab", lab)
    assert (1, "failed", None) == (code, told["verdict"], told["metrics"])
    assert "1 actions were not taken" == told["reasons"][-1]
    assert 2 == len(faults.active_faults(lab))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, 143)])
def test_interrupted(tmp_path: Path, lab: str, number: int, code: int) -> None:
    """Ctrl-C in the middle of a cut: `aborted`, healed, nothing left. TERM: the same without a result."""
    _, file = drill(tmp_path, silent=True, duration="60s")
    with start("drill", str(file), "--lab", lab, "--json") as process:
        workers = wait_for(sending(process.pid, lab, PLAN))
        wait_for(lambda: faults.active_faults(lab))
        process.send_signal(number)
        printed, complaint = process.communicate(timeout=30)
    assert code == process.returncode
    assert "Traceback" not in complaint
    if number == signal.SIGINT:
        assert "aborted" == json.loads(printed)["verdict"]
    wait_for(lambda: not any(exists(pid) for pid in workers))
    assert () == faults.active_faults(lab)
    assert [] == shields(lab, PLAN)
    assert [] == runs(lab)


def test_interrupted_in_a_lab_of_its_own(tmp_path: Path) -> None:
    """Ctrl-C takes down the lab that the drill brought up."""
    name, file = drill(tmp_path, duration="60s")
    with start("drill", str(file)) as process:
        wait_for(lambda: runs(name) and faults.active_faults(name))
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=30)
    assert 1 == process.returncode
    assert printed.startswith(f"{name}: aborted")
    check_gone(name)


def test_link_that_is_cut_already(tmp_path: Path, lab: str) -> None:
    """A link that is cut before is refused, with the place in the file, and stays cut."""
    faults.cut(PLAN, lab, LINK)
    _, file = drill(tmp_path)
    code, told, complaint = mrcnet("drill", str(file), "--lab", lab)
    assert (2, None) == (code, told)
    assert f"drill.yaml:7:34: {LINK} is cut already\n  remedy: mrcnet fault {lab} heal {LINK}" in complaint
    assert [LINK] == [fault.target for fault in faults.active_faults(lab)]


def test_lab_of_that_name(tmp_path: Path) -> None:
    """A drill does not take over, nor take down, a lab that has its name."""
    name, file = drill(tmp_path)
    bring_up(name, topology(SHAPE))
    try:
        code, _, complaint = mrcnet("drill", str(file))
        assert code == 2
        assert f"lab '{name}' exists\n  remedy: run the drill in it with --lab {name}" in complaint
        assert 12 == len(namespaces(name))
    finally:
        labs.down(name)


def test_result_that_cannot_be_written(tmp_path: Path) -> None:
    """That the result has no place is said before the drill, not after it: exit code 3, nothing built."""
    name, file = drill(tmp_path)
    code, told, complaint = mrcnet("drill", str(file), "-o", str(tmp_path / "no-such-folder" / "result.json"))
    assert (3, None) == (code, told)
    assert "result.json" in complaint
    check_gone(name)
