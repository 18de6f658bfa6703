"""Commands over labs, with the kernel's room replaced by one that remembers what it was asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mrcnet.cli import exec as exec_module
from mrcnet.errors import InputError
from mrcnet.kernel import faults, lab, marks, netns
from mrcnet.kernel.faults import FaultRecord
from mrcnet.kernel.lab import UpResult
from mrcnet.kernel.model import Change, Kind, Op
from mrcnet.kernel.state import Stored
from mrcnet.plan.model import Plan

from .conftest import Run

FABRIC = "name: {}\nfabric: {{planes: 1, t0: 1, t1: 1, hosts_per_t0: 2}}\n"
CHANGE = Change(Op.ADD, Kind.NAMESPACE, "h0", "h0", "it is not there")


@dataclass
class Kernel:
    """What labs there are, and what was asked."""

    labs: list[str] = field(default_factory=lambda: ["one"])
    changes: tuple[Change, ...] = (CHANGE,)
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def up(
        self, plan: Plan, name: str, file: str, text: str, dry_run: bool, *, allow_degraded: bool
    ) -> UpResult:
        self.asked.append(("up", plan.topology.name, name, file, text, dry_run))
        return UpResult(name, self.changes, 0.25, ("shaper: why",) if allow_degraded else ())

    def load(self, name: str) -> Stored:
        if name not in self.labs:
            raise InputError(f"there is no lab {name!r}")
        return Stored(name, "gone.yaml", FABRIC.format(name), ())

    def down(self, name: str) -> tuple[str, ...]:
        self.asked.append(("down", name))
        return (f"mrcnet-{name}-h0",)

    def cut(self, plan: Plan, name: str, target: str, silent: bool = False) -> FaultRecord:
        self.asked.append(("cut", plan.topology.name, name, target, silent))
        return FaultRecord("cut", target, 5_000_000_000, 20_000)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    found = Kernel()
    monkeypatch.setattr(lab, "labs", lambda: tuple(found.labs))
    monkeypatch.setattr(lab, "up", found.up)
    monkeypatch.setattr(lab, "load", found.load)
    monkeypatch.setattr(lab, "down", found.down)
    monkeypatch.setattr(lab, "down_all", lambda: tuple(n for name in found.labs for n in found.down(name)))
    monkeypatch.setattr(faults, "cut", found.cut)
    monkeypatch.setattr(marks, "read", lambda path: path if path.name == "mrcnet-one-h0" else None)
    return found


def test_up_tells_what_it_changed(run: Run, kernel: Kernel) -> None:
    """The JSON of `up` holds the lab, each change with its reason, and where the time went."""
    text = FABRIC.format("mine")
    answer = run("up", "-", "--json", stdin=text).json
    assert [("up", "mine", "mine", "<stdin>", text, False)] == kernel.asked
    change = {
        "op": "add",
        "kind": "namespace",
        "node": "h0",
        "what": "h0",
        "reason": "it is not there",
    }
    assert ("mine", [change]) == (answer["lab"], answer["changes"])
    assert {"plan", "apply", "total"} == set(answer["seconds"])
    assert 0.25 == answer["seconds"]["apply"]


@pytest.mark.usefixtures("kernel")
def test_up_says_what_the_lab_goes_without(run: Run) -> None:
    """With --allow-degraded the parts that are missing are named, on stderr and in the JSON."""
    ran = run("up", "-", "--json", "--allow-degraded", stdin=FABRIC.format("mine"))
    assert ["shaper: why"] == ran.json["degraded"]
    assert "goes without shaper: why" in ran.err


def test_up_under_another_name_with_variables_filled_in(run: Run, kernel: Kernel) -> None:
    """--lab names the lab; the text that is kept has no variables left, so it means the same later."""
    Path("topology.yaml").write_text(FABRIC.format("${N}"), encoding="utf-8")
    run("up", "--lab", "other", "--dry-run", N="filled")
    assert [("up", "filled", "other", "topology.yaml", FABRIC.format("filled"), True)] == kernel.asked


def test_up_twice_says_so(run: Run, kernel: Kernel) -> None:
    """When there is nothing to change the user reads exactly that."""
    kernel.changes = ()
    assert "lab mine: nothing to change\n" == run("up", "-", stdin=FABRIC.format("mine")).out


def test_dry_run_lists_every_change(run: Run, kernel: Kernel) -> None:
    """A dry run prints each change with its reason, however many; a real one counts them."""
    kernel.changes = (CHANGE,) * 100
    dry = run("up", "-", "--dry-run", stdin=FABRIC.format("mine")).out.splitlines()
    assert [str(CHANGE)] * 100 == dry[:-1]
    assert "lab mine: changes: 100, none made" == dry[-1]
    real = run("up", "-", stdin=FABRIC.format("mine")).out.splitlines()
    assert ["add", "namespace", "100"] == real[0].split()


def test_up_refuses_what_lint_refuses(run: Run, kernel: Kernel) -> None:
    """A fabric that would not work never reaches the kernel; the exit code is that of wrong input."""
    ran = run("up", "-", stdin=FABRIC.format("mine") + "defaults: {mtu: 1500}\n")
    assert (2, "", []) == (ran.code, ran.out, kernel.asked)
    assert "needs an MTU of 4228" in ran.err


def test_the_only_lab_is_meant(run: Run, kernel: Kernel) -> None:
    """A command without LAB works on the only lab and says which, beside the answer."""
    ran = run("down", "--json")
    assert {"removed": ["mrcnet-one-h0"]} == ran.json
    assert "using lab one\n" == ran.err
    assert [("down", "one")] == kernel.asked


def test_the_variable_names_the_lab(run: Run, kernel: Kernel) -> None:
    """MRCNET_LAB settles which lab is meant, and LAB goes before it."""
    kernel.labs = ["one", "two"]
    run("down", MRCNET_LAB="two")
    run("down", "one", MRCNET_LAB="two")
    assert [("down", "two"), ("down", "one")] == kernel.asked


@pytest.mark.parametrize(
    ("labs", "words"), [(["one", "two"], "which lab? there are one, two"), ([], "there is no lab")]
)
def test_no_lab_or_several(run: Run, kernel: Kernel, labs: list[str], words: str) -> None:
    """With no lab, or a choice of labs, a command without LAB asks and does nothing."""
    kernel.labs = labs
    ran = run("down")
    assert (2, "", []) == (ran.code, ran.out, kernel.asked)
    assert words in ran.err


@pytest.mark.parametrize("option", ["--all", "-a"])
def test_down_all(run: Run, kernel: Kernel, option: str) -> None:
    """--all, or -a, removes every lab; with none there is nothing to do, which is no error."""
    kernel.labs = ["one", "two"]
    assert {"removed": ["mrcnet-one-h0", "mrcnet-two-h0"]} == run("down", option, "--json").json
    kernel.labs = []
    ran = run("down", option)
    assert (0, "nothing to remove\n") == (ran.code, ran.out)


@pytest.mark.parametrize("words", [("one", "cut", "h0:p0-t0-0"), ("cut", "h0:p0-t0-0")])
def test_fault_gives_the_instant_and_its_error(run: Run, kernel: Kernel, words: tuple[str, ...]) -> None:
    """The JSON of `fault` records the instant; the plan comes from the lab, for its file may be gone."""
    answer = run("fault", *words, "--silent", "--json").json
    assert {"fault": "cut", "target": "h0:p0-t0-0", "at_ns": 5_000_000_000, "error_ns": 20_000} == answer
    assert [("cut", "one", "one", "h0:p0-t0-0", True)] == kernel.asked


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("words", [("one", "h0"), ("h0",)])
def test_exec_becomes_the_program(run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    """`exec` turns into the program in the node's namespace, so that its exit code passes through."""
    became: list[list[str]] = []
    monkeypatch.setattr(exec_module.os, "execvp", lambda _, line: became.append(line))
    monkeypatch.setattr(exec_module.signal, "signal", lambda *_: None)
    run("exec", *words, "--", "ls", "-l", "--", "--json", "--help")
    line = ["ip", "netns", "exec", netns.path_of("one", "h0").name]
    assert [[*line, "ls", "-l", "--", "--json", "--help"]] == became


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -9 $$", 137)])
def test_exec_json_captures(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, code: int
) -> None:
    """With --json the program's output and exit code are in the object, and the exit code passes through."""
    ip = tmp_path / "ip"
    ip.write_text('#!/bin/sh\nshift 3\nexec "$@"\n', encoding="utf-8")
    ip.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    ran = run("exec", "one", "h0", "--json", "--", "sh", "-c", f"echo out; echo err >&2; {script}")
    assert {"exit_code": code, "stdout": "out\n", "stderr": "err\n"} == ran.json
    assert code == ran.code


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("two", "h0"), 2, "there is no lab 'two'"),
        (("one", "p0-t0-7"), 2, "lab one has no node 'p0-t0-7'; did you mean 'p0-t0-0'?"),
        (("one", "h1"), 4, "node h1 of lab one is not there"),
    ],
)
def test_exec_on_what_is_not_there(run: Run, words: tuple[str, ...], code: int, message: str) -> None:
    """An unknown lab or node is wrong input; a node that is gone is a half-made lab."""
    ran = run("exec", *words, "--", "ls")
    assert (code, "") == (ran.code, ran.out)
    assert message in ran.err


@pytest.mark.usefixtures("kernel")
def test_exec_without_iproute2(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without `ip` is the machine's fault, and the remedy says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = run("exec", "one", "h0", "--json", "--", "ls")
    assert 3 == ran.code
    assert "remedy: install iproute2" in ran.err
