"""Templates of this room, filled in."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mrcnet.report.fabric import STEPS, draw, told
from mrcnet.report.model import Picture
from mrcnet.report.sidebyside import spell
from mrcnet.report.words import bounds, figure, milliseconds, title, value
from mrcnet.units import format_rate


def render(template: str, **variables: Any) -> str:
    """Fill in `templates/TEMPLATE`; what is put in is escaped."""
    return _environment().get_template(template).render(**variables)


def fabric_svg(picture: Picture) -> str:
    """The fabric alone, a file of its own."""
    return render("fabric.svg.j2", drawing=draw(picture), alone=True, steps=STEPS)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mrcnet.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        bounds=bounds,
        cell=spell,
        figure_of=lambda number, name: figure(name, number),
        ms=milliseconds,
        title_of=title,
        value=value,
        rate=_rate,
        told=told,
    )
    return environment


def _rate(bps: float) -> str:
    return format_rate(round(bps))
