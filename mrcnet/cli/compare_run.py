"""`mrcnet compare-run`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from mrcnet.api.drillfiles import read_drills
from mrcnet.api.drills import Stage
from mrcnet.api.topologies import Source
from mrcnet.cli.command import MakesLab, command
from mrcnet.cli.drillrun import DrillRun
from mrcnet.cli.on import on_parameter
from mrcnet.cli.output import Answer, note, table
from mrcnet.cli.results import Files, command_line, written
from mrcnet.drill.batch import runs_of
from mrcnet.drill.fabric import refuse_impossible
from mrcnet.drill.kernel import KernelFabric
from mrcnet.drill.model import Drill
from mrcnet.drill.timeline import timeline
from mrcnet.drill.variant import Variant, parse_variants, varied
from mrcnet.drill.virtual import SimFabric
from mrcnet.errors import EnvironmentFault, ExitCode, InputError, MrcnetError
from mrcnet.kernel import daemons
from mrcnet.nic import iperf
from mrcnet.report.files import probe
from mrcnet.report.model import ABORTED, Result
from mrcnet.report.resultfile import as_text, from_data
from mrcnet.report.sidebyside import SideBySide, side_by_side, spell
from mrcnet.sim.fit import fit
from mrcnet.topology.model import Routing
from mrcnet.topology.reroute import rerouted
from mrcnet.workload.transport import STACK

_OVER = "mrc/srv6,rocev2x1/ecmp,rocev2x16/ecmp"


@command(
    "mrcnet compare-run silent-cut --on sim --html page.html",
    "mrcnet compare-run drill.yaml --over mrc/srv6,rocev2x16/ecmp,rocev2x1/bgp --repeat 5 -o found",
    cls=MakesLab,
)
@click.argument("file", metavar="DRILL", type=click.Path(path_type=Path))
@on_parameter
@click.option(
    "--over",
    metavar="VARIANTS",
    default=_OVER,
    show_default=True,
    help="TRANSPORT/ROUTING, several with commas.",
)
@click.option("--repeat", type=click.IntRange(1, 1000), help="Runs of each, with seeds that follow on.")
@click.option("--seed", type=click.IntRange(0), help="Instead of the file's.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write the table and every run's result there.",
)
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), help="Also write a page to look at there."
)
def compare_run_(
    file: Path,
    on: str,
    over: str,
    repeat: int | None,
    seed: int | None,
    output: Path | None,
    html: Path | None,
) -> Answer:
    """Run a drill over several transports and routings, and hold them side by side.

    DRILL is a drill file, the folder of a lab, or the name of a shipped lab. Its variants run in turn;
    topology, seed, traffic and faults are the same for all. A variant, such as rocev2x16/ecmp, says what
    carries them over which fabric. The drill's expectations are MRC's: they stand in each result and fail
    nothing here. Exits with 1 if a run is broken: wrong bytes, books that do not balance, an interruption.
    PFC is not modelled.
    """
    drill, source = _read(file)
    drill = replace(drill, seed=drill.seed if seed is None else seed)
    again = [command_line(), f"--seed {drill.seed}", *([f"--repeat {repeat}"] if repeat else [])]
    wanted = [_Wanted(file, on, variant, drill, source) for variant in parse_variants(over)]
    for one in wanted:  # all that can be refused is refused before the first run
        one.refuse()
    if on == "kernel":
        _demand_tools(wanted)
    runs = len(list(runs_of([drill], repeat)))
    _probe(output, html)
    session = _Session(" ".join(again), output, html, len(wanted) * runs)
    try:
        session.run(wanted, repeat)
    except KeyboardInterrupt:
        note("interrupted: what ran is kept")
    except MrcnetError:
        if session.found:
            session.conclude()
        raise
    if not session.found:
        raise click.Abort
    return session.conclude()


def _read(file: Path) -> tuple[Drill, Source]:
    drills = read_drills(file)
    if len(drills) > 1:
        (name, value), *_ = drills[0][0].choice
        raise InputError(
            f"{drills[0][0].name} has a matrix of {len(drills)} choices; side by side stands one",
            remedy=f"take one out of the file's matrix, e.g. {name}: [{value}]",
        )
    return drills[0]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A variant, and the runs of it."""

    file: Path
    on: str
    variant: Variant
    drill: Drill
    source: Source

    @property
    def how(self) -> DrillRun:
        """How its runs are made. The command that is told gives them alone."""
        alone = f"mrcnet compare-run {self.file} --on {self.on} --over {self.variant.name}"
        return DrillRun(self.file, Stage(self.on, note=note), command=alone)

    def varied(self) -> tuple[Drill, Source]:
        """The drill and the topology's text of this variant."""
        text = rerouted(self.source.text, self.source.file, self.variant.routing)
        return varied(self.drill, self.variant), Source(text, self.source.file)

    def refuse(self) -> None:
        """Raise InputError, with the variant's name, if its runs cannot be made."""
        try:
            drill, source = self.varied()
            job = self.how.stage.job(drill, source, dry=True)
            if self.on == "sim":
                fit(job)  # it knows some things only
            fabric = SimFabric() if self.on == "sim" else KernelFabric(source.file, source.text)
            refuse_impossible(drill, timeline(drill, job.plan), job, fabric)
        except InputError as error:
            text = (
                error.message
                if self.variant.name in error.message
                else f"{self.variant.name}: {error.message}"
            )
            raise InputError(text, where=error.where, remedy=error.remedy) from None


def _demand_tools(wanted: Sequence[_Wanted]) -> None:
    """EnvironmentFault, with what installs it, if a program is missing that a variant needs."""
    if any(one.variant.routing is Routing.BGP for one in wanted):
        daemons.demand()
    for kind in dict.fromkeys(one.variant.transport for one in wanted):
        if kind in STACK:
            iperf.demand(kind)


def _probe(output: Path | None, html: Path | None) -> None:
    if output is not None:
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EnvironmentFault(
                f"cannot make {output}: {error.strerror}", remedy="name another directory"
            ) from None
        probe(output / "compare-run.json")
    if html is not None:
        probe(html)


@dataclass(slots=True)
class _Session:
    """The runs that were made, and what becomes of them."""

    again: str
    output: Path | None
    html: Path | None
    wanted: int
    found: list[tuple[str, list[Result]]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    kept: bool = True

    def run(self, wanted: Sequence[_Wanted], repeat: int | None) -> None:
        """One after the other; the first that is aborted is the last."""
        for one in wanted:
            drill, source = one.varied()
            runs = list(runs_of([drill], repeat))
            for number, run in enumerate(runs, 1):
                note(f"{one.variant.name}: run {number} of {len(runs)}, seed {run.seed}")
                result = self._run(one, run, source, f"-{number}" if len(runs) > 1 else "")
                if result.verdict == ABORTED:
                    return

    def _run(self, one: _Wanted, drill: Drill, source: Source, suffix: str) -> Result:
        path = self.output and self.output / f"{one.variant.stem}{suffix}.json"
        files = Files(path, None, None)
        _, data = one.how.run(drill, source, files)
        if not self.found or self.found[-1][0] != one.variant.name:
            self.found.append((one.variant.name, []))
        result = from_data(data)
        self.found[-1][1].append(result)
        self.kept &= files.write(data)
        if path is not None:
            self.files.append(path.name)
        return result

    def conclude(self) -> Answer:
        """The table of all that ran; files are written."""
        told = side_by_side(self.found, self.wanted)
        data: dict[str, Any] = {
            **asdict(told),
            "sound": told.sound,
            "command": self.again,
            "files": self.files,
        }
        if self.output is not None:
            self.kept &= written(self.output / "compare-run.json", as_text(data))
        if self.html is not None:
            from mrcnet.report.variantpage import as_page  # what draws it takes half a second to load

            self.kept &= written(self.html, as_page(told, self.found, self.again))
        code = ExitCode.OK if told.sound else ExitCode.FAILED
        return Answer(data, _lines(told, self.again), code if self.kept else ExitCode.ENVIRONMENT)


def _lines(told: SideBySide, again: str) -> Iterator[str]:
    state = "sound" if told.sound else "BROKEN" if told.whole else "ABORTED"
    yield f"{told.drill}: {state}, {len(told.rows)} variants, seeds {', '.join(map(str, told.seeds))}"
    heads = ["variant", *(column.title for column in told.columns)]
    yield from table(heads, [[row.variant, *map(spell, row.cells)] for row in told.rows])
    for row in told.rows:
        yield from (f"  {row.variant}: BROKEN: {why}" for why in row.unsound)
        yield from (f"  {row.variant}: {why}" for why in row.remarks)
    yield f"  again: {again}"
