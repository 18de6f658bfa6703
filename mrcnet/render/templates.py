"""The texts of `templates/`, filled in. User's words reach a shell only through the filter `sh`."""

from __future__ import annotations

import shlex
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(str(files("mrcnet"))) / "shipped" / "templates"


def fill(template: str, /, **values: object) -> str:
    """The text of `templates/TEMPLATE`. A value that a template names and nobody gives is an error."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["sh"] = shlex.quote
    return environment
