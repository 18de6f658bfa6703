"""A drill file's matrix: variables of the file, `${name}`, with all their values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from mrcnet.topology.document import expand, parse

MOST = 1_000  # runs that one file may ask for
Choice = tuple[tuple[str, str], ...]


class _Anything(dict[str, str]):
    """Stands for any variable, so that the matrix can be read before its variables have values."""

    def get(self, key: str, default: str | None = None) -> str:  # type: ignore[override]  # noqa: ARG002
        return "0"


def choices(text: str, file: str, env: Mapping[str, str]) -> tuple[Choice, ...]:
    """Every choice of the matrix in `text`, the last variable changing fastest; one that is empty, if none.

    A variable that is set in `env` has that one value. Raises InputError for a matrix that is none.
    """
    document = parse(expand(text, file, _Anything()), file)
    matrix = document.data.get("matrix") or {}
    if not isinstance(matrix, dict):
        return ((),)  # the shape of the file says what is wrong
    axes: list[list[tuple[str, str]]] = []
    for name, values in matrix.items():
        path = ("matrix", name)
        if not isinstance(values, list) or not values or not all(isinstance(one, str) for one in values):
            raise document.error(path, "must be a list of values, e.g. [1, 2, 4]")
        if len(set(values)) < len(values):
            raise document.error(path, "names a value twice")
        if f"${{{name}" not in text:
            raise document.error(path, f"the file does not use ${{{name}}}")
        axes.append([(name, value) for value in ([env[name]] if env.get(name) else values)])
    found = tuple(product(*axes))
    if len(found) > MOST:
        raise document.error(("matrix",), f"asks for {len(found)} runs; at most {MOST} are made")
    return found
