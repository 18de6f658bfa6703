"""`mrcnet drill`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from mrcnet.cli.command import command
from mrcnet.cli.dilation import settled
from mrcnet.cli.events import events_parameter, traced, write_events
from mrcnet.cli.labs import LAB_VARIABLE, running_plan
from mrcnet.cli.on import on_parameter, refuse_typed
from mrcnet.cli.output import Answer, note
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
from mrcnet.errors import EnvironmentFault, ExitCode, InputError
from mrcnet.plan.build import undilated
from mrcnet.units import format_duration, format_rate


@command(
    "mrcnet drill silent-cut",
    "mrcnet drill labs/silent-cut/drill.yaml --on sim",
    "mrcnet drill drill.yaml --json -o result.json",
)
@click.argument("file", metavar="DRILL", type=click.Path(path_type=Path))
@on_parameter
@click.option("--lab", "lab_name", metavar="LAB", envvar=LAB_VARIABLE, help="Use this running lab.")
@click.option("--keep", is_flag=True, help="Leave the lab up that the drill made.")
@click.option("--allow-unfaithful", is_flag=True, help="Judge a run even if the machine was its bottleneck.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Also write the JSON there."
)
@events_parameter
def drill_(
    file: Path,
    on: str,
    lab_name: str | None,
    keep: bool,
    allow_unfaithful: bool,
    output: Path | None,
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
    drill, source = read_drill(file)
    plan = running_plan(lab_name) if lab_name else plan_of(source)
    refuse_errors(plan, source)
    if on == "sim":
        plan = undilated(plan)
    elif not lab_name:
        plan = settled(plan, drill.name, source.text)
    if output is not None:
        _probe(output)
    fabric: Fabric = SimFabric()
    if on == "kernel":
        fabric = KernelFabric(source.file, source.text, lab_name is None, keep, note)
    job = traced(plan_job(drill, plan, lab_name or drill.name), events)
    result = run_drill(
        drill,
        job,
        fabric,
        note,
        lambda recording: write_events(recording, events),
        allow_unfaithful=allow_unfaithful,
    )
    data = as_data(result)
    code = ExitCode.OK if result.verdict == PASSED else ExitCode.FAILED
    if output is not None and not _written(output, data):
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


def as_data(result: DrillResult) -> dict[str, Any]:
    """The JSON object of a result."""
    data = asdict(result)
    data["metrics"] = data.pop("measures")
    return data


def _probe(output: Path) -> None:
    """Refuse before the run, not after it, when the result cannot be written."""
    try:
        fresh = not output.exists()
        with output.open("a"):
            pass
        if fresh:
            output.unlink()
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write {output}: {error.strerror}", remedy="name another file"
        ) from None


def _written(output: Path, data: dict[str, Any]) -> bool:
    """Write the result whole or not at all; if not, say so: the answer is still printed."""
    part = output.with_name(output.name + ".part")
    try:
        part.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        part.replace(output)
    except OSError as error:
        part.unlink(missing_ok=True)
        note(f"mrcnet: cannot write {output}: {error.strerror}\n  remedy: make room; here is the result")
        return False
    return True


def _lines(result: DrillResult) -> Iterator[str]:
    yield f"{result.drill}: {result.verdict}"
    yield from (f"  {reason}" for reason in result.reasons)
    yield from (f"  warning: {warning}" for warning in result.warnings)
    if result.traffic is not None and result.traffic.dilation != 1:
        seconds = format_duration(result.traffic.seconds * 1e9)
        yield f"  {seconds} of fabric time, {result.traffic.wall_seconds:.1f} s of wall time"
    if result.measures is not None and result.traffic is not None:
        yield from _measure_lines(result.measures, result.traffic.dilation)
    yield from (f"  {spell(judgement)}" for judgement in result.judgements)


def _measure_lines(measures: Measures, dilation: int) -> Iterator[str]:
    bar = f"+-{measures.error_ms:.3f} ms"
    coarse = f"+-{measures.error_ms + 1 / dilation:.3f} ms"  # found in bins of 1 ms of wall time

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
