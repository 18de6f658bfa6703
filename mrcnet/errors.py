"""The one tree of errors: whose fault it is, where, and what to do.

Every error a user can meet is an `MrcnetError`. The command line prints `str(error)` on stderr and
exits with `error.exit_code`; nothing else decides exit codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit status says, for scripts."""

    OK = 0
    FAILED = 1  # a check or a drill failed
    USAGE = 2  # the caller's words, or a file's, are wrong
    ENVIRONMENT = 3  # privilege, kernel feature, disk: the machine's fault
    PARTIAL = 4  # something was left half-made: run `mrcnet down`


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file; line and column count from 1, 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class MrcnetError(Exception):
    """Base of all errors meant for the user."""

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, where: Where | None = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f"\n  remedy: {self.remedy}" if self.remedy else ""
        return f"{place}{self.message}{remedy}"


class InputError(MrcnetError):
    """A topology, a drill file or an argument is wrong."""

    exit_code = ExitCode.USAGE


class EnvironmentFault(MrcnetError):
    """The machine lacks a privilege, a kernel feature, a program or room on a disk."""

    exit_code = ExitCode.ENVIRONMENT


class PartialError(MrcnetError):
    """A change stopped half way; `mrcnet down` cleans what it left."""

    exit_code = ExitCode.PARTIAL


class CheckFailed(MrcnetError):
    """A verification or a drill ran to its end and its verdict is no."""

    exit_code = ExitCode.FAILED
