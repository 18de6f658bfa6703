"""Which fabric a command runs on: the kernel's, or the simulator's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource


def on_parameter(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the parameter `on`: kernel or sim."""
    return click.option(
        "--on",
        type=click.Choice(["kernel", "sim"]),
        default="kernel",
        is_eager=True,  # what a lab is depends on it
        show_default=True,
        help="The kernel's fabric, or the simulator: virtual links in virtual time.",
    )(function)


def refuse_typed(why: str, *names: str) -> None:
    """Raise UsageError if one of these parameters was given on the command line."""
    ctx = click.get_current_context()
    for name in names:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            typed = next(p for p in ctx.command.params if p.name == name)
            word = typed.opts[-1] if isinstance(typed, click.Option) else typed.make_metavar(ctx)
            raise click.UsageError(f"{why}: leave {word} out")
