"""`mrcnet step`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

import click

from mrcnet.api.step import SMALL, Step, StepResult
from mrcnet.cli.command import UsesLab, command
from mrcnet.cli.output import Answer
from mrcnet.cli.place import hosts_in, place_of, place_parameters
from mrcnet.cli.quantities import quantity
from mrcnet.errors import ExitCode
from mrcnet.units import format_duration, format_size, parse_size
from mrcnet.workload.congestion import FIXED, choices
from mrcnet.workload.steps import STEPS, Layout, Model
from mrcnet.workload.transport import CHOICES as TRANSPORTS
from mrcnet.workload.transport import MRC

MODEL = ",".join(f"{name}={value}" for name, value in asdict(SMALL).items() if name != "dtype")


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
    ask = Step(
        kind=step,
        model=model,
        layout=Layout(tp, pp, dp, microbatches),
        ranks=hosts_in(ranks),
        message=message,
        transport=transport,
        congestion=congestion,
        seed=seed,
    )
    found = place_of(on, topo, lab_name).step(ask)
    data = asdict(found) | {"calls": dict(found.calls)}
    return Answer(data, _lines(found), ExitCode.OK if found.verified else ExitCode.FAILED)


def _lines(found: StepResult) -> Iterator[str]:
    calls = ", ".join(f"{count} {kind}" for kind, count in found.calls)
    yield f"{found.step} over {len(found.ranks)} ranks: {calls}"
    yield f"{found.messages} messages, {format_size(found.bytes)} between hosts"
    yield from (f"problem      {problem}" for problem in found.problems)
    right = "every element right" if found.verified else f"NOT VERIFIED, {found.wrong} elements wrong"
    time = "never ended" if found.time_us is None else format_duration(found.time_us * 1e3)
    yield f"{time} of fabric time, {right}"
