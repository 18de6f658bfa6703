"""Runs that need nothing but a processor, several at a time: on processes of this machine, or on a cluster.

What a run comes to follows from its task alone, so who made it, and in which order, shows nowhere. One that
was lost with its worker is made again, a bounded number of times; one that is refused would be refused again.
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import signal
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from mrcnet import __version__
from mrcnet.errors import EnvironmentFault, MrcnetError

RETRIES = 2
Made = TypeVar("Made")
Task = Callable[[], Made]  # one that can be pickled
Told = Callable[[str], None]


class Crew(Protocol):
    """Who makes runs."""

    def run(self, tasks: Sequence[Task[Made]]) -> Generator[tuple[int, Made]]:
        """What each task gave, by its place in the order, as they come.

        A task's MrcnetError is raised as it is, and EnvironmentFault for one that was tried too often. When
        this is closed, or anything is raised, no further run is begun.
        """


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Made]):
    """What a worker hands back: `made`, or the error of a wrong run, or why it should be tried again."""

    made: tuple[Made, ...] = ()
    refused: MrcnetError | None = None
    failed: str = ""


def attempt(task: Task[Made], expected: str | None = None) -> Outcome[Made]:
    """Make a run, wherever this is. `expected`: the fingerprint of sources that it must be made with."""
    if expected is not None and expected != fingerprint():
        return Outcome(
            refused=EnvironmentFault(
                f"a worker of the cluster has other sources of mrcnet ({fingerprint()}, here {expected})",
                remedy="install the same version on all machines",
            )
        )
    try:
        return Outcome(made=(task(),))
    except MrcnetError as error:
        return Outcome(refused=error)
    except Exception as error:
        return Outcome(failed=f"{type(error).__name__}: {error}")


@cache
def fingerprint() -> str:
    """Of all sources of the package, the same wherever they lie."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


@dataclass(slots=True)
class Tries:
    """How often each run was begun for nothing."""

    told: Told
    counted: Counter[int] = field(default_factory=Counter)

    def again(self, number: int, why: str, remedy: str) -> None:
        """Say that run `number` is made again; EnvironmentFault if that was tried often enough."""
        self.counted[number] += 1
        if self.counted[number] > RETRIES:
            raise EnvironmentFault(
                f"run {number + 1} was tried {self.counted[number]} times; last: {why}", remedy=remedy
            )
        self.told(f"{why}; run {number + 1} is made again")


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: int


@dataclass(frozen=True, slots=True)
class Processes:
    """So many processes of this machine. `told` hears of workers that were lost."""

    jobs: int
    told: Told

    def run(self, tasks: Sequence[Task[Made]]) -> Generator[tuple[int, Made]]:
        """See `Crew`."""
        waiting = deque(range(len(tasks)))
        tries = Tries(self.told)
        busy: list[_Worker] = []
        try:
            while waiting or busy:
                while waiting and len(busy) < self.jobs:
                    busy.append(_hired(tasks, waiting.popleft()))
                ready = wait([worker.pipe for worker in busy])
                for worker in [worker for worker in busy if worker.pipe in ready]:
                    outcome: Outcome[Made] = _heard(worker)
                    number = worker.task
                    if outcome.refused is not None:
                        raise outcome.refused
                    if outcome.failed:
                        tries.again(number, outcome.failed, "ask for fewer --jobs, if memory is short")
                        waiting.appendleft(number)
                    if worker.process.is_alive() and waiting:
                        _give(worker, tasks, waiting.popleft())
                    else:
                        busy.remove(worker)
                        _end(worker)
                    yield from ((number, made) for made in outcome.made)
        finally:
            for worker in busy:
                _end(worker)


def _hired(tasks: Sequence[Task[Made]], number: int) -> _Worker:
    # spawned, not forked: a worker then hears of our end, for no brother holds its pipe open
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    worker = _Worker(process, ours, number)
    _give(worker, tasks, number)
    return worker


def _give(worker: _Worker, tasks: Sequence[Task[Made]], number: int) -> None:
    worker.task = number
    # if it has just been lost, reading from it will tell
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        worker.pipe.send(tasks[number])


def _heard(worker: _Worker) -> Outcome[Made]:
    """What came of a worker's run; that it was lost, if it is gone."""
    try:
        outcome: Outcome[Made] = worker.pipe.recv()
        return outcome
    except (EOFError, ConnectionResetError):
        worker.process.join()
        code = worker.process.exitcode or 0
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        return Outcome(failed=f"worker process {worker.process.pid} ended {how}")


def _end(worker: _Worker) -> None:
    worker.process.kill()  # there is nothing that it could leave half-made
    worker.process.join()
    worker.pipe.close()


def _work(pipe: Connection) -> None:
    """A worker's life: a run after the other, until nobody is there to hear of it."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # a terminal's Ctrl-C reaches all: whoever waits for us ends us
    try:
        while True:
            pipe.send(attempt(pipe.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
