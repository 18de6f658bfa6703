"""Runs on several processes, and on a Dask cluster: the same results, whatever becomes of workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mrcnet.drill.cluster import Cluster
from mrcnet.drill.crew import RETRIES, Crew, Processes, attempt, fingerprint
from mrcnet.errors import EnvironmentFault, InputError
from tests.support.tasks import Square, Wrong
from tests.unit.cli.conftest import Run, run  # noqa: F401 (a fixture)
from tests.unit.plan.fabrics import ROOT

DRILL = """
name: shortly
topology: 2p-2t0-2t1
matrix: {rate: [200Mbps, 400Mbps]}
repeat: 2
traffic: {pattern: pair, hosts: [h0, h2], message: 4KiB, rate: "${rate}", duration: 20ms}
actions:
  - {at: 10ms, do: cut, target: "p0-t0-0:p0-t1-0", silent: true}
expect:
  - {measure: messages_wrong, at_most: 0}
"""
DEADLINE_S = 60


def until(true: Any, what: str) -> None:
    """Wait for a condition; fail after a deadline."""
    end = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.05)


class Dask:
    """A scheduler and two workers, processes of this machine."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "scheduler.json"
        self.env = os.environ | {"PYTHONPATH": str(ROOT)}
        self.processes = [self.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")]
        until(self.file.exists, "no scheduler")
        until(lambda: self.file.read_text(encoding="utf-8").endswith("}"), "no address")
        self.address = json.loads(self.file.read_text(encoding="utf-8"))["address"]
        self.processes += [self.worker(), self.worker()]

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]
        return subprocess.Popen(
            [*command, "--scheduler-file", str(self.file)],
            env=self.env,
            cwd=self.file.parent,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def worker(self) -> subprocess.Popen[bytes]:
        return self.start("worker", "--no-nanny", "--nthreads", "1", "--no-dashboard")

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    pytest.importorskip("distributed")
    cluster = Dask(tmp_path_factory.mktemp("dask"))
    yield cluster
    cluster.end()


def crews(dask: Dask, told: list[str]) -> list[Crew]:
    return [Processes(2, told.append), Cluster(dask.address, told.append)]


def test_every_task_is_made_once(dask: Dask) -> None:
    """Each task's result comes once, with its number."""
    for one in crews(dask, told := []):
        assert [(n, n * n) for n in range(9)] == sorted(one.run([Square(n) for n in range(9)]))
    assert [] == told


@pytest.mark.parametrize("kind", [0, 1])
def test_a_lost_worker_is_named_and_its_run_made_again(dask: Dask, tmp_path: Path, kind: int) -> None:
    """A worker that is killed in the middle costs a line, which names it, and nothing else."""
    one = crews(dask, told := [])[kind]
    tasks = [Square(n, tmp_path if n == 3 else None, kills=1) for n in range(8)]
    assert [(n, n * n) for n in range(8)] == sorted(one.run(tasks))
    assert 2 == len(list(tmp_path.iterdir()))
    (line,) = told
    named = "ended by SIGKILL; run 4" if kind == 0 else "worker tcp://127.0.0.1:"
    assert named in line
    if kind == 1:
        dask.processes.append(dask.worker())


def test_retries_are_bounded(dask: Dask, tmp_path: Path) -> None:
    """A run that fails again and again is given up with its number and the last cause."""
    for number, one in enumerate(crews(dask, told := [])):
        marks = tmp_path / str(number)
        marks.mkdir()
        with pytest.raises(EnvironmentFault, match="run 2 was tried 3 times; last: OSError: no room"):
            list(one.run([Square(1), Square(2, marks, fails=99)]))
        assert RETRIES + 1 == len(list(marks.iterdir()))
        assert RETRIES == len(told)
        told.clear()
    marks = tmp_path / "killed"
    marks.mkdir()
    with pytest.raises(EnvironmentFault, match=r"run 1 was tried 3 times; last: worker process \d+ ended by"):
        list(Processes(2, told.append).run([Square(2, marks, kills=99), Square(1)]))


def test_what_is_wrong_is_not_tried_again(dask: Dask) -> None:
    """An error of the input comes back as it was raised, remedy and all."""
    for one in crews(dask, told := []):
        with pytest.raises(InputError, match=r"there is no link x\n  remedy: name another"):
            list(one.run([Wrong()]))
    assert [] == told


def test_other_sources_are_refused() -> None:
    """A worker with other sources makes no run: results of two versions are not to be mixed."""
    assert (4,) == attempt(Square(2), fingerprint()).made
    refused = attempt(Square(2), "0.0.1+abc").refused
    assert isinstance(refused, EnvironmentFault)
    assert "other sources of mrcnet" in refused.message


def test_workers_end_with_who_waits_for_them() -> None:
    """Who closes the iterator has no worker left."""
    runs = Processes(2, lambda _: None).run([Square(n) for n in range(50)])
    next(runs)
    busy = [one.process for one in runs.gi_frame.f_locals["busy"]]
    assert 2 == len(busy)
    runs.close()
    assert [False, False] == [process.is_alive() for process in busy]


def test_no_cluster_there() -> None:
    """An address that is none is refused; one where nobody answers is the machine's fault."""
    pytest.importorskip("distributed")
    for address in ("x y", "ray://x:1", "x", "$(id):1", "tcp://x"):
        with pytest.raises(InputError, match="no address of a Dask scheduler"):
            list(Cluster(address, lambda _: None).run([Square(1)]))
    from mrcnet.drill import cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "CONNECT_S", 1)
        with pytest.raises(EnvironmentFault, match=r"no Dask scheduler answers at 127\.0\.0\.1:1"):
            list(Cluster("127.0.0.1:1", lambda _: None).run([Square(1)]))


def test_without_dask(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Without the extra `cluster` the command says how to get it, with exit code 3."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    ran = run("drill", "lossy-ev", "--on", "sim", "--cluster", "127.0.0.1:8786")
    assert 3 == ran.code
    assert "pip install 'mrcnet[cluster]'" in ran.err


def test_a_kernels_lab_has_no_crew(run: Run) -> None:  # noqa: F811
    """Labs of the kernel are not run beside each other."""
    for words in (("--jobs", "2"), ("--cluster", "127.0.0.1:8786")):
        ran = run("drill", "lossy-ev", *words)
        assert (2, True) == (ran.code, "--on sim" in ran.err)


def end_midway(worker: subprocess.Popen[bytes], folder: Path) -> None:
    """Have a worker stand still from now on, and end it when the first result of others is there."""
    worker.send_signal(signal.SIGSTOP)  # so that it is at a run, however quick the others are
    until(lambda: list(folder.glob("r-?.json")), "no result")
    worker.kill()


def test_all_ways_come_to_the_same(run: Run, dask: Dask, tmp_path: Path) -> None:  # noqa: F811
    """In turn, on processes, on a cluster that loses a worker midway: the same answer and files, bytewise."""
    (tmp_path / "d.yaml").write_text(DRILL, encoding="utf-8")
    found = []
    for ways in ((), ("--jobs", "2"), ("--cluster", dask.address)):
        folder = tmp_path / str(len(found))
        folder.mkdir()
        if "--cluster" in ways:
            Thread(target=end_midway, args=(dask.processes.pop(), folder)).start()
        ran = run("drill", "d.yaml", "--on", "sim", "-o", f"{folder}/r.json", "--json", *ways)
        assert ("is lost" in ran.err) == ("--cluster" in ways)
        assert 0 == ran.code, ran.err
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        assert [f"r-{number}.json" for number in range(1, 5)] == list(files)
        found.append((ran.out, files))
    assert found[0] == found[1]
    assert found[0] == found[2]


def test_each_link_on_processes(run: Run) -> None:  # noqa: F811
    """So does a sweep of everything that can fail."""
    Path("t.yaml").write_text("fabric: {planes: 1, t0: 2, t1: 1, hosts_per_t0: 1}\n", encoding="utf-8")
    words = ("drill", "--each-link", "t.yaml", "--on", "sim", "--json")
    assert run(*words).out == run(*words, "--jobs", "2").out


def test_ctrl_c_keeps_what_was_made(tmp_path: Path) -> None:
    """Ctrl-C ends all workers; the runs so far are in their files and in the answer, which says aborted."""
    (tmp_path / "d.yaml").write_text(DRILL.replace("repeat: 2", "repeat: 400"), encoding="utf-8")
    words = [
        sys.executable,
        "-m",
        "mrcnet.cli.main",
        "drill",
        "d.yaml",
        "--on",
        "sim",
        "--jobs",
        "2",
        "--json",
    ]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [*words, "-o", "r.json"],
        cwd=tmp_path,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        until(lambda: len(list(tmp_path.glob("r-*.json"))) >= 2, "no results")
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all
        out, err = process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
    assert 1 == process.returncode, err
    assert "what was made is kept" in err
    runs = json.loads(out)["runs"]
    verdicts = [one["verdict"] for one in runs]
    assert (1, len(list(tmp_path.glob("r-*.json")))) == (verdicts.count("aborted"), len(runs))
    until(lambda: not _group(process.pid), "a worker is left")


def _group(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True
