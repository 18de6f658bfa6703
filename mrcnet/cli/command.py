"""How a command is made: typed parameters in, an `Answer` out, `--json` and an example for every one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from mrcnet.cli.output import Answer, progress, show
from mrcnet.errors import EnvironmentFault


class UsesLab(click.Command):
    """A command on the kernel's labs: an ordinary user's goes to where they are before it begins."""

    makes_labs = False
    goes_on = False  # also where ordinary users can have no labs

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing and self._real(ctx, args):
            from mrcnet.kernel import holder  # here: most of the simulator's commands need nothing of it

            try:
                holder.enter(make=self.makes_labs)
            except EnvironmentFault:
                if not self.goes_on:
                    raise
        return super().parse_args(ctx, args)

    def _real(self, ctx: click.Context, args: list[str]) -> bool:
        """Whether it is not only asked for its help, or to run `--on sim`."""
        try:
            typed, _, _ = self.make_parser(ctx).parse_args(list(args))
        except click.UsageError:
            return False  # what is wrong is said when it is parsed in earnest
        on = next((one for one in self.params if one.name == "on"), None)
        helping = self.get_help_option(ctx)
        if helping is not None and typed.get(str(helping.name)) is True:
            return False
        return on is None or on.consume_value(ctx, typed)[0] != "sim"


class MakesLab(UsesLab):
    """One that brings labs up."""

    makes_labs = True


def command(
    *examples: str, cls: type[click.Command] = click.Command
) -> Callable[[Callable[..., Answer]], click.Command]:
    """Turn a function that returns an `Answer` into a click command.

    The command gains `--json`, and its help ends with the examples. It prints the answer and exits with the
    answer's code. Parameters are declared below this decorator, as usual with click.
    """
    example = "\b\n" + "\n".join(f"Example: {line}" for line in examples)

    def decorate(function: Callable[..., Answer]) -> click.Command:
        @wraps(function)
        def run(*, as_json: bool, **parameters: Any) -> None:
            try:
                answer = function(**parameters)
            except BrokenPipeError as error:  # click would take it for a reader of stdout that went away
                raise RuntimeError("a pipe to a process of ours broke") from error
            finally:
                progress("")
            show(answer, as_json)
            click.get_current_context().exit(answer.exit_code)

        with_json = click.option(
            "--json", "as_json", is_flag=True, envvar="MRCNET_JSON", help="Print one JSON object."
        )
        name = function.__name__.removesuffix("_").replace("_", "-")
        made: Any = click.command(name, cls=cls, epilog=example)(with_json(run))
        return made  # type: ignore[no-any-return]

    return decorate


def wants_json() -> bool:
    """Whether the running command was called with `--json`."""
    return bool(click.get_current_context().params["as_json"])
