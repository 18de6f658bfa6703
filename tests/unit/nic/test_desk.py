"""Asking a run for an EV table: the two ends of the socket, without a run."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from mrcnet.kernel import state
from mrcnet.kernel.processes import register_run
from mrcnet.nic.desk import Desk, ask, open_desk
from mrcnet.nic.messages import Table
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
        asker.sendall(b"one two three\n")
        assert desk.take() is None
        assert b"" == asker.recv(16)
    serve(desk, [ROW])
    assert [ROW] == ask("lab", "h0", "h5")


def test_nobody_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a registered run there is neither a desk nor an answer."""
    monkeypatch.setattr(state, "DIRECTORY", tmp_path)
    assert open_desk("lab") is None
    assert ask("lab", "h0", "h5") is None
