"""Where drills are found, and the topologies that they name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mrcnet.api.topologies import SHIPPED, Source, find, unknown
from mrcnet.drill.load import load_drills
from mrcnet.drill.model import Drill
from mrcnet.errors import InputError


def read_drill(file: Path) -> tuple[Drill, Source]:
    """The first choice of a drill's matrix, or the drill if it has none, and its topology."""
    return read_drills(file)[0]


def read_drills(file: Path, variables: Mapping[str, str] = os.environ) -> tuple[tuple[Drill, Source], ...]:
    """Every choice of a drill's matrix, and the topology that it names, relative to the file (or shipped).

    `file` is a drill file, the folder of a lab, or, if there is nothing of that name, a shipped lab;
    `variables` are put into its text.
    """
    path = drill_file(file)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    return tuple((drill, _source(path, drill)) for drill in load_drills(text, str(path), variables))


def _source(path: Path, drill: Drill) -> Source:
    beside = path.parent / drill.topology
    try:
        return find(str(beside) if beside.exists() else drill.topology)
    except InputError as error:
        where = error.where or drill.topology_where
        raise InputError(error.message, where=where, remedy=error.remedy) from None


def drill_file(file: Path) -> Path:
    """The drill file that is meant: itself, of a folder, of a shipped lab."""
    if file.is_dir():
        return file / "drill.yaml"
    if file.exists() or file.suffix or len(file.parts) > 1:
        return file
    shipped = SHIPPED / "labs" / file / "drill.yaml"
    if shipped.exists():
        return shipped
    raise unknown("lab", str(file), [folder.parent.name for folder in SHIPPED.glob("labs/*/drill.yaml")])
