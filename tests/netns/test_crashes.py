"""A crash of the machine, a full disk, a hand in the works, a second command: what each leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mrcnet.errors import EnvironmentFault, InputError, PartialError
from mrcnet.kernel import lab as labs
from mrcnet.kernel import netns, observe, ports, processes, program, state
from mrcnet.kernel.netlink import NetlinkSocket
from mrcnet.kernel.processes import register_run
from mrcnet.kernel.status import State, status
from tests.netns.fabric import NEEDS_ROOT, SMALL, bring_up, namespaces, new_name, running
from tests.netns.forked import Forked
from tests.netns.test_ports import SHAPED

pytestmark = NEEDS_ROOT
EDITED = SMALL.replace("t1: 2", "t1: 1")


def state_of(lab: str) -> State:
    return next(one.state for one in status() if one.lab == lab)


def files_of(lab: str) -> set[str]:
    """What is left on disk of a lab, its lock too."""
    return {file.name for file in state.DIRECTORY.glob(f"*{lab}*")}


@contextmanager
def reborn() -> Iterator[str]:
    """A lab of which a reboot left the file: on a disk, for an ordinary user's is there."""
    with running() as (lab, _):
        file = state.DIRECTORY / f"{lab}.json"
        text = file.read_text()
        labs.down(lab)
        file.write_text(text)
        try:
            yield lab
        finally:
            if lab in labs.labs():
                labs.down(lab)


def test_after_a_reboot_the_lab_is_partial() -> None:
    """A file without namespaces: status says partial, commands say what to do, `down` removes it."""
    with reborn() as lab:
        assert State.PARTIAL is state_of(lab)
        with pytest.raises(PartialError, match="not whole"):
            labs.load(lab)
        assert () == labs.down(lab)
        assert set() == files_of(lab)


def test_a_state_file_of_strange_names_removes_nothing(tmp_path: Path) -> None:
    """A node that is a path elsewhere makes the file worthless: `down` leaves what is there alone."""
    with reborn() as lab:
        (victim := tmp_path / "victim").touch()
        file = state.DIRECTORY / f"{lab}.json"
        file.write_text(file.read_text().replace('"h0"', f'"x/../../..{victim}"'))
        (netns.DIRECTORY / f"mrcnet-{lab}-x").mkdir()
        try:
            labs.down(lab)
        finally:
            (netns.DIRECTORY / f"mrcnet-{lab}-x").rmdir()
        assert victim.exists()


def test_after_a_reboot_up_makes_it_anew() -> None:
    """A file without namespaces does not keep `up` from making the same lab."""
    with reborn() as lab:
        bring_up(lab)
        assert State.UP is state_of(lab)


def test_a_namespace_deleted_by_hand() -> None:
    """The lab is partial, a command names the node that is gone, `up` brings it and its links back."""
    with running() as (lab, plan):
        subprocess.run(["ip", "netns", "del", netns.name_of(lab, "h0")], check=True)
        assert State.PARTIAL is state_of(lab)
        for words in (["verify", lab], ["traffic", lab, "--size", "1KiB"], ["exec", lab, "h0", "--", "true"]):
            with Forked(words) as command:
                _, err = command.communicate(60)
            assert command.returncode in (3, 4), err
            assert "h0" in err
        assert "h0" in {change.node for change in bring_up(lab).changes}
        assert State.UP is state_of(lab)
        assert {netns.name_of(lab, node) for node in plan.nodes} == namespaces(lab)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The state's folder on a disk of one page, which `filler` fills."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(tmp_path)], check=True)
    monkeypatch.setattr(state, "DIRECTORY", tmp_path)
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def fill(folder: Path) -> None:
    (folder / "filler").write_bytes(bytes(4096))


def test_up_on_a_full_disk_leaves_nothing(full_disk: Path) -> None:
    """A lab whose file cannot be written is not begun."""
    fill(full_disk)
    lab = new_name()
    with pytest.raises(EnvironmentFault, match="No space left"):
        bring_up(lab)
    assert set() == namespaces(lab)
    assert {"filler"} == {file.name for file in full_disk.iterdir()}


def test_a_full_disk_keeps_no_lab_from_going(full_disk: Path) -> None:
    """An edit is refused before anything changes; a run too; `down` works."""
    lab = new_name()
    bring_up(lab)
    try:
        with pytest.raises(EnvironmentFault, match="No space left"):
            bring_up(lab, EDITED)
        assert SMALL == labs.load(lab).text
        assert State.UP is state_of(lab)
        with pytest.raises(OSError, match="No space left"), register_run(lab):
            pass
        assert () == labs.processes.registered(lab)
    finally:
        labs.down(lab)
    assert set() == namespaces(lab)
    assert [] == list(full_disk.iterdir())


@pytest.mark.parametrize(("most", "enough"), [(1024, True), (64, False)])
def test_few_open_files(most: int, enough: bool) -> None:
    """1024 open files carry a lab of 32 nodes, its proof and its traffic; of too few `up` speaks first."""
    lab = new_name()
    limited = ["sh", "-c", f'ulimit -n {most} && exec "$@"', "-", sys.executable, "-m", "mrcnet.cli.main"]
    commands = [["up", "4p-2t0-4t1", "--lab", lab], ["verify", lab], ["traffic", lab, "--size", "64KiB"]]
    try:
        for words in commands if enough else commands[:1]:
            done = subprocess.run([*limited, *words], capture_output=True, text=True, check=False)
            assert (0 if enough else 3) == done.returncode, done.stderr
            assert enough == ("open files" not in done.stderr)
        assert enough == bool(namespaces(lab) | files_of(lab))
    finally:
        if lab in labs.labs():
            labs.down(lab)


PAIRS = [
    (["up", "{lab}"], ["up", "{lab}"]),
    (["up", "{lab}"], ["down", "{lab}"]),
    (["down", "{lab}"], ["down", "{lab}"]),
    (["down", "{lab}"], ["traffic", "{lab}", "--duration", "1s"]),
    (["down", "{lab}"], ["verify", "{lab}"]),
    (["fault", "{lab}", "cut", "p0-t0-0:p0-t1-1"], ["down", "{lab}"]),
]


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=lambda words: words[0])
def test_two_commands_at_once(first: list[str], second: list[str]) -> None:
    """Either waits for the other or says what it found: no traceback, and the lab can be brought up again."""
    with running() as (lab, _):
        begun = [Forked(_words(words, lab)) for words in (first, second)]
        for command in begun:
            with command:
                _, err = command.communicate(60)
            assert command.returncode in (0, 1, 2, 3, 4, 143), err
            assert "unexpected" not in err
        assert [first[0], second[0]] != ["up", "up"] or [0, 0] == [one.returncode for one in begun]
        bring_up(lab)
        assert State.UP is state_of(lab)


def _words(words: list[str], lab: str) -> list[str]:
    if words[0] == "up":
        return ["up", "2p-2t0-2t1", "--lab", lab]
    return [word.format(lab=lab) for word in words]


def test_down_all_meets_a_lab_that_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`down --all` passes over what another command took down, and one fault does not keep the others."""
    gone: list[str] = []

    def down(lab: str) -> tuple[str, ...]:
        gone.append(lab)
        if lab == "first":
            raise InputError("there is no lab")
        if lab == "second":
            raise PartialError("processes do not end")
        return (lab,)

    monkeypatch.setattr(labs, "labs", lambda: ("first", "second", "third"))
    monkeypatch.setattr(labs, "down", down)
    with pytest.raises(PartialError, match="do not end"):
        labs.down_all()
    assert ["first", "second", "third"] == gone


@pytest.mark.parametrize("lives", [False, True])
def test_who_only_looks_in_is_not_ended(lives: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """`down` of a lab ends what lives there, but no command that looks into every namespace meanwhile."""
    if lives:
        monkeypatch.setattr(netns, "VISITOR", "somebody")
    with running() as (lab, plan):
        paths = [netns.path_of(lab, node) for node in plan.nodes]
        pid = os.fork()
        if not pid:
            netns.VISITOR = "mrcnet visits"
            while True:
                for path in paths:
                    with netns.inside(path):
                        time.sleep(0.0001)
        try:
            found = [processes.inhabitants(paths) for _ in range(500)]
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    assert lives == ((pid,) in found)


def test_a_lab_goes_while_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """`status` calls it partial and goes on to the next, `port` says that it is not whole."""

    with running(SHAPED) as (lab, _), running(SHAPED) as (other, _):

        def borne(path: Path, socket: NetlinkSocket, indices: Iterable[int]) -> dict[int, int]:
            if path in (netns.path_of(lab, "h0"), netns.path_of(other, "h0")):  # `status` sees all labs
                netns.delete(path)
            return program.borne(path, socket, indices)

        monkeypatch.setattr(ports, "borne", borne)
        with pytest.raises(PartialError, match="not whole"):
            ports.open_ports(other)
        monkeypatch.setattr(observe, "borne", borne)
        assert State.PARTIAL is state_of(lab)
