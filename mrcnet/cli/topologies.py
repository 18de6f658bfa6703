"""The parameter TOPO, and the plan of what it names, with a word of what is going on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from mrcnet.api import topologies
from mrcnet.api.topologies import Source
from mrcnet.cli.output import note, progress
from mrcnet.plan.model import Plan
from mrcnet.plan.parts import Parts


def topology_parameters(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the parameter `source`: TOPO, or `-t TOPO` as containerlab has it."""

    def to_source(ctx: click.Context, _: click.Parameter, argument: str | None) -> Source:
        option = ctx.params.pop("topo_option", None)
        typed = ctx.get_parameter_source("topo_option") is ParameterSource.COMMANDLINE
        if argument and typed:
            raise click.UsageError("give the topology once: as TOPO or with -t", ctx)
        return find(argument or option)

    option = click.option(
        "-t",
        "--topo",
        "topo_option",
        metavar="TOPO",
        is_eager=True,
        envvar="MRCNET_TOPO",
        help="The same as the argument TOPO.",
    )
    argument = click.argument("source", metavar="[TOPO]", required=False, callback=to_source)
    return option(argument(function))


def find(name: str | None) -> Source:
    """The topology that the user means. InputError with the choices if nothing, or too much, fits."""
    return topologies.find(name, note)


def plan_of(source: Source) -> Plan:
    """Load and plan a topology. Raises InputError with file:line:column."""
    progress(f"planning {source.file}")
    return topologies.plan_of(source)


def parts_of(source: Source) -> Parts:
    """Load a topology, to plan parts of it. Raises InputError with file:line:column."""
    progress(f"planning {source.file}")
    return topologies.parts_of(source)
