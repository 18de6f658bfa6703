"""Options that people write as quantities: `64MiB`, `100Gbps`, `2ms`, `1%`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

Number = TypeVar("Number", int, float)


def quantity(
    parse: Callable[[str], Number],
) -> Callable[[click.Context, click.Parameter, str | None], Number | None]:
    """A click callback that reads an option as people write quantities; zero is refused."""

    def read(_: click.Context, parameter: click.Parameter, text: str | None) -> Number | None:
        if text is None:
            return None
        try:
            value = parse(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
        if value <= 0:
            raise click.BadParameter(f"must be more than 0, not {text}", param=parameter)
        return value

    return read
