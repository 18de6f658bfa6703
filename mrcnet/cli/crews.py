"""Who makes runs of simulated drills: this process, several of this machine, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from mrcnet.cli.output import note
from mrcnet.drill.cluster import Cluster
from mrcnet.drill.crew import Crew, Made, Processes, Task

MOST_JOBS = 512


def crew_parameters(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the parameters `jobs` and `cluster`."""
    for option in (
        click.option(
            "--cluster",
            metavar="ADDRESS",
            help="Runs of the simulator go to the workers of this Dask scheduler, HOST:PORT.",
        ),
        click.option(
            "--jobs",
            metavar="N",
            type=click.IntRange(1, MOST_JOBS),
            default=1,
            show_default=True,
            help="So many runs of the simulator at a time, on processes of this machine.",
        ),
    ):
        function = option(function)
    return function


def crew_of(on: str, jobs: int, cluster: str | None) -> Crew | None:
    """The crew that the options ask for; None: one run after the other, here. Raises UsageError."""
    if on != "sim" and (cluster or jobs > 1):
        raise click.UsageError(
            "a lab of the kernel is one machine's: --jobs and --cluster are for runs with --on sim"
        )
    if cluster and jobs > 1:
        raise click.UsageError("--cluster has its own workers: leave --jobs out")
    if cluster:
        return Cluster(cluster, note)
    return Processes(jobs, note) if jobs > 1 else None


def each_made(
    crew: Crew, tasks: Sequence[Task[Made]], made: Callable[[int, Made], None], titles: Sequence[str]
) -> int | None:
    """Hand every result to `made`, as they come. After Ctrl-C the workers are gone, and some are missing: the
    number of the first of them, or None.
    """
    missing = set(range(len(tasks)))
    runs = crew.run(tasks)
    try:
        for number, one in runs:
            missing.discard(number)
            note(f"{len(tasks) - len(missing)} of {len(tasks)}: {titles[number]}")
            made(number, one)
    except KeyboardInterrupt:
        note("interrupted: what was made is kept")
    finally:
        runs.close()
    return min(missing, default=None)
