"""The fabric on which a command runs traffic: a lab, or the simulator's of `--topo`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from mrcnet.api.place import Place
from mrcnet.api.sim import Sim
from mrcnet.cli.labs import attached, lab_parameter
from mrcnet.cli.on import on_parameter, refuse_typed
from mrcnet.cli.output import note


def place_parameters(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the parameters `on`, `topo` and `lab_name`: what `place_of` takes."""
    topo = click.option(
        "-t", "--topo", metavar="TOPO", help="With --on sim: a topology file or a shipped name."
    )
    return on_parameter(topo(lab_parameter(function)))


def place_of(on: str, topo: str | None, lab_name: str, *, loss: float = 0.0) -> Place:
    """The running lab, or the simulator; UsageError for parameters of the other."""
    if on == "sim":
        refuse_typed("--on sim has no lab", "lab_name")
        return Sim(topo, loss=loss, note=note)
    refuse_typed("a lab has its topology; --topo goes with --on sim", "topo")
    return attached(lab_name)


def hosts_in(text: str | None) -> tuple[str, ...]:
    """`h0,h5` -> the names; none for all."""
    return tuple(text.split(",")) if text else ()
