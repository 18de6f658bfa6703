"""A crew on other machines: the workers of a Dask cluster that somebody has started.

Dask and not Ray: it is Python alone, its scheduler is one small process, and a task needs no more of it than
to be handed on. Its scheduler gives the runs of a lost worker to others by itself; here that is only said.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mrcnet.drill.crew import Made, Outcome, Task, Told, Tries, attempt, fingerprint
from mrcnet.errors import EnvironmentFault, InputError

CONNECT_S = 10
WITHOUT_WORKERS_S = 60
_LOOK_S = 1.0
_ADDRESS = re.compile(r"((tcp|tls)://)?([\w.-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}", re.ASCII)
_REMEDY = "look at the workers' output"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster whose scheduler is at `address`, `HOST:PORT` or `tcp://HOST:PORT`."""

    address: str
    told: Told

    def run(self, tasks: Sequence[Task[Made]]) -> Generator[tuple[int, Made]]:
        """See `mrcnet.drill.crew.Crew`. EnvironmentFault too if Dask or the cluster is not there."""
        dask = _dask()
        with _client(dask, self.address) as client:
            watch = _Watch(client, self.told)
            tries = Tries(self.told)
            pending: dict[Any, int] = {}

            def submit(number: int) -> None:
                # not `pure`: a run that is asked for twice is made twice
                pending[client.submit(attempt, tasks[number], fingerprint(), pure=False)] = number

            try:
                for number in range(len(tasks)):
                    submit(number)
                while pending:
                    watch.look()
                    try:
                        ended = dask.wait(list(pending), timeout=_LOOK_S, return_when="FIRST_COMPLETED").done
                    except TimeoutError:
                        continue
                    for future in ended:
                        number = pending.pop(future)
                        outcome: Outcome[Made] = _heard(future)
                        if outcome.refused is not None:
                            raise outcome.refused
                        if outcome.failed:
                            tries.again(number, outcome.failed, _REMEDY)
                            submit(number)
                        yield from ((number, made) for made in outcome.made)
                watch.look()
            except OSError as error:
                raise _gone(self.address, error) from None
            finally:
                client.cancel(list(pending))


class _Watch:
    """Says which workers were lost, and does not wait for ever for the first."""

    def __init__(self, client: Any, told: Told) -> None:
        self._client, self._told = client, told
        self._known: set[str] = set()
        self._seen_at = time.monotonic()

    def look(self) -> None:
        """Compare with the last time. EnvironmentFault if nobody has been there for a minute."""
        there = set(self._client.nthreads())
        for worker in sorted(self._known - there):
            self._told(f"worker {worker} is lost; the run that it was at is made again")
        self._known = there
        if there:
            self._seen_at = time.monotonic()
        elif time.monotonic() - self._seen_at > WITHOUT_WORKERS_S:
            raise EnvironmentFault(
                f"the cluster has had no worker for {WITHOUT_WORKERS_S} s",
                remedy="start some: dask worker ADDRESS --nthreads 1",
            )


def _heard(future: Any) -> Outcome[Made]:
    """What came of a run. An exception is Dask's own: the task's are in its outcome."""
    error = future.exception()
    if error is None:
        outcome: Outcome[Made] = future.result()
        return outcome
    if isinstance(error, ModuleNotFoundError):
        fault = EnvironmentFault(
            f"a worker of the cluster lacks {error.name}", remedy="install mrcnet on all machines"
        )
        return Outcome(refused=fault)
    return Outcome(failed=f"{type(error).__name__}: {error}")


def _dask() -> Any:
    try:
        import distributed
    except ImportError:
        raise EnvironmentFault(
            "--cluster needs Dask, which is not installed", remedy="pip install 'mrcnet[cluster]'"
        ) from None
    return distributed


@contextmanager
def _client(dask: Any, address: str) -> Iterator[Any]:
    if _ADDRESS.fullmatch(address) is None:
        raise InputError(f"--cluster {address}: no address of a Dask scheduler", remedy="write HOST:PORT")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters of it is said in our words
    try:
        client = dask.Client(address, timeout=CONNECT_S, set_as_default=False)
    except OSError as error:
        raise _gone(address, error) from None
    with client, client.as_current():
        yield client


def _gone(address: str, error: OSError) -> EnvironmentFault:
    why = str(error).splitlines()[0] if str(error) else type(error).__name__
    return EnvironmentFault(
        f"no Dask scheduler answers at {address}: {why}", remedy="start one: dask scheduler"
    )
