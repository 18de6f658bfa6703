"""The parameter LAB, and the plan of the lab that it names, with a word of what is going on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from mrcnet.api import labs
from mrcnet.api.lab import Lab
from mrcnet.cli.output import note, progress
from mrcnet.plan.model import Plan


def lab_parameter(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the parameter `lab_name`: LAB, or what `the_lab` finds."""
    return click.argument(
        "lab_name",
        metavar="[LAB]",
        required=False,
        callback=lambda ctx, _, name: name if ctx.params.get("on") == "sim" else the_lab(name),
    )(function)


def the_lab(name: str | None) -> str:
    """The lab that the user means. InputError with the choices if there is not just one."""
    return labs.the_lab(name, note)


def running_plan(name: str) -> Plan:
    """The plan of a running lab, from the text it was made of. Raises InputError if there is no such lab."""
    progress(f"planning lab {name}")
    return labs.running_plan(name)


def attached(name: str) -> Lab:
    """A running lab. Raises InputError if there is none of that name."""
    progress(f"planning lab {name}")
    return Lab.attach(name)
