"""A containerlab topology as far as a fabric can use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mrcnet.errors import Where
from mrcnet.topology.model import End


@dataclass(frozen=True, slots=True)
class Spoken:
    """A line of somebody's file, and where it stands."""

    text: str
    where: Where


@dataclass(frozen=True, slots=True)
class ClabNode:
    """A node after inheritance. `files`: the host's side of its binds and startup-config, as written."""

    name: str
    kind: str
    group: str
    labels: Mapping[str, str]
    files: tuple[str, ...]
    commands: tuple[Spoken, ...]
    where: Where


@dataclass(frozen=True, slots=True)
class ClabLink:
    """A link between two nodes; `mtu` as written, or None."""

    a: End
    b: End
    mtu: str | None
    vars: Mapping[str, str]
    where: Where


@dataclass(frozen=True, slots=True)
class ClabLab:
    """A containerlab file. `labels` are those of all nodes; `notes` say what was left out in reading."""

    file: str
    name: str | None
    labels: Mapping[str, str]
    nodes: tuple[ClabNode, ...]
    links: tuple[ClabLink, ...]
    notes: tuple[str, ...]
