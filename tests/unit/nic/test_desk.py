"""Asking a run for an EV table: the two ends of the socket, without a run."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from mrcnet.kernel import state
from mrcnet.kernel.processes import register_run
from mrcnet.nic.desk import Desk, ask, deny, desks, open_desk
from mrcnet.nic.messages import Ask, Deny, Table
from mrcnet.workload.report import EvRow

ROW = EvRow(0x10002, 1, "ASSUMED_BAD", False, 7, 2, "loss inferred", 1_500)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The desk of a run of the lab `lab` that is this very process."""
    monkeypatch.setattr(state, "DIRECTORY", tmp_path)
    with register_run("lab"):
        made = open_desk("lab")
        assert made is not None
        yield made
        made.close()
    assert [] == list(tmp_path.rglob("*.sock"))


def serve(desk: Desk, rows: list[EvRow] | None) -> Thread:
    """Answer one question with `rows`."""

    def work() -> None:
        while (question := desk.take()) is None:
            pass
        assert isinstance(question, Ask)
        assert ("h0", "h5") == (question.src, question.dst)
        desk.answer(Table(question.number, rows))

    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("rows", [[ROW], []])
def test_a_table_comes_whole(desk: Desk, rows: list[EvRow]) -> None:
    """What the run answers is what the asker gets, field by field."""
    serve(desk, rows)
    assert rows == ask("lab", "h0", "h5")


def test_a_run_without_the_flow_says_so(desk: Desk) -> None:
    """A pair that no run serves has no table."""
    serve(desk, None)
    assert ask("lab", "h0", "h5") is None


def test_nonsense_is_hung_up_on(desk: Desk, tmp_path: Path) -> None:
    """What is no question gets no answer, and the run goes on."""
    with socket.socket(socket.AF_UNIX) as asker:
        asker.connect(str(next(tmp_path.rglob("*.sock"))))
        asker.sendall(b"one h0 h5\n")
        assert desk.take() is None
        assert b"" == asker.recv(16)
    serve(desk, [ROW])
    assert [ROW] == ask("lab", "h0", "h5")


@pytest.mark.parametrize(("on", "evs"), [(True, 24), (False, None)])
def test_a_controller_is_heard(desk: Desk, on: bool, evs: int | None) -> None:
    """A denial comes to the run as it was said, and what came of it goes back to the controller."""

    def work() -> None:
        while (question := desk.take()) is None:
            pass
        assert isinstance(question, Deny)
        heard.append((question.target, question.on))
        desk.confirm(question, evs)

    heard: list[tuple[str, bool]] = []
    thread = Thread(target=work, daemon=True)
    thread.start()
    (run,) = desks("lab")
    assert evs == deny("lab", run, "h0:p0-t0-0", on=on)
    thread.join()
    assert [("h0:p0-t0-0", on)] == heard


def test_nobody_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a registered run there is neither a desk nor an answer."""
    monkeypatch.setattr(state, "DIRECTORY", tmp_path)
    assert open_desk("lab") is None
    assert ask("lab", "h0", "h5") is None
