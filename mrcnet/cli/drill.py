"""`mrcnet drill`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from mrcnet.cli.batch import batch_lines
from mrcnet.cli.command import command
from mrcnet.cli.drillfiles import read_drill, read_drills
from mrcnet.cli.drilllines import result_lines
from mrcnet.cli.drillrun import DrillRun
from mrcnet.cli.eachlink import each_link as sweep_all
from mrcnet.cli.events import events_parameter
from mrcnet.cli.labs import LAB_VARIABLE
from mrcnet.cli.on import on_parameter, refuse_typed
from mrcnet.cli.output import Answer, note
from mrcnet.cli.results import Files, files_parameter
from mrcnet.cli.topologies import Source
from mrcnet.drill.batch import run_all, runs_of
from mrcnet.drill.model import CaptureSpec, Drill
from mrcnet.drill.result import DrillResult
from mrcnet.drill.verdict import PASSED
from mrcnet.errors import ExitCode, Where

__all__ = ["drill_", "read_drill"]


@command(
    "mrcnet drill silent-cut",
    "mrcnet drill lossy-ev --on sim --repeat 5",
    "mrcnet drill drill.yaml -o result.json --html report.html --junit junit.xml",
    "mrcnet drill silent-cut -o result.json --capture p0-t0-0:p0-t1-1",
    "mrcnet drill --each-link 2p-2t0-2t1 --on sim",
)
@click.argument("file", metavar="DRILL", type=click.Path(path_type=Path))
@on_parameter
@click.option("--lab", "lab_name", metavar="LAB", envvar=LAB_VARIABLE, help="Use this running lab.")
@click.option("--keep", is_flag=True, help="Leave the lab up that the drill made.")
@click.option("--repeat", type=click.IntRange(1, 1000), help="Runs, with seeds that follow on.")
@click.option("--seed", type=click.IntRange(0), help="Instead of the file's.")
@click.option(
    "--capture",
    metavar="PORT",
    multiple=True,
    help="Keep the frames of h0:eth1, or p0-t0-0:p0-t1-1, around faults, beside OUTPUT; may be given again.",
)
@click.option("--allow-unfaithful", is_flag=True, help="Judge a run even if the machine was its bottleneck.")
@click.option("--each-link", is_flag=True, help="DRILL is a topology: all of it fails, one by one.")
@files_parameter
@events_parameter
def drill_(
    file: Path,
    on: str,
    lab_name: str | None,
    keep: bool,
    repeat: int | None,
    seed: int | None,
    capture: tuple[str, ...],
    allow_unfaithful: bool,
    each_link: bool,
    output: Path | None,
    junit: Path | None,
    html: Path | None,
    events: Path | None,
) -> Answer:
    """Run a drill: traffic, timed faults, measures, a verdict.

    DRILL is a drill file, the folder of a lab, or the name of a shipped lab.

    The drill brings its topology up in a lab of its own name and takes it down again; on the simulator it
    needs neither a lab nor privilege, and repeats exactly. Exits with 1 if an expectation is not met or a
    byte was wrong, or if the machine and not the fabric was the bottleneck. Several runs, by --repeat or a
    matrix in the file, end in a table of medians and extremes, and write a numbered file each. The last line,
    and every result, is the command that gives the run again.
    """
    if on == "sim":
        refuse_typed("--on sim has no lab", "lab_name", "keep")
        lab_name = None
    if each_link:
        typed = ("lab_name", "keep", "repeat", "seed", "capture", "output", "junit", "html")
        refuse_typed("--each-link runs no file", *typed)
        return sweep_all(str(file), on, allow_unfaithful=allow_unfaithful)
    if capture and output is None:
        raise click.UsageError("--capture needs -o OUTPUT: its files lie beside it")
    drills = [(_asked(drill, seed, capture), source) for drill, source in read_drills(file)]
    if output is None and any(drill.capture for drill, _ in drills):
        note("the file captures frames, which lie beside the result: name one with -o")
    how = DrillRun(file, on, lab_name, keep, events, allow_unfaithful)
    for drill, source in drills:  # all that can be refused is refused before the first run
        how.job(drill, source, dry=True)
    runs = list(runs_of([drill for drill, _ in drills], repeat))
    files = [_numbered(Files(output, junit, html), number, len(runs)) for number in range(1, len(runs) + 1)]
    for one in files:
        one.probe()
    if len(runs) == 1:
        result, data = how.run(runs[0], drills[0][1], files[0])
        lines = [*result_lines(result), f"  again: {data['origin']['command']}"]
        return Answer(data, lines, _code(result.verdict, files[0].write(data)))
    return _run_all(how, drills, runs, files)


def _asked(drill: Drill, seed: int | None, capture: Sequence[str]) -> Drill:
    """The drill with what the command line says instead of the file, or besides."""
    more = tuple(CaptureSpec(port, Where("--capture")) for port in capture)
    return replace(drill, seed=drill.seed if seed is None else seed, capture=(*drill.capture, *more))


def _run_all(
    how: DrillRun, drills: Sequence[tuple[Drill, Source]], runs: Sequence[Drill], files: Sequence[Files]
) -> Answer:
    """All runs, each into files of its own."""
    sources = {drill.choice: source for drill, source in drills}
    data: list[dict[str, Any]] = []
    written = True

    def run(drill: Drill) -> DrillResult:
        nonlocal written
        result, found = how.run(drill, sources[drill.choice], files[len(data)])
        written &= files[len(data)].write(found)
        data.append(found)
        return result

    batch = run_all(runs, run, note)
    return Answer(asdict(batch) | {"runs": data}, batch_lines(batch), _code(batch.verdict, written))


def _code(verdict: str, written: bool) -> ExitCode:
    if not written:
        return ExitCode.ENVIRONMENT
    return ExitCode.OK if verdict == PASSED else ExitCode.FAILED


def _numbered(files: Files, number: int, count: int) -> Files:
    """`result.json` -> `result-03.json`, where there are several."""

    def name(path: Path | None) -> Path | None:
        digits = len(str(count))
        return path and path.with_name(f"{path.stem}-{number:0{digits}}{path.suffix}")

    return files if count == 1 else Files(name(files.output), name(files.junit), name(files.html))
