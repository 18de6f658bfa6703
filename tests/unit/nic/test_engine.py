"""A run seen from its parent, with workers that misbehave; they are real processes, but touch no socket."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import numpy as np
import pytest

from mrcnet.errors import EnvironmentFault, ExitCode
from mrcnet.mrc.settings import Settings
from mrcnet.nic import engine, worker
from mrcnet.nic.engine import Run
from mrcnet.nic.messages import Failed, Finish, Go, Progress, Ready, Stop
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.report import RunReport
from tests.unit.plan.fabrics import shipped

JOB = Job("lab", shipped("2p-2t0-2t1"), (Flow(0, "h0", "h3", None, 1_000, None),), Settings(), 1, 1_000_000)
Script = Callable[[tuple[str, ...], Connection], None]
Begin = Callable[[Script], Run]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Make a run whose two workers follow a script; nothing of it is left afterwards."""
    monkeypatch.setattr(Run, "_take_hosts", lambda _: None)
    monkeypatch.setattr(engine, "shares", lambda hosts: [(host,) for host in hosts])

    def make(script: Script) -> Run:
        def act(job: Job, hosts: tuple[str, ...], core: int | None, pipe: Connection) -> None:  # noqa: ARG001
            script(hosts, pipe)

        monkeypatch.setattr(worker, "run", act)
        return Run(JOB)

    before = children()
    yield make
    assert before == children()


def children() -> set[str]:
    """The processes that this one has started and that are still there, also as zombies."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return set(file.read().split())


def report() -> RunReport:
    return RunReport(sources=[], sinks=[], events=[], delivered=np.zeros((2, 4), np.int64))


def good(hosts: tuple[str, ...], pipe: Connection) -> None:
    """Does all that is expected of a worker: ready, go, progress, stop, finish, report."""
    pipe.send(Ready({0: (1 << 32, 5)} if hosts == ("h3",) else {}))
    go = pipe.recv()
    assert isinstance(go, Go)
    assert {0: (1 << 32, 5)} == go.regions
    pipe.send(Progress(100, done=False))
    assert isinstance(pipe.recv(), Stop)
    pipe.send(Progress(700, done=True))
    assert isinstance(pipe.recv(), Finish)
    pipe.send(report())


def test_a_run_from_ready_to_report(begin: Begin) -> None:
    """Keys go round before anybody begins; progress is summed; every worker reports, and ends by itself."""
    seen: list[int] = []
    with begin(good) as run:
        run.start()
        assert run.start_at > run.clock.now() - 10**10
        assert not run.watch(run.start_at + 300_000_000, seen.append)
        assert 200 == seen[-1] == run.delivered
        assert run.stop(drain_within=30)
        assert 1_400 == run.delivered
        assert 2 == len(run.finish())


def test_a_worker_that_dies(begin: Begin) -> None:
    """A worker that is killed ends the run with exit code 3 and a remedy, and takes the others along."""

    def script(hosts: tuple[str, ...], pipe: Connection) -> None:
        pipe.send(Ready({}))
        pipe.recv()
        if hosts == ("h0",):
            os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()

    with begin(script) as run:
        run.start()
        with pytest.raises(EnvironmentFault, match="a worker died in the middle of the run") as died:
            run.watch(None)
    assert ExitCode.ENVIRONMENT == died.value.exit_code
    assert died.value.remedy


def test_a_worker_that_dies_at_the_start(begin: Begin) -> None:
    """It is the same before anybody was ready."""

    def script(hosts: tuple[str, ...], pipe: Connection) -> None:  # noqa: ARG001
        os._exit(9)

    with pytest.raises(EnvironmentFault, match="a worker died"), begin(script) as run:
        run.start()


def test_a_worker_that_died_before_it_is_told_to_stop(begin: Begin) -> None:
    """Speaking to a dead worker is that same error, not a broken pipe."""

    def script(hosts: tuple[str, ...], pipe: Connection) -> None:
        pipe.send(Ready({}))
        pipe.recv()
        if hosts == ("h0",):
            os._exit(9)
        signal.pause()

    with begin(script) as run:
        run.start()
        while not gone():
            time.sleep(0.01)
        with pytest.raises(EnvironmentFault, match="a worker died"):
            run.stop(drain_within=1)


def test_last_words_are_heard(begin: Begin) -> None:
    """A worker that said what went wrong and ended is quoted, also if we were about to speak ourselves."""

    def script(hosts: tuple[str, ...], pipe: Connection) -> None:
        pipe.send(Ready({}))
        pipe.recv()
        if hosts == ("h0",):
            pipe.send(Failed("no such device", None))
            os._exit(0)
        signal.pause()

    with begin(script) as run:
        run.start()
        while not gone():
            time.sleep(0.01)
        with pytest.raises(EnvironmentFault, match="no such device"):
            run.stop(drain_within=1)


def gone() -> bool:
    """Whether one of our children is a zombie."""
    states = [open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] for pid in children()]  # noqa: SIM115
    return "Z" in states


def test_a_worker_that_cannot_go_on(begin: Begin) -> None:
    """What a worker says went wrong is what the user reads, with its remedy."""

    def script(hosts: tuple[str, ...], pipe: Connection) -> None:  # noqa: ARG001
        pipe.send(Failed("h0 lacks ports of its plan", "mrcnet up the topology again"))

    with pytest.raises(EnvironmentFault, match="lacks ports") as failed, begin(script) as run:
        run.start()
    assert "mrcnet up the topology again" == failed.value.remedy


def test_a_worker_that_says_nothing(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait is without end: a worker that never gets ready is given up and ended."""
    monkeypatch.setattr(engine, "_READY_WITHIN", 0.2)
    with (
        pytest.raises(EnvironmentFault, match=r"did not answer within 0\.2 s"),
        begin(lambda *_: signal.pause()) as run,
    ):
        run.start()


def test_leaving_early_ends_the_workers(begin: Begin) -> None:
    """Whatever is raised in the middle of a run, no worker survives it, not even one that heeds no signal."""

    def script(hosts: tuple[str, ...], pipe: Connection) -> None:  # noqa: ARG001
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pipe.send(Ready({}))
        while True:
            signal.pause()

    def interrupted() -> None:
        with begin(script) as run:
            run.start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_run_goes_first(begin: Begin) -> None:
    """The run's processes have a better priority than usual while it lasts, and not afterwards."""
    usual, others = os.getpriority(os.PRIO_PROCESS, 0), children()
    with begin(good):
        ours = ["0", *(children() - others)]
        assert len(ours) > 1
        assert {min(usual, -10)} == {os.getpriority(os.PRIO_PROCESS, int(pid)) for pid in ours}
    assert usual == os.getpriority(os.PRIO_PROCESS, 0)
