"""`result.json`: a drill's result with what it takes to draw it and to run it again; its schema. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mrcnet import __version__
from mrcnet.drill.result import DrillResult
from mrcnet.errors import InputError, Where
from mrcnet.report.model import FORMAT, Origin, Picture, Result


def origin(command: str, file: str, text: str, topology: str, topology_text: str, story: str = "") -> Origin:
    """Where a result comes from: `file` and `topology` are names of the texts."""
    return Origin(
        mrcnet=__version__,
        command=command,
        file=file,
        digest=digest(text),
        text=text,
        topology=topology,
        topology_digest=digest(topology_text),
        topology_text=topology_text,
        story=story,
    )


def digest(text: str) -> str:
    """`sha256:` of a text in UTF-8, as sha256sum gives it for the file."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def as_data(result: DrillResult, origin: Origin, picture: Picture) -> dict[str, Any]:
    """The JSON object of a result. What the drill says stands in it whole, also what readers do not know."""
    data = asdict(result)
    data["metrics"] = data.pop("measures")
    return {"format": FORMAT, **data, "origin": asdict(origin), "picture": asdict(picture)}


def as_text(data: Mapping[str, Any]) -> str:
    """The file: one key a line at the top, so that it can be looked at; columns of figures on one line."""
    lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in data.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read(text: str, file: str) -> Result:
    """A result file. Raises InputError that names the file and the key."""
    try:
        data = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 0)
        column = getattr(error, "colno", 0)
        raise InputError(f"this is not JSON: {error}", where=Where(file, line, column)) from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, dict) else None
        raise InputError(
            f"this is not a result of format {FORMAT}" + (f" but of {found!r}" if found else ""),
            where=Where(file),
            remedy="name a file that `mrcnet drill -o FILE` of this version wrote",
        )
    return from_data(data, file)


def from_data(data: Mapping[str, Any], file: str = "result") -> Result:
    """The typed result of a JSON object. Raises InputError as `read` does."""
    try:
        return _adapter().validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(f"{key}: {first['msg']}", where=Where(file)) from None


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a result file: what readers may rely on."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"an mrcnet result ({FORMAT})",
        **_adapter().json_schema(),
    }


@cache
def _adapter() -> TypeAdapter[Result]:
    return TypeAdapter(Result)
