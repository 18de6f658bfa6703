"""Text of a topology file to a `Topology`. Reading the file is the caller's job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType

from mrcnet.errors import InputError, Where
from mrcnet.topology.document import Document, expand, parse
from mrcnet.topology.model import Topology
from mrcnet.topology.names import topology_name
from mrcnet.topology.raw import RawTopology
from mrcnet.topology.resolve import resolve
from mrcnet.topology.schema import validate

NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Outline:
    """A topology file that is read and has the right shape, before it is worked out."""

    raw: RawTopology
    document: Document
    name: str


def load_text(text: str, file: str, env: Mapping[str, str] = NO_VARIABLES) -> Topology:
    """Read a topology and work it out.

    `file` stands in error messages, and its stem is the topology's name unless the text gives one.
    `env` holds the values of `${VAR}`. Raises InputError with file:line:column for anything wrong.
    """
    return work_out(read_text(text, file, env))


def read_text(text: str, file: str, env: Mapping[str, str] = NO_VARIABLES) -> Outline:
    """Read a topology without working it out. Parameters and errors are those of `load_text`."""
    document = parse(expand(text, file, env), file)
    raw = validate(document, RawTopology)
    name = raw.name
    if name is None:
        try:
            name = topology_name(PurePath(file).stem)
        except ValueError:
            raise InputError(
                "the topology has no name", where=Where(file), remedy="add `name: ...`"
            ) from None
    return Outline(raw, document, name)


def work_out(outline: Outline) -> Topology:
    """The topology with all its nodes and links. Raises InputError for what cannot be built."""
    return resolve(outline.raw, outline.document, outline.name)
