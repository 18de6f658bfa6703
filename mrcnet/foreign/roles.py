"""Which tier, plane and number a foreign node has: by a mapping file, its labels, its name, its group."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mrcnet.errors import InputError
from mrcnet.foreign.model import ClabNode
from mrcnet.topology.document import Document
from mrcnet.topology.model import Role
from mrcnet.topology.schema import validate

LABEL = "mrcnet."
_ALONE = r"(?<![a-z])(?:{})(?![a-z])"
_WORDS = (
    (Role.T1, re.compile(_ALONE.format(r"t1(?!\d)|spine|super-?spine|agg"))),
    (Role.T0, re.compile(_ALONE.format(r"t0(?!\d)|leaf|tor"))),
    (Role.HOST, re.compile(_ALONE.format(r"hosts?|servers?|srv|gpu|client|nic|h(?=\d)"))),
)
_PLANE = re.compile(r"(?<![a-z])(?:plane|pl|p)[-_]?(\d{1,4})(?!\d)")


class _Rule(BaseModel):
    """What a mapping file says of the nodes that match a pattern."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["host", "t0", "t1", "none"] | None = None
    plane: Annotated[int, Field(ge=0, le=7)] | None = None
    index: Annotated[int, Field(ge=0)] | None = None


class _Mapping(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    nodes: dict[str, _Rule]


@dataclass(frozen=True, slots=True)
class Place:
    """A node's place in a fabric; None: nothing tells."""

    role: Role | None
    plane: int | None
    index: int | None


Rules = Mapping[str, _Rule]


def read_rules(document: Document) -> Rules:
    """A mapping file: `nodes: {"leaf-a*": {role: t0, plane: 0}}`; the first pattern that fits counts."""
    return validate(document, _Mapping).nodes


def place(node: ClabNode, rules: Rules) -> Place:
    """Where a node belongs. Raises InputError for a label that is no number."""
    rule = next((rule for pattern, rule in rules.items() if fnmatchcase(node.name, pattern)), _Rule())
    if rule.role == "none":
        return Place(None, None, None)
    role = Role(rule.role) if rule.role else _role(node)
    if role is None:
        return Place(None, None, None)
    plane, index = (_number(node, key) for key in ("plane", "index"))
    by_name = _numbers(node.name)
    plane = rule.plane if rule.plane is not None else by_name[0] if plane is None else plane
    index = rule.index if rule.index is not None else by_name[1] if index is None else index
    return Place(role, None if role is Role.HOST else plane, index)


def _role(node: ClabNode) -> Role | None:
    told = (
        node.labels.get(LABEL + "role"),
        node.labels.get("role"),
        node.labels.get("tier"),
        node.name,
        node.group,
    )
    found = (role_in(text) for text in told if text)
    return next((role for role in found if role is not None), None)


def role_in(text: str) -> Role | None:
    """The tier that a word such as `p0-leaf03` or `servers` speaks of."""
    return next((role for role, words in _WORDS if words.search(text.lower())), None)


def _number(node: ClabNode, key: str) -> int | None:
    text = node.labels.get(LABEL + key, node.labels.get(key))
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        raise InputError(f"the label {key} of {node.name} is {text!r}, no number", where=node.where)
    return int(text)


def _numbers(name: str) -> tuple[int | None, int | None]:
    """Plane and number in a name: `p0-leaf03` -> 0, 3."""
    rest = name.lower()
    plane = _PLANE.search(rest)
    if plane:
        rest = rest[: plane.start()] + "-" + rest[plane.end() :]
    for _, words in _WORDS:
        rest = words.sub("-", rest, count=1)
    digits = re.findall(r"[0-9]{1,5}", rest)
    return int(plane[1]) if plane else None, int(digits[-1]) if digits else None
