"""The topology file's JSON Schema, for editors, and its breaches in words, for people."""

from __future__ import annotations

from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mrcnet.errors import InputError
from mrcnet.topology.document import Document, KeyPath, spell
from mrcnet.topology.names import suggest
from mrcnet.topology.raw import RawTopology

Shape = TypeVar("Shape", bound=BaseModel)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a topology file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mrcnet topology",
        **RawTopology.model_json_schema(),
    }


def validate(document: Document, shape: type[Shape]) -> Shape:
    """The document as a `shape`, whose keys and types it must have.

    Raises InputError for its first breach in the order of the file, and says how many more there are.
    """
    try:
        return shape.model_validate(document.data)
    except ValidationError as invalid:
        errors = [_explain(document, detail, shape) for detail in invalid.errors(include_url=False)]
    errors.sort(key=lambda error: (error.where.line, error.where.column) if error.where else (0, 0))
    first = errors[0]
    if len(errors) > 1:
        first.message += f" (and {len(errors) - 1} more)"
    raise first


def _explain(document: Document, detail: ErrorDetails, shape: type[BaseModel]) -> InputError:
    is_key = detail["loc"][-1:] == ("[key]",)
    path: KeyPath = detail["loc"][:-1] if is_key else detail["loc"]
    context = detail.get("ctx", {})
    given = detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            key = str(path[-1])
            inside = f" in {spell(path[:-1])}" if path[:-1] else ""
            known = _keys_at(shape, path[:-1])
            message = f"unknown key {key!r}{inside}{suggest(key, known)}"
            remedy = f"the keys there: {', '.join(known)}" if known else None
            return InputError(message, where=document.where(path, key=True), remedy=remedy)
        case "missing":
            message = f"the key {str(path[-1])!r} is missing"
            path = path[:-1]
        case "greater_than_equal":
            message = f"must be at least {context['ge']}, not {given}"
        case "less_than_equal":
            message = f"must be at most {context['le']}, not {given}"
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            message = f"must be a whole number, not {_shown(given)}"
        case "literal_error":
            message = f"must be {context['expected']}, not {_shown(given)}"
        case "string_type":
            message = f"must be text, not {_shown(given)}"
        case "model_type" | "model_attributes_type" | "dict_type":
            message = f"must be a mapping of keys to values, not {_shown(given)}"
        case "list_type":
            message = f"must be a list, not {_shown(given)}"
        case "too_short" | "too_long" if path[-1] == "endpoints":
            message = f"must name two ends, not {len(given)}"
        case "too_short":
            message = "must not be empty"
        case "value_error":
            message = str(context["error"])
        case _:
            message = detail["msg"]
    return document.error(path, message, key=is_key)


def _shown(value: object) -> str:
    kinds: dict[type, str] = {dict: "a mapping", list: "a list", type(None): "nothing"}
    return kinds.get(type(value)) or repr(value)


def _keys_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys that the schema knows at `path`."""
    for step in path:
        if step in model.model_fields:  # other steps are list positions or the user's own names
            model = _model_in(model.model_fields[str(step)].annotation) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part))), None)
