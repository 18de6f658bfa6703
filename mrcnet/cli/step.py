"""`mrcnet step`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from typing import Any

import click

from mrcnet.api.load import hosts_of
from mrcnet.cli.command import UsesLab, command
from mrcnet.cli.output import Answer
from mrcnet.cli.place import hosts_in, place_of, place_parameters
from mrcnet.cli.quantities import quantity
from mrcnet.errors import ExitCode
from mrcnet.mrc.settings import Settings
from mrcnet.units import format_duration, format_size, parse_size
from mrcnet.workload.collective import check_memory
from mrcnet.workload.congestion import FIXED, choices, controlled
from mrcnet.workload.job import Job, bin_ns
from mrcnet.workload.steps import STEPS, Layout, Model, step_program
from mrcnet.workload.summary import summarise
from mrcnet.workload.transport import CHOICES as TRANSPORTS
from mrcnet.workload.transport import MRC, over

MODEL = "layers=2,hidden=256,heads=8,vocab=1024,batch=1,sequence=128"


def _model(ctx: click.Context, parameter: click.Parameter, text: str) -> Model:
    """`layers=2,hidden=256,...` -> Model."""
    known = [field.name for field in fields(Model)]
    given: dict[str, Any] = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name not in known:
            raise click.BadParameter(f"{name!r} is none of {', '.join(known)}", ctx, parameter)
        if name != "dtype" and not value.isdigit():
            raise click.BadParameter(f"{name} is a whole number, not {value!r}", ctx, parameter)
        given[name] = value if name == "dtype" else int(value)
    if missing := [name for name in known if name not in given and name != "dtype"]:
        raise click.BadParameter(f"{', '.join(missing)} missing; write it like {MODEL}", ctx, parameter)
    return Model(**given)


@command(
    "mrcnet step zero-3 --on sim --topo 4p-2t0-4t1",
    "mrcnet step megatron --on sim --topo 4p-2t0-4t1 --tp 4 --dp 2 --model " + MODEL,
    "mrcnet step zero-3 4p-2t0-4t1 --transport rocev2x16 --json",
    cls=UsesLab,
)
@click.argument("step", type=click.Choice(list(STEPS)))
@place_parameters
@click.option("--model", default=MODEL, callback=_model, show_default=True, help="dtype=bf16 if left out.")
@click.option("--tp", default=1, type=click.IntRange(1), show_default=True, help="Megatron: tensor ranks.")
@click.option("--pp", default=1, type=click.IntRange(1), show_default=True, help="Megatron: stages.")
@click.option("--dp", default=1, type=click.IntRange(1), show_default=True, help="Megatron: replicas.")
@click.option("--microbatches", default=1, type=click.IntRange(1), show_default=True, help="Megatron.")
@click.option("--ranks", metavar="h0,h5", help="A host for each rank, in order.  [default: all, one each]")
@click.option(
    "--message",
    default="256KiB",
    show_default=True,
    callback=quantity(parse_size),
    help="Bytes of the longest message; longer chunks are cut.",
)
@click.option("--transport", type=click.Choice(TRANSPORTS), default=MRC, show_default=True)
@click.option("--congestion", type=click.Choice(choices()), default=FIXED, show_default=True)
@click.option("--seed", default=1, show_default=True, help="Decides values and paths.")
def step_(
    on: str,
    topo: str | None,
    step: str,
    lab_name: str,
    model: Model,
    tp: int,
    pp: int,
    dp: int,
    microbatches: int,
    ranks: str | None,
    message: int,
    transport: str,
    congestion: str,
    seed: int,
) -> Answer:
    """Run what a training step sends: ZeRO-3, or Megatron's tensor, pipeline and data parallel.

    Sizes follow from the model. Ranks have real buffers; what they hold at the end is compared with what
    NumPy computes. Computing takes no time. Exits with 1 if an element is wrong, or a QP failed.
    """
    place = place_of(on, topo, lab_name)
    plan = place.plan
    hosts = hosts_of(plan, hosts_in(ranks), "--ranks")
    program = step_program(step, model, Layout(tp, pp, dp, microbatches), hosts, message, seed)
    check_memory(program)
    wire = plan.topology.transport
    settings = controlled(Settings(payload=wire.payload, udp_port=wire.udp_port), plan, congestion)
    job = Job(place.name, plan, program.flows, settings, seed, bin_ns(plan))
    job = over(replace(job, programs=(program,)), transport)
    recording = place.run_job(job)
    reports = [rank for report in recording.reports for rank in report.ranks]
    ends = [end for rank in reports for end in rank.ends if end is not None]
    result = summarise(recording)
    whole = all(None not in rank.ends for rank in reports)
    data = {
        "lab": place.name,
        "step": step,
        "model": asdict(model),
        "ranks": hosts,
        "transport": transport,
        "congestion": congestion,
        "seed": seed,
        "dilation": plan.topology.dilation,
        "calls": dict(Counter(call.kind for call in program.graph.calls)),
        "messages": len(program.graph.messages),
        "bytes": sum(flow.size or 0 for flow in program.flows),
        "time_us": (max(ends) - recording.start_at) / 1e3 if whole else None,
        "wrong": sum(sum(rank.wrong) for rank in reports),
        "verified": result.verified,
        "problems": result.problems,
    }
    return Answer(data, _lines(data), ExitCode.OK if result.verified else ExitCode.FAILED)


def _lines(data: dict[str, Any]) -> Iterator[str]:
    calls = ", ".join(f"{count} {kind}" for kind, count in data["calls"].items())
    yield f"{data['step']} over {len(data['ranks'])} ranks: {calls}"
    yield f"{data['messages']} messages, {format_size(data['bytes'])} between hosts"
    yield from (f"problem      {problem}" for problem in data["problems"])
    right = "every element right" if data["verified"] else f"NOT VERIFIED, {data['wrong']} elements wrong"
    time = "never ended" if data["time_us"] is None else format_duration(data["time_us"] * 1e3)
    yield f"{time} of fabric time, {right}"
