"""`mrcnet exec`."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

import click

from mrcnet.api.nodes import capture, line_of, without_ip
from mrcnet.cli.command import UsesLab, command, wants_json
from mrcnet.cli.labs import running_plan, the_lab
from mrcnet.cli.output import Answer, progress

PROGRAM = "mrcnet.program"


class WithProgram(UsesLab):
    """A command whose line ends in `-- PROGRAM...`; what stands there is not for click to read."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        ctx.meta[PROGRAM] = args[end + 1 :]
        return super().parse_args(ctx, args[:end])


@command(
    "mrcnet exec 4p-2t0-4t1 p0-t0-0 -- ip -6 route",
    "mrcnet exec h0 -- ip -6 address show dev eth1",
    cls=WithProgram,
)
@click.argument("words", nargs=-1, metavar="[LAB] NODE -- PROGRAM...")
@click.pass_context
def exec_(ctx: click.Context, words: tuple[str, ...]) -> Answer:
    """Run a program on a node.

    Exits with the program's exit code. With --json the output is captured: exit_code, stdout, stderr.
    """
    program = ctx.meta[PROGRAM]
    if len(words) not in (1, 2) or not program:
        raise click.UsageError("write [LAB] NODE -- PROGRAM ...")
    name = the_lab(words[0] if len(words) == 2 else None)
    line = line_of(running_plan(name), name, words[-1], program)
    progress("")
    return _capture(line) if wants_json() else _become(line)


def _become(line: list[str]) -> NoReturn:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and the program would inherit that
    try:
        os.execvp(line[0], line)
    except FileNotFoundError as error:
        raise without_ip() from error


def _capture(line: list[str]) -> Answer:
    done = capture(line)
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode  # as a shell tells a signal
    return Answer({"exit_code": code, "stdout": done.stdout, "stderr": done.stderr}, [], code)
