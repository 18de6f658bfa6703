"""The option `--events FILE`: the transport's events of a run, as JSON lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from mrcnet.cli.output import DISK_FULL
from mrcnet.errors import EnvironmentFault
from mrcnet.workload.eventlog import event_lines
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording


def events_parameter(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the parameter `events`: where to write them, or None."""
    return click.option(
        "--events",
        type=click.Path(path_type=Path, dir_okay=False),
        callback=lambda _, __, file: _probe(file),
        help="Write the transport's events there at the end, one JSON object a line.",
    )(function)


def _probe(file: Path | None) -> Path | None:
    """Refuse before the run, not after it, when the events cannot be written."""
    if file is not None:
        try:
            with file.open("a"):
                pass
        except OSError as error:
            raise _refused(file, error) from None
    return file


def traced(job: Job, events: Path | None) -> Job:
    """The job, with all events on if somebody wants them."""
    return job if events is None else replace(job, settings=replace(job.settings, trace=True))


def write_events(recording: Recording, file: Path | None) -> None:
    """Write what a traced job told, if `file` is given. EnvironmentFault if it cannot be written."""
    if file is None:
        return
    try:
        with file.open("w", encoding="utf-8") as out:
            out.writelines(line + "\n" for line in event_lines(recording))
    except OSError as error:
        raise _refused(file, error) from None


def _refused(file: Path, error: OSError) -> EnvironmentFault:
    remedy = "make room on the disk" if error.errno in DISK_FULL else "name another file"
    return EnvironmentFault(f"cannot write {file}: {error.strerror}", remedy=remedy)
