"""A containerlab file -> `ClabLab`: nodes with what they inherit, and the links between nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mrcnet.errors import InputError
from mrcnet.foreign.model import ClabLab, ClabLink, ClabNode, Spoken
from mrcnet.topology.document import Document, KeyPath
from mrcnet.topology.model import End

_LEVELS = ("defaults", "kinds", "groups")


def read_clab(document: Document) -> ClabLab:
    """Read it. Raises InputError with the place of what is no containerlab topology."""
    return _Reader(document).lab()


def is_clab(document: Document) -> bool:
    """Whether the file looks like one."""
    return "topology" in document.data


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.notes: list[str] = []
        self.top = self._mapping(document.data.get("topology"), ("topology",))

    def lab(self) -> ClabLab:
        nodes = tuple(self._nodes())
        known = {node.name for node in nodes}
        return ClabLab(
            file=self.document.file,
            name=self._text(self.document.data.get("name"), ("name",)),
            labels=self._labels(
                self._mapping(self.top.get("defaults"), ("topology", "defaults")), ("topology", "defaults")
            ),
            nodes=nodes,
            links=tuple(self._links(known)),
            notes=tuple(self.notes),
        )

    def _nodes(self) -> Iterator[ClabNode]:
        path: KeyPath = ("topology", "nodes")
        nodes = self._mapping(self.top.get("nodes"), path)
        if not nodes:
            raise self.document.error(path, "a containerlab topology names its nodes here")
        for name, value in nodes.items():
            yield self._node(name, self._mapping(value, (*path, name)), (*path, name))

    def _node(self, name: str, own: dict[str, Any], path: KeyPath) -> ClabNode:
        defaults = self._mapping(self.top.get("defaults"), ("topology", "defaults"))
        levels: list[tuple[dict[str, Any], KeyPath]] = [(own, path), (defaults, ("topology", "defaults"))]
        group = self._first(levels, "group")
        levels.insert(1, self._level("groups", group))
        kind = self._first(levels, "kind")
        levels.insert(2, self._level("kinds", kind))
        labels: dict[str, str] = {}
        files: list[str] = []
        commands: list[Spoken] = []
        for level, at in reversed(levels):
            labels |= self._labels(level, at)
            files += [bind.partition(":")[0] for bind in self._texts(level, at, "binds")]
            start = self._text(level.get("startup-config"), (*at, "startup-config"))
            files += [start] if start and "\n" not in start else []
            for number, line in enumerate(self._texts(level, at, "exec")):
                commands.append(Spoken(line, self.document.where((*at, "exec", number))))
        return ClabNode(
            name, kind, group, labels, tuple(files), tuple(commands), self.document.where(path, key=True)
        )

    def _level(self, section: str, name: str) -> tuple[dict[str, Any], KeyPath]:
        path: KeyPath = ("topology", section)
        return self._mapping(self._mapping(self.top.get(section), path).get(name), (*path, name)), (
            *path,
            name,
        )

    def _first(self, levels: list[tuple[dict[str, Any], KeyPath]], key: str) -> str:
        found = (self._text(level.get(key), (*at, key)) for level, at in levels)
        return next((value for value in found if value), "")

    def _links(self, known: set[str]) -> Iterator[ClabLink]:
        links = self.top.get("links") or []
        if not isinstance(links, list):
            raise self.document.error(("topology", "links"), "must be a list of links")
        for number, value in enumerate(links):
            path: KeyPath = ("topology", "links", number)
            link = self._mapping(value, path)
            kind = self._text(link.get("type"), (*path, "type")) or "veth"
            ends = link.get("endpoints")
            where = self.document.where(path)
            if kind != "veth" or not isinstance(ends, list):
                self.notes.append(f"{where}: a link of type {kind} is left out")
                continue
            if len(ends) != 2:
                raise self.document.error((*path, "endpoints"), f"must name two ends, not {len(ends)}")
            a, b = (self._end(end, (*path, "endpoints", side)) for side, end in enumerate(ends))
            strangers = [end.node for end in (a, b) if end.node not in known]
            if strangers and strangers[0] in ("host", "mgmt-net", "macvlan"):
                self.notes.append(f"{where}: the link to {strangers[0]} is left out")
            elif strangers:
                raise self.document.error((*path, "endpoints"), f"no node {strangers[0]!r}")
            else:
                vars_ = self._mapping(link.get("vars"), (*path, "vars"))
                mtu = self._text(link.get("mtu"), (*path, "mtu"))
                yield ClabLink(a, b, mtu, {key: str(value) for key, value in vars_.items()}, where)

    def _end(self, value: Any, path: KeyPath) -> End:
        if isinstance(value, dict):
            words = value.get("node"), value.get("interface")
        else:
            node, _, port = (value if isinstance(value, str) else "").partition(":")
            words = node, port
        if not all(isinstance(word, str) and word for word in words):
            raise self.document.error(path, 'an end is written like "leaf1:eth1"')
        return End(str(words[0]), str(words[1]))

    def _labels(self, level: dict[str, Any], path: KeyPath) -> dict[str, str]:
        labels = self._mapping(level.get("labels"), (*path, "labels"))
        return {key: value for key, value in labels.items() if isinstance(value, str)}

    def _mapping(self, value: Any, path: KeyPath) -> dict[str, Any]:
        if value is not None and not isinstance(value, dict):
            raise self._wrong(path, "a mapping of keys to values")
        return value or {}

    def _text(self, value: Any, path: KeyPath) -> str | None:
        if value is not None and not isinstance(value, str):
            raise self._wrong(path, "text")
        return value

    def _texts(self, level: dict[str, Any], path: KeyPath, key: str) -> list[str]:
        value = level.get(key)
        if value is not None and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
            raise self._wrong((*path, key), "a list of texts")
        return value or []

    def _wrong(self, path: KeyPath, what: str) -> InputError:
        return self.document.error(path, f"must be {what}")
