"""`mrcnet import`."""

from __future__ import annotations

from pathlib import Path

import click

from mrcnet.api.topologies import read
from mrcnet.cli.command import command
from mrcnet.cli.output import Answer, line
from mrcnet.errors import InputError
from mrcnet.foreign.clab import is_clab, read_clab
from mrcnet.foreign.compact import is_compact, read_compact
from mrcnet.foreign.convert import Imported, convert
from mrcnet.foreign.roles import read_rules
from mrcnet.report.files import write
from mrcnet.topology.document import Document, parse


@command("mrcnet import lab.clab.yml -o topology.yaml", "mrcnet import lab.clab.yml --map roles.yaml --json")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--map", "mapping", metavar="FILE", type=click.Path(path_type=Path), help="What nodes are, by pattern."
)
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write it there."
)
def import_(file: Path, mapping: Path | None, output: Path | None) -> Answer:
    """Make an mrcnet topology of a containerlab file, and say what could not be carried.

    Roles and planes come from the mapping file, labels, or names such as p0-leaf3, spine-1, host07. Reads the
    compact form planes / spines_per_plane / leaves_per_plane / tenants, too. Nothing in the file is run.
    """
    imported = _import(_document(file), mapping)
    data = {"topology": imported.text, "name": imported.topology.name, "notes": list(imported.notes)}
    if output is None:
        return Answer(data, [*(f"# {line(note)}" for note in imported.notes), imported.text.rstrip("\n")])
    write(output, imported.text)
    return Answer(
        data, [*map(line, imported.notes), f"{output} is written; `mrcnet plan {output}` looks at it"]
    )


def _import(document: Document, mapping: Path | None) -> Imported:
    if is_clab(document):
        return convert(read_clab(document), {} if mapping is None else read_rules(_document(mapping)))
    if is_compact(document):
        return read_compact(document)
    raise InputError(
        f"{document.file} is neither a containerlab topology nor a compact one",
        remedy="a containerlab file has the key topology, a compact one spines_per_plane",
    )


def _document(path: Path) -> Document:
    source = read(path)
    return parse(source.text, source.file)
