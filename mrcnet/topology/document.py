"""YAML text to plain data in which every key and value remembers its line and column.

Scalars stay text, whatever they look like: the schema in `raw` says what is a number, so that a host
may be called `no`. A section (a key of the file itself) without a value counts as absent. An alias is
refused, for a chain of them can blow a few lines up to gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from mrcnet.errors import InputError, Where

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # PyYAML built without libyaml: slower, same result
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

MAX_TEXT = 4 * 2**20  # bytes
MAX_DEPTH = 32

KeyPath = tuple[str | int, ...]

_COMMENT_OR_VARIABLE = re.compile(
    r"(?P<comment>(?:^|(?<=\s))#.*$)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::=(?P<default>[^}\n]*))?\}",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Document:
    """The data of a file (dicts, lists, text) and where each part of it stands."""

    file: str
    data: dict[str, Any]
    keys: Mapping[KeyPath, tuple[int, int]]
    values: Mapping[KeyPath, tuple[int, int]]

    def where(self, path: KeyPath, *, key: bool = False) -> Where:
        """The place of the value (or of the key) at `path`, or of its nearest parent in the file."""
        marks = self.keys if key else self.values
        while path and path not in marks:
            path, marks = path[:-1], self.values
        return Where(self.file, *marks.get(path, (0, 0)))

    def error(self, path: KeyPath, message: str, *, key: bool = False) -> InputError:
        """An InputError that names the place and the key path."""
        prefix = f"{spell(path)}: " if path else ""
        return InputError(f"{prefix}{message}", where=self.where(path, key=key))


def spell(path: KeyPath) -> str:
    """('links', 3, 'endpoints') -> `links[3].endpoints`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def expand(text: str, file: str, env: Mapping[str, str]) -> str:
    """Put the values of `${VAR}` and `${VAR:=default}` into `text`, but for comments.

    Columns of later errors on such a line count in the expanded line.
    Raises InputError if a variable without default is not in `env`, or its value has several lines.
    """

    def value(match: re.Match[str]) -> str:
        if match["comment"] is not None:
            return match[0]
        found = env.get(match["name"]) or match["default"]  # empty counts as unset, as in the shell
        if found is None or "\n" in found:
            problem = "is not set and has no default" if found is None else "has more than one line"
            line = text.count("\n", 0, match.start()) + 1
            column = match.start() - text.rfind("\n", 0, match.start())
            remedy = f"set it, or write ${{{match['name']}:=default}}"
            raise InputError(f"{match[0]} {problem}", where=Where(file, line, column), remedy=remedy)
        return found

    return _COMMENT_OR_VARIABLE.sub(value, text)


def parse(text: str, file: str) -> Document:
    """Read one YAML document whose root is a mapping.

    Raises InputError with file:line:column for wrong YAML, duplicate keys, aliases, tags, and text that
    is too large or too deep.
    """
    if len(text) > MAX_TEXT:
        raise InputError(f"the file is larger than {MAX_TEXT // 2**20} MiB", where=Where(file))
    try:
        return _Reader(text, file).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file)
        detail = ", ".join(part for part in (error.context, error.problem) if part)
        raise InputError(f"not valid YAML: {detail}", where=where) from None
    except (yaml.YAMLError, UnicodeError) as error:
        reason = getattr(error, "reason", None) or "unreadable text"
        position = getattr(error, "position", None)  # in bytes, and the only place such an error has
        before = text.encode(errors="replace")[:position] if position is not None else b""
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        raise InputError(f"not valid YAML: {reason}", where=Where(file, line, column)) from None


class _Reader:
    """Builds data from parser events, so that each limit is met before memory is spent."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.loader = Loader(text)
        self.keys: dict[KeyPath, tuple[int, int]] = {}
        self.values: dict[KeyPath, tuple[int, int]] = {}

    def document(self) -> Document:
        self._next()  # the stream's start
        data: Any = {}
        if not isinstance(self._next(), yaml.StreamEndEvent):
            first = self._next()
            data = self._value(first, ()) or {}
            if not isinstance(data, dict):
                raise self._refuse(first, "the file must be a mapping of keys to values")
            self._next()  # the document's end
            if not isinstance(second := self._next(), yaml.StreamEndEvent):
                raise self._refuse(second, "the file must hold a single YAML document")
        return Document(self.file, data, self.keys, self.values)

    def _next(self) -> Any:
        return self.loader.get_event()

    def _value(self, event: Any, path: KeyPath) -> Any:
        if isinstance(event, yaml.AliasEvent):
            raise self._refuse(event, f"the alias *{event.anchor} is not supported; write the value out")
        if event.tag is not None and event.tag != "!":
            raise self._refuse(event, f"the tag {event.tag} is not supported")
        if len(path) > MAX_DEPTH:
            raise self._refuse(event, f"nested more than {MAX_DEPTH} levels deep")
        self.values[path] = _position(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return None if event.implicit[0] and event.value in ("", "~", "null") else event.value

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refuse(event, "a key must be plain text")
            inner = (*path, event.value)
            if inner in self.keys:
                raise self._refuse(
                    event, f"duplicate key {event.value!r}, first on line {self.keys[inner][0]}"
                )
            self.keys[inner] = _position(event)
            if (value := self._value(self._next(), inner)) is not None or path:
                data[event.value] = value
        return data

    def _sequence(self, path: KeyPath) -> list[Any]:
        data: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            data.append(self._value(event, (*path, len(data))))
        return data

    def _refuse(self, event: Any, message: str) -> InputError:
        return InputError(message, where=Where(self.file, *_position(event)))


def _position(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
