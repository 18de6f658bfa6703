"""From what the user typed to a running lab and its plan. The YAML it came from need not exist any more."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from mrcnet.cli.output import note, progress
from mrcnet.errors import InputError
from mrcnet.kernel import lab
from mrcnet.plan.model import Plan

LAB_VARIABLE = "MRCNET_LAB"


def lab_parameter(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the parameter `lab_name`: LAB, or what `the_lab` finds."""
    return click.argument(
        "lab_name",
        metavar="[LAB]",
        required=False,
        callback=lambda ctx, _, name: name if ctx.params.get("on") == "sim" else the_lab(name),
    )(function)


def the_lab(name: str | None) -> str:
    """The lab that the user means: `name`, or MRCNET_LAB, or the only one.

    Raises InputError with the choices if that does not settle it.
    """
    if name := name or os.environ.get(LAB_VARIABLE):
        return name
    labs = lab.labs()
    if len(labs) != 1:
        raise InputError(
            f"which lab? there are {', '.join(labs)}" if labs else "there is no lab",
            remedy="name one of them" if labs else "make one, e.g. mrcnet up 4p-2t0-4t1",
        )
    note(f"using lab {labs[0]}")
    return labs[0]


def running_plan(name: str) -> Plan:
    """The plan of a running lab, from the text it was made of. Raises InputError if there is no such lab."""
    progress(f"planning lab {name}")
    return lab.plan_of(lab.load(name))
