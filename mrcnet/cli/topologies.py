"""From what the user typed to a planned topology: files, stdin, shipped names, the working directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from mrcnet.cli.output import note, progress
from mrcnet.errors import InputError
from mrcnet.plan.build import build_plan
from mrcnet.plan.model import Plan
from mrcnet.plan.parts import Parts
from mrcnet.topology.document import MAX_TEXT, expand
from mrcnet.topology.load import load_text, read_text
from mrcnet.topology.scheme import Scheme
from mrcnet.topology.schemefile import is_file, read_scheme, scheme_of, with_scheme

SHIPPED = Path(str(files("mrcnet"))) / "shipped"
STDIN = "<stdin>"


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a topology, its variables expanded, and the name of the file it came from."""

    text: str
    file: str


def topology_parameters(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the parameter `source`: TOPO, or `-t TOPO` as containerlab has it."""

    def to_source(ctx: click.Context, _: click.Parameter, argument: str | None) -> Source:
        option = ctx.params.pop("topo_option", None)
        typed = ctx.get_parameter_source("topo_option") is ParameterSource.COMMANDLINE
        if argument and typed:
            raise click.UsageError("give the topology once: as TOPO or with -t", ctx)
        return find(argument or option)

    option = click.option(
        "-t",
        "--topo",
        "topo_option",
        metavar="TOPO",
        is_eager=True,
        envvar="MRCNET_TOPO",
        help="The same as the argument TOPO.",
    )
    argument = click.argument("source", metavar="[TOPO]", required=False, callback=to_source)
    return option(argument(function))


def find(name: str | None) -> Source:
    """The topology that the user means.

    `-` is stdin, a directory stands for its topology.yaml, a word that is no file for a shipped topology;
    None for topology.yaml, or else the only *.yaml, of the working directory. Raises InputError with the
    choices when nothing, or too much, fits.
    """
    if name == "-":
        return _whole(_source(sys.stdin.buffer.read(MAX_TEXT + 1), STDIN), Path())
    path = _path(name)
    return _whole(read(path), path.parent)


def _path(name: str | None) -> Path:
    if name is None:
        return _in_working_directory()
    path = Path(name)
    if path.is_dir():
        return path / "topology.yaml"
    if path.exists() or "/" in name:
        return path
    shipped = SHIPPED / "topologies" / f"{name.removesuffix('.yaml')}.yaml"
    if shipped.exists():
        return shipped
    raise unknown("topology", name, [file.stem for file in shipped.parent.glob("*.yaml")])


def _whole(source: Source, folder: Path) -> Source:
    """The same topology, with its scheme in it if that is a file: a lab outlives its files."""

    def scheme(word: str) -> Scheme:
        return scheme_named(word, folder)

    return Source(with_scheme(source.text, source.file, scheme), source.file)


def scheme_named(word: str, folder: Path | None = None) -> Scheme:
    """A shipped SID scheme by name, or that of a file, relative to `folder` (None: to here).

    Raises InputError if there is none, or it is wrong.
    """
    if not is_file(word):
        return scheme_of(word)
    found = read((folder or Path()) / word)
    return read_scheme(found.text, found.file)


def unknown(kind: str, name: str, shipped: Iterable[str]) -> InputError:
    """What to raise when `name` is neither a file nor a shipped thing of this kind; it tells the choice."""
    known = sorted(shipped)
    close = get_close_matches(name, known, 1)
    guess = f"did you mean {close[0]}? " if close else ""
    return InputError(
        f"no file and no shipped {kind} is called {name!r}", remedy=f"{guess}shipped are {', '.join(known)}"
    )


def plan_of(source: Source) -> Plan:
    """Load and plan a topology. Raises InputError with file:line:column."""
    progress(f"planning {source.file}")
    return build_plan(load_text(source.text, source.file, os.environ))


def parts_of(source: Source) -> Parts:
    """Load a topology, to plan parts of it. Raises InputError with file:line:column."""
    progress(f"planning {source.file}")
    return Parts(read_text(source.text, source.file, os.environ))


def _in_working_directory() -> Path:
    default = Path("topology.yaml")
    others = sorted(path for path in Path().glob("*.y*ml") if path.is_file())
    found = [default] if default in others else others
    if len(found) != 1:
        names = ", ".join(path.name for path in found)
        raise InputError(
            f"which topology? there are {names}" if found else "there is no topology.yaml here",
            remedy="name a topology file, or a shipped topology such as 4p-2t0-4t1",
        )
    note(f"using {found[0]}")
    return found[0]


def read(path: Path, *, expanded: bool = True) -> Source:
    """The text of a file, with variables put in if `expanded`.

    Raises InputError if it cannot be read, or is no UTF-8 text.
    """
    try:
        with path.open("rb") as file:
            return _source(file.read(MAX_TEXT + 1), str(path), expanded=expanded)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _source(content: bytes, file: str, *, expanded: bool = True) -> Source:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{file}:{line}: this is not UTF-8 text") from error
    return Source(expand(text, file, os.environ) if expanded else text, file)
