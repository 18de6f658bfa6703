"""From a name to a planned topology: files, stdin, shipped names, the working directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

from mrcnet.api.telling import Tell, silent
from mrcnet.errors import InputError
from mrcnet.extensions import SCHEMES, Extension, extension, names
from mrcnet.plan.build import build_plan
from mrcnet.plan.model import Finding, Plan
from mrcnet.plan.parts import Parts
from mrcnet.topology.document import MAX_TEXT, expand
from mrcnet.topology.load import load_text, read_text
from mrcnet.topology.scheme import Scheme
from mrcnet.topology.schemefile import is_file, read_scheme, scheme_of, shipped, with_scheme

SHIPPED = Path(str(files("mrcnet"))) / "shipped"
STDIN = "<stdin>"


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a topology, its variables expanded, and the name of the file it came from."""

    text: str
    file: str


def find(name: str | Path | None, note: Tell = silent) -> Source:
    """The topology that is meant.

    `-` is stdin, a directory stands for its topology.yaml, a word that is no file for a shipped topology;
    None for topology.yaml, or else the only *.yaml, of the working directory, which is noted. Raises
    InputError with the choices when nothing, or too much, fits.
    """
    if name == "-":
        return _whole(_source(sys.stdin.buffer.read(MAX_TEXT + 1), STDIN), Path())
    path = _path(name, note)
    return _whole(read(path), path.parent)


def _path(name: str | Path | None, note: Tell) -> Path:
    if name is None:
        return _in_working_directory(note)
    path = Path(name)
    if path.is_dir():
        return path / "topology.yaml"
    if path.exists() or "/" in str(name):
        return path
    shipped = SHIPPED / "topologies" / f"{str(name).removesuffix('.yaml')}.yaml"
    if shipped.exists():
        return shipped
    raise unknown("topology", str(name), [file.stem for file in shipped.parent.glob("*.yaml")])


def _whole(source: Source, folder: Path) -> Source:
    """The same topology, with its scheme in it if that is a file: a lab outlives its files."""

    def scheme(word: str) -> Scheme:
        return scheme_named(word, folder)

    return Source(with_scheme(source.text, source.file, scheme, _outside), source.file)


def scheme_named(word: str, folder: Path | None = None) -> Scheme:
    """A SID scheme by name, shipped or added, or that of a file, relative to `folder` (None: to here).

    Raises InputError if there is none, or it is wrong; EnvironmentFault for one that is added and wrong.
    """
    if not _outside(word):
        return scheme_of(word)
    if (added := extension(SCHEMES, word)) is not None:
        return _added(added)
    found = read((folder or Path()) / word)
    return read_scheme(found.text, found.file)


def _outside(word: str) -> bool:
    """Whether a scheme is neither a text nor shipped, but a file, or another distribution's."""
    return is_file(word) or (word not in shipped() and word in names(SCHEMES))


def _added(added: Extension) -> Scheme:
    """Another distribution's scheme: a `Scheme`, or the path of its file."""
    scheme = added.load()
    if isinstance(scheme, str | Path):
        try:
            found = read(Path(scheme))
            scheme = read_scheme(found.text, found.file)
        except InputError as error:
            raise added.broken(str(error)) from error
    if not isinstance(scheme, Scheme):
        raise added.broken(f"it is no Scheme and no path, but {type(scheme).__name__}")
    return scheme


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
    return build_plan(load_text(source.text, source.file, os.environ))


def parts_of(source: Source) -> Parts:
    """Load a topology, to plan parts of it. Raises InputError with file:line:column."""
    return Parts(read_text(source.text, source.file, os.environ))


def load_plan(name: str | Path | None, note: Tell = silent) -> Plan:
    """The plan of the topology that is meant (see `find`). InputError also if it would not work."""
    source = find(name, note)
    plan = plan_of(source)
    refuse_errors(plan, source, note)
    return plan


def refuse_errors(plan: Plan, source: Source, note: Tell = silent) -> None:
    """Raise InputError if lint found what would not work; note what it only remarks on."""
    errors = [finding for finding in plan.lint if finding.severity == "error"]
    if errors:
        raise InputError(f"{source.file}: this fabric would not work\n  " + "\n  ".join(lint_lines(errors)))
    for line in lint_lines(plan.lint):
        note(line)


def lint_lines(findings: Iterable[Finding]) -> list[str]:
    """Findings for people, one a line."""
    return [f"{finding.severity}: {finding.message} [{finding.code}]" for finding in findings]


def _in_working_directory(note: Tell) -> Path:
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
