"""`kill -9` at any instant of `up` and `down`: what is left is ours to find, and `down` removes it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time

import pytest

from mrcnet.kernel import lab as labs
from mrcnet.kernel import state
from tests.netns.fabric import NEEDS_ROOT, SMALL, bring_up, namespaces, new_name
from tests.netns.test_ports import SHAPED

pytestmark = NEEDS_ROOT
TRIES = 8
SPAN_S = 0.15  # longer than an `up` of the small fabric takes


def kill_after(verb: str, lab: str, delay_s: float, text: str = SMALL) -> None:
    """Start the verb in a process of its own, and kill it that much later."""
    pid = os.fork()
    if not pid:
        try:
            if verb == "up":
                bring_up(lab, text)
            else:
                labs.down(lab)
        finally:
            os._exit(0)
    time.sleep(delay_s)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def leftovers(lab: str) -> set[str]:
    """Namespaces and files of a lab; its lock alone is nothing."""
    files = {file.name for file in state.DIRECTORY.glob(f"*{lab}*") if file.suffix != ".lock"}
    return namespaces(lab) | files


@pytest.mark.parametrize("text", [SMALL, SHAPED], ids=["bare", "shaped"])
@pytest.mark.parametrize("verb", ["up", "down"])
def test_killed_at_any_instant(verb: str, text: str) -> None:
    """After a kill, `down` leaves nothing of the lab, and a stranger's namespace beside it stays."""
    rng = random.Random(7)
    for _ in range(TRIES):
        lab = new_name()
        stranger = f"mrcnet-{lab}-stranger"
        subprocess.run(["ip", "netns", "add", stranger], check=True)
        try:
            if verb == "down":
                bring_up(lab, text)
            kill_after(verb, lab, rng.random() * SPAN_S, text)
            if lab in labs.labs():
                labs.down(lab)
            assert {stranger} == leftovers(lab)
        finally:
            subprocess.run(["ip", "netns", "del", stranger], check=True)


@pytest.mark.parametrize("text", [SMALL, SHAPED], ids=["bare", "shaped"])
def test_killed_up_can_be_finished(text: str) -> None:
    """After a kill `up` of the same file goes on from what is there."""
    rng = random.Random(11)
    for _ in range(TRIES // 2):
        lab = new_name()
        kill_after("up", lab, rng.random() * SPAN_S, text)
        try:
            bring_up(lab, text)
            assert bring_up(lab, text).changes == ()
            assert text == labs.load(lab).text
        finally:
            labs.down(lab)


def test_lock_of_a_killed_command_is_swept() -> None:
    """A lock that nobody holds goes with a sweep; one that is held stays."""
    free, held = (state.DIRECTORY / f"{new_name()}.lock" for _ in range(2))
    with state.locked(held.stem):
        free.touch()
        state.sweep()
        assert [False, True] == [free.exists(), held.exists()]


def test_a_draft_of_a_killed_command_is_a_lab_to_take_down() -> None:
    """A kill before a lab's file was whole leaves a draft: `down` knows the lab by it, and removes it."""
    lab = new_name()
    draft = state.DIRECTORY / f".{lab}.1"
    state.make_directory()
    draft.write_text("half")
    assert lab in labs.labs()
    labs.down(lab)
    assert not draft.exists()
    assert lab not in labs.labs()
