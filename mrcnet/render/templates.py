"""The texts of `templates/`, filled in. User's words are in scripts behind the filter `sh` only, or where no
shell reads them (a comment, a quoted here-document) behind `line`.
"""

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
    environment.filters["line"] = _line
    return environment


def _line(text: object) -> str:
    """What stays on its line: a comment is none beyond its end, nor is what a shell reads as it stands."""
    return "".join(one if one.isprintable() else "?" for one in str(text))
