"""`mrcnet drill`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click

from mrcnet.cli.command import command
from mrcnet.cli.dilation import settled
from mrcnet.cli.events import events_parameter, traced, write_events
from mrcnet.cli.labs import LAB_VARIABLE, running_plan
from mrcnet.cli.on import on_parameter, refuse_typed
from mrcnet.cli.output import Answer, note
from mrcnet.cli.results import Files, command_line, files_parameter
from mrcnet.cli.topologies import SHIPPED, Source, find, plan_of, unknown
from mrcnet.cli.up import refuse_errors
from mrcnet.drill.fabric import Fabric
from mrcnet.drill.job import plan_job
from mrcnet.drill.kernel import KernelFabric
from mrcnet.drill.load import load_drill
from mrcnet.drill.model import Drill, Measures
from mrcnet.drill.result import DrillResult
from mrcnet.drill.runner import run_drill
from mrcnet.drill.verdict import PASSED, spell
from mrcnet.drill.virtual import SimFabric
from mrcnet.errors import ExitCode, InputError
from mrcnet.kernel import lab
from mrcnet.report.model import Origin
from mrcnet.report.picture import picture
from mrcnet.report.resultfile import as_data, origin
from mrcnet.units import format_duration, format_rate
from mrcnet.workload.summary import Recording


@command(
    "mrcnet drill silent-cut",
    "mrcnet drill labs/silent-cut/drill.yaml --on sim",
    "mrcnet drill drill.yaml -o result.json --junit junit.xml",
)
@click.argument("file", metavar="DRILL", type=click.Path(path_type=Path))
@on_parameter
@click.option("--lab", "lab_name", metavar="LAB", envvar=LAB_VARIABLE, help="Use this running lab.")
@click.option("--keep", is_flag=True, help="Leave the lab up that the drill made.")
@click.option("--allow-unfaithful", is_flag=True, help="Judge a run even if the machine was its bottleneck.")
@files_parameter
@events_parameter
def drill_(
    file: Path,
    on: str,
    lab_name: str | None,
    keep: bool,
    allow_unfaithful: bool,
    output: Path | None,
    junit: Path | None,
    events: Path | None,
) -> Answer:
    """Run a drill: traffic, timed faults, measures, a verdict.

    DRILL is a drill file, the folder of a lab, or the name of a shipped lab.

    The drill brings its topology up in a lab of its own name and takes it down again; on the simulator it
    needs neither a lab nor privilege, and repeats exactly. Exits with 1 if an expectation is not met or a
    byte was wrong, or if the machine and not the fabric was the bottleneck.
    """
    if on == "sim":
        refuse_typed("--on sim has no lab", "lab_name", "keep")
        lab_name = None
    files = Files(output, junit)
    drill, source = read_drill(file)
    plan = running_plan(lab_name) if lab_name else plan_of(source)
    refuse_errors(plan, source)
    if on == "kernel" and not lab_name:
        plan = settled(plan, drill.name, source.text)
    files.probe()
    fabric: Fabric = SimFabric()
    if on == "kernel":
        fabric = KernelFabric(source.file, source.text, lab_name is None, keep, note)
    job = traced(plan_job(drill, plan, lab_name or drill.name), events)
    recordings: list[Recording] = []

    def recorded(recording: Recording) -> None:
        recordings.append(recording)
        write_events(recording, events)

    result = run_drill(drill, job, fabric, note, recorded, allow_unfaithful=allow_unfaithful)
    seen = picture(plan, result, recordings[-1] if recordings else None)
    data = as_data(result, _origin(file, drill, source, lab_name), seen)
    data["degraded"] = lab.degraded(lab_name) if lab_name else ()
    code = ExitCode.OK if result.verdict == PASSED else ExitCode.FAILED
    if not files.write(data):
        code = ExitCode.ENVIRONMENT
    return Answer(data, _lines(result), code)


def read_drill(file: Path) -> tuple[Drill, Source]:
    """A drill, and the topology that it names, relative to itself (or shipped).

    `file` is a drill file, the folder of a lab, or, if there is nothing of that name, a shipped lab.
    """
    path = _drill_file(file)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    drill = load_drill(text, str(path), os.environ)
    beside = path.parent / drill.topology
    try:
        return drill, find(str(beside) if beside.exists() else drill.topology)
    except InputError as error:
        where = error.where or drill.topology_where
        raise InputError(error.message, where=where, remedy=error.remedy) from None


def _drill_file(file: Path) -> Path:
    if file.is_dir():
        return file / "drill.yaml"
    if file.exists() or file.suffix or len(file.parts) > 1:
        return file
    shipped = SHIPPED / "labs" / file / "drill.yaml"
    if shipped.exists():
        return shipped
    raise unknown("lab", str(file), [folder.parent.name for folder in SHIPPED.glob("labs/*/drill.yaml")])


def _origin(file: Path, drill: Drill, source: Source, lab_name: str | None) -> Origin:
    """The files that were run; of a running lab, the topology that it was made of."""
    if lab_name:
        stored = lab.load(lab_name)
        source = Source(stored.text, stored.file)
    path = _drill_file(file)
    text = path.read_text(encoding="utf-8")
    return origin(command_line(), str(file), text, source.file, source.text, drill.story)


def _lines(result: DrillResult) -> Iterator[str]:
    yield f"{result.drill}: {result.verdict}"
    yield from (f"  {reason}" for reason in result.reasons)
    yield from (f"  warning: {warning}" for warning in result.warnings)
    if result.traffic is not None and result.traffic.dilation != 1:
        seconds = format_duration(result.traffic.seconds * 1e9)
        yield f"  {seconds} of fabric time, {result.traffic.wall_seconds:.1f} s of wall time"
    if result.measures is not None and result.traffic is not None:
        yield from _measure_lines(result.measures, result.traffic.bin_ms)
    yield from (f"  {spell(judgement)}" for judgement in result.judgements)


def _measure_lines(measures: Measures, bin_ms: float) -> Iterator[str]:
    bar = f"+-{measures.error_ms:.3f} ms"
    coarse = f"+-{measures.error_ms + bin_ms:.3f} ms"  # found in bins

    def ms(value: float | None) -> str:
        return "never" if value is None else f"{value:.3f} ms"

    before = ms(measures.longest_gap_before_ms)
    yield f"  detection            {ms(measures.detection_ms)} {bar}  first EV of the dead link out"
    yield f"  last loss            {ms(measures.last_loss_ms)} {bar}  the last packet lost on it was sent"
    yield f"  recovery             {ms(measures.recovery_ms)} {coarse}  goodput at 99 % of before"
    yield f"  longest delivery gap {ms(measures.longest_gap_ms)}, before the fault {before}"
    yield (
        f"  packets              {measures.packets_lost} lost,"
        f" {measures.packets_retransmitted} retransmitted,"
        f" {measures.duplicates} twice, {measures.messages_wrong} messages wrong"
    )
    yield (
        f"  EVs                  {measures.evs_on_link} on the link, {measures.evs_lost} lost,"
        f" {measures.evs_lost_elsewhere} of them elsewhere, {measures.evs_regained} regained"
    )
    for name, total, planes in (
        ("before", measures.goodput_before_bps, measures.planes_before_bps),
        ("during", measures.goodput_during_bps, measures.planes_during_bps),
        ("after", measures.goodput_after_bps, measures.planes_after_bps),
    ):
        yield f"  goodput {name:<12} {format_rate(total)}   by plane {', '.join(map(format_rate, planes))}"
