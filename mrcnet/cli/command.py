"""How a command is made: typed parameters in, an `Answer` out, `--json` and an example for every one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from mrcnet.cli.output import Answer, progress, show


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
