"""The files that a drill's result goes to, and reading them again."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from mrcnet import __version__
from mrcnet.cli.output import note
from mrcnet.errors import EnvironmentFault, InputError
from mrcnet.report import resultfile
from mrcnet.report.files import probe, write
from mrcnet.report.junit import as_junit
from mrcnet.report.model import Result
from mrcnet.report.pcapng import as_pcapng
from mrcnet.workload.framewindow import Captured, since_start

_FILE = click.Path(path_type=Path, dir_okay=False)
# These do not change what is run, or are said of each run.
_NOT_AGAIN = ("output", "junit", "html", "events", "as_json", "capture", "repeat", "seed", "jobs", "cluster")


@dataclass(frozen=True, slots=True)
class Files:
    """Where a result is wanted: as JSON, as JUnit XML, as a page."""

    output: Path | None
    junit: Path | None
    html: Path | None

    def probe(self) -> None:
        """Refuse before the run, not after it, what cannot be written. Raises EnvironmentFault."""
        for path in (self.output, self.junit, self.html):
            if path is not None:
                probe(path)

    def captures(self, captured: Iterable[Captured], start_at: int, title: str) -> list[dict[str, Any]]:
        """Write the frames that were captured beside the JSON, a file a port; what the result says of them.

        One that cannot be written is said, and left out.
        """
        found = []
        for one in captured if self.output else ():
            assert self.output is not None
            name = f"{self.output.stem}.{one.port.replace(':', '-')}.pcapng"
            since = since_start(one, start_at)
            told = f"{title}; times are fabric time since traffic began"
            if written(
                self.output.with_name(name), as_pcapng(since, one.port, told, f"mrcnet {__version__}")
            ):
                found.append(
                    {"port": one.port, "file": name, "frames": len(since.data), "missed": one.missed}
                )
        return found

    def write(self, data: Mapping[str, Any]) -> bool:
        """Write each, whole or not at all; if one cannot be, say so: the answer is still printed."""
        wanted: list[tuple[Path | None, Callable[[], str]]] = [
            (self.output, partial(resultfile.as_text, data)),
            (self.junit, lambda: as_junit([resultfile.from_data(data)])),
            (self.html, lambda: page(resultfile.from_data(data))),
        ]
        kept = [
            path is None or written(path, make()) for path, make in wanted
        ]  # each, whatever becomes of others
        return all(kept)


def written(path: Path, content: str | bytes) -> bool:
    """Write a file whole or not at all; whether that could be: if not, it is said, and the run goes on."""
    try:
        write(path, content)
    except EnvironmentFault as error:
        note(f"mrcnet: {error}\n  here is the result")
        return False
    return True


def page(result: Result) -> str:
    """The result as a page. What draws it is loaded only here: it takes half a second."""
    from mrcnet.report.page import as_page

    return as_page(result)


def files_parameter(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the parameters `output`, `junit` and `html`: the fields of `Files`."""
    for option in (
        click.option("--html", type=_FILE, help="Also write a page to look at there."),
        click.option("--junit", type=_FILE, help="Also write JUnit XML there, for CI."),
        click.option("-o", "--output", type=_FILE, help="Also write the JSON there."),
    ):
        function = option(function)
    return function


def command_line() -> str:
    """The running command as it was typed, but for where its output goes: to run the same again."""
    ctx = click.get_current_context()
    words = ["mrcnet", ctx.info_name or ""]
    for parameter in ctx.command.params:
        name = parameter.name or ""
        value = ctx.params.get(name)
        given = ctx.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)
        if name in _NOT_AGAIN or not given or value is None or value is False:
            continue
        if isinstance(parameter, click.Option):
            words.append(max(parameter.opts, key=len))
        if value is not True:
            words.append(str(value))
    return shlex.join(words)


def read_result(file: Path) -> Result:
    """A result file. Raises InputError if there is none, or if it is none."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from None
    return resultfile.read(text, str(file))
