"""The option `--dilation`."""

from __future__ import annotations

from typing import Any

import click

from mrcnet.topology.raw import parse_dilation


def read_dilation(_: click.Context, parameter: click.Parameter, text: Any) -> int | None:
    """A click callback: a whole number or `auto`."""
    if text is None:
        return None
    try:
        return parse_dilation(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param=parameter) from None
