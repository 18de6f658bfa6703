"""`mrcnet drill`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from mrcnet.api.drillfiles import read_drills
from mrcnet.api.drills import Stage
from mrcnet.api.labs import LAB_VARIABLE
from mrcnet.api.telling import silent
from mrcnet.api.topologies import Source
from mrcnet.cli.batch import batch_lines
from mrcnet.cli.command import MakesLab, command
from mrcnet.cli.crews import crew_of, crew_parameters, each_made
from mrcnet.cli.drilllines import result_lines
from mrcnet.cli.drillrun import DrillRun, Made, Simulated
from mrcnet.cli.eachlink import each_link as sweep_all
from mrcnet.cli.events import events_parameter
from mrcnet.cli.on import on_parameter, refuse_typed
from mrcnet.cli.output import Answer, note
from mrcnet.cli.results import Files, files_parameter
from mrcnet.drill.batch import gather, runs_of
from mrcnet.drill.crew import Crew
from mrcnet.drill.matrix import Choice
from mrcnet.drill.model import CaptureSpec, Drill
from mrcnet.drill.result import DrillResult
from mrcnet.drill.verdict import ABORTED, PASSED
from mrcnet.errors import ExitCode, Where


@command(
    "mrcnet drill silent-cut",
    "mrcnet drill lossy-ev --on sim --repeat 5",
    "mrcnet drill drill.yaml -o result.json --html report.html --junit junit.xml",
    "mrcnet drill silent-cut -o result.json --capture p0-t0-0:p0-t1-1",
    "mrcnet drill --each-link 2p-2t0-2t1 --on sim --jobs 2",
    "mrcnet drill lossy-ev --on sim --repeat 100 --cluster 192.0.2.1:8786",
    cls=MakesLab,
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
@click.option("--like-kernel", is_flag=True, help="With --on sim: NICs and ports as on the kernel.")
@click.option("--allow-unfaithful", is_flag=True, help="Judge a run even if the machine was its bottleneck.")
@click.option("--each-link", is_flag=True, help="DRILL is a topology: all of it fails, one by one.")
@crew_parameters
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
    like_kernel: bool,
    allow_unfaithful: bool,
    each_link: bool,
    jobs: int,
    cluster: str | None,
    output: Path | None,
    junit: Path | None,
    html: Path | None,
    events: Path | None,
) -> Answer:
    """Run a drill: traffic, timed faults, measures, a verdict.

    DRILL is a drill file, the folder of a lab, or the name of a shipped lab.

    The drill brings its topology up in a lab of its own name and takes it down again; on the simulator it
    needs neither a lab nor privilege, and repeats exactly. Exits with 1 if an expectation is not met or a
    byte was wrong, or if the machine and not the fabric was the bottleneck; with `dilation: auto` in a lab
    of its own it is made anew in slower time first. Several runs, by --repeat or a matrix in the file, end in
    a table of medians and extremes, and write a numbered file each; those of the simulator can be made
    several at a time, and come to the same. The last line, and every result, is the command that gives the
    run again.
    """
    if on == "sim":
        refuse_typed("--on sim has no lab", "lab_name", "keep")
        lab_name = None
    else:
        refuse_typed("it changes the simulator, which is --on sim", "like_kernel")
    crew = crew_of(on, jobs, cluster)
    if crew is not None:
        refuse_typed("--jobs and --cluster make runs elsewhere", "events")
    if each_link:
        typed = ("lab_name", "keep", "repeat", "seed", "capture", "like_kernel", "output", "junit", "html")
        refuse_typed("--each-link runs no file", *typed)
        return sweep_all(str(file), on, crew, allow_unfaithful=allow_unfaithful)
    if capture and output is None:
        raise click.UsageError("--capture needs -o OUTPUT: its files lie beside it")
    drills = [(_asked(drill, seed, capture), source) for drill, source in read_drills(file)]
    if output is None and any(drill.capture for drill, _ in drills):
        note("the file captures frames, which lie beside the result: name one with -o")
    told = note if crew is None else silent
    stage = Stage(on, lab_name, keep, allow_unfaithful, like_kernel, note=told)
    for drill, source in drills:  # all that can be refused is refused before the first run
        stage.job(drill, source, dry=True)
    runs = list(runs_of([drill for drill, _ in drills], repeat))
    files = [_numbered(Files(output, junit, html), number, len(runs)) for number in range(1, len(runs) + 1)]
    for one in files:
        one.probe()
    wanted = _Wanted(
        DrillRun(file, stage, events), {drill.choice: source for drill, source in drills}, runs, files
    )
    if crew is not None:
        wanted.together(crew)
    else:
        wanted.in_turn()
    if len(runs) == 1:
        (data,) = wanted.data.values()
        (result,) = wanted.results.values()
        lines = [*result_lines(result), f"  again: {data['origin']['command']}"]
        return Answer(data, lines, _code(result.verdict, wanted.written))
    batch = gather([result for _, result in sorted(wanted.results.items())])
    found = [data for _, data in sorted(wanted.data.items())]
    return Answer(asdict(batch) | {"runs": found}, batch_lines(batch), _code(batch.verdict, wanted.written))


def _asked(drill: Drill, seed: int | None, capture: Sequence[str]) -> Drill:
    """The drill with what the command line says instead of the file, or besides."""
    more = tuple(CaptureSpec(port, Where("--capture")) for port in capture)
    return replace(drill, seed=drill.seed if seed is None else seed, capture=(*drill.capture, *more))


@dataclass(slots=True)
class _Wanted:
    """All runs, each with files of its own, and what came of those that were made, by their numbers."""

    how: DrillRun
    sources: Mapping[Choice, Source]
    runs: Sequence[Drill]
    files: Sequence[Files]
    results: dict[int, DrillResult] = field(default_factory=dict)
    data: dict[int, dict[str, Any]] = field(default_factory=dict)
    written: bool = True

    def in_turn(self) -> None:
        """One after the other; one that is aborted is the last."""
        for number, drill in enumerate(self.runs):
            if len(self.runs) > 1:
                note(f"run {number + 1} of {len(self.runs)}: {_said(drill)}")
            self._keep(number, self.how.made(drill, self.sources[drill.choice], self.files[number]))
            if self.results[number].verdict == ABORTED:
                return

    def together(self, crew: Crew) -> None:
        """Several at a time. After Ctrl-C the first that is missing says so in its result."""
        tasks = [
            Simulated(self.how, drill, self.sources[drill.choice], files)
            for drill, files in zip(self.runs, self.files, strict=True)
        ]
        number = each_made(crew, tasks, self._keep, [_said(drill) for drill in self.runs])
        if number is not None:
            drill = self.runs[number]
            self._keep(number, self.how.unmade(drill, self.sources[drill.choice]))

    def _keep(self, number: int, made: Made) -> None:
        drill, files = self.runs[number], self.files[number]
        result, data = self.how.told(drill, self.sources[drill.choice], files, made)
        self.results[number], self.data[number] = result, data
        self.written &= files.write(data)


def _said(drill: Drill) -> str:
    return f"seed {drill.seed}" + "".join(f", {name}={value}" for name, value in drill.choice)


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
