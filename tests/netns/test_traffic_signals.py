"""Runs that are ended from outside: whatever ends them, nothing of theirs stays, and the lab is usable."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from mrcnet.kernel import lab as labs
from mrcnet.plan.model import Plan
from tests.netns.fabric import NEEDS_ROOT, bring_up, running
from tests.netns.traffic import exists, mrcnet, runs, sending, shields, start, topology, wait_for

pytestmark = NEEDS_ROOT
SHAPE = topology("2p-2t0-2t1")
LONG = ("--hosts", "h0,h3", "--duration", "60s", "--rate", "50Mbps", "--message", "16KiB")


@pytest.fixture
def lab() -> Iterator[tuple[str, Plan]]:
    with running(SHAPE) as (name, plan):
        yield name, plan


def check_nothing_left(name: str, plan: Plan, workers: list[int]) -> None:
    """No process, no filter, no registered run; the lab is whole and carries traffic."""
    wait_for(lambda: not any(exists(pid) for pid in workers))
    assert [] == shields(name, plan)
    assert [] == runs(name)
    assert () == bring_up(name, SHAPE).changes
    code, told, _ = mrcnet("traffic", name, "--hosts", "h0,h3", "--size", "64KiB")
    assert (0, True) == (code, told["verified"])


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signals(lab: tuple[str, Plan], number: int, code: int) -> None:
    """Ctrl-C, TERM and a lost terminal end a run with their exit codes and leave nothing behind."""
    name, plan = lab
    with start("traffic", name, *LONG) as process:
        workers = wait_for(sending(process.pid, name, plan))
        assert 2 == len(workers)
        process.send_signal(number)
        _, complaint = process.communicate(timeout=30)
    assert code == process.returncode
    assert "Traceback" not in complaint
    check_nothing_left(name, plan, workers)


def test_killed_worker(lab: tuple[str, Plan]) -> None:
    """A worker that is killed ends the run with exit code 3 and a clear message; the lab stays usable."""
    name, plan = lab
    with start("traffic", name, *LONG) as process:
        workers = wait_for(sending(process.pid, name, plan))
        os.kill(workers[0], signal.SIGKILL)
        _, complaint = process.communicate(timeout=30)
    assert 3 == process.returncode
    assert "a worker died in the middle of the run\n  remedy: the lab is usable; run again" in complaint
    check_nothing_left(name, plan, workers)


def test_killed_parent(lab: tuple[str, Plan]) -> None:
    """No worker outlives a parent that was killed; the next run takes away what it left in the kernel."""
    name, plan = lab
    with start("traffic", name, *LONG) as process:
        workers = wait_for(sending(process.pid, name, plan))
        process.kill()
        process.communicate(timeout=30)
    wait_for(lambda: not any(exists(pid) for pid in workers))
    assert 0 == mrcnet("traffic", name, "--hosts", "h0,h3", "--size", "64KiB")[0]
    assert [] == shields(name, plan)


def test_down_ends_a_run() -> None:
    """`down` ends the runs of its lab, and they go without a traceback."""
    with running(SHAPE) as (name, plan), start("traffic", name, *LONG) as process:
        workers = wait_for(sending(process.pid, name, plan))
        assert 0 == mrcnet("down", name)[0]
        _, complaint = process.communicate(timeout=30)
        assert 143 == process.returncode
        assert "Traceback" not in complaint
        wait_for(lambda: not any(exists(pid) for pid in workers))
        assert name not in labs.labs()
