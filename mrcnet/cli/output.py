"""What commands print: one answer on stdout, as text or as one JSON object; notes on stderr."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from mrcnet.errors import EnvironmentFault, ExitCode

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found out.

    `data` is the JSON object; `lines` the same for people, made only when they are wanted; `exit_code` may
    also be that of a program that the command ran.
    """

    data: Mapping[str, Any]
    lines: Iterable[str]
    exit_code: int = ExitCode.OK


def show(answer: Answer, as_json: bool) -> None:
    """Print an answer; a reader that leaves early is no error. Raises EnvironmentFault if stdout is full."""
    text = json.dumps(answer.data) if as_json else "\n".join(answer.lines)
    try:
        click.echo(text, nl=bool(text))
    except BrokenPipeError:
        silence_stdout()
    except OSError as error:
        silence_stdout()
        remedy = "make room on the disk" if error.errno in DISK_FULL else None
        raise EnvironmentFault(f"cannot write the output: {error.strerror}", remedy=remedy) from error


def silence_stdout() -> None:
    """Drop what stdout still holds, so that the interpreter does not try to write it again at its end."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError):  # not a real file
        pass


def note(message: str) -> None:
    """Tell the user something beside the answer."""
    click.echo(message, err=True)


def progress(message: str) -> None:
    """Show on one line of the terminal what is going on; an empty message clears it. Silent elsewhere."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{message}", err=True, nl=False)


def line(text: str) -> str:
    """Other people's words on a line of their own: what is not printable could be a terminal's command."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Columns under a heading, as wide as they must be; numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    if not cells:
        return []
    right = [all(_is_number(row[column]) for row in cells) for column in range(len(head))]
    widths = [max(len(row[column]) for row in [list(head), *cells]) for column in range(len(head))]
    return [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in [list(head), *cells]
    ]


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).removeprefix("-").isdigit()
