"""The entry point: the list of commands, each loaded when it is called, and what an error looks like."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from mrcnet import __version__
from mrcnet.cli.output import DISK_FULL, line, note
from mrcnet.errors import ExitCode, MrcnetError

# Help for the list stands here, so that the list is printed without loading a single command.
COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "doctor": "Check that this machine can carry a lab.",
        "schema": "Print the JSON Schema of topology, drill, SID scheme, EV profile, events or result files.",
        "plan": "Show addresses, SIDs, EVs and tables of a topology; touches nothing.",
        "size": "Size a fabric: tiers, switches, optics, paths, tables, what failures cost.",
        "graph": "Draw a fabric: hosts, planes, T0s, T1s and links.",
        "render": "Write a fabric as a containerlab topology, with every node's configuration.",
        "import": "Make an mrcnet topology of a containerlab file, and say what could not be carried.",
        "lint": "Read rendered or foreign configurations back into tables, and walk all EVs through them.",
        "up": "Make the kernel hold what a topology says; changes only what differs.",
        "status": "List the running labs.",
        "verify": "Prove every EV of every ordered pair of hosts with packets.",
        "probe": "Find broken links from inside, by probes that come back to their host.",
        "traffic": "Run RDMA traffic between hosts of a lab; every byte is checked where it arrives.",
        "collective": "Run a collective as nccl-tests does: time, algbw, busbw, #wrong for each size.",
        "step": "Run what a training step sends: ZeRO-3, or Megatron's tensor, pipeline and data parallel.",
        "evs": "Show the live EV table of a pair while a run sends between them.",
        "port": "Show a port: what its queue is told, what it counts, what it holds.",
        "capture": "Show or write the frames of a port of a running lab as they come and go, until Ctrl-C.",
        "top": "Watch a lab: goodput and EVs of its planes, ports that mark, trim or drop, recent events.",
        "metrics": "Print what ports and runs of a lab count, as Prometheus reads it.",
        "fault": "Break a link or a port of a lab, or heal it.",
        "drill": "Run a drill: traffic, timed faults, measures, a verdict.",
        "compare-run": "Run a drill over several transports and routings, and hold them side by side.",
        "report": "Make a page of a drill's result: one HTML file that needs nothing else.",
        "compare": "Hold a drill's result against an earlier one.",
        "exec": "Run a program on a node.",
        "down": "Remove a lab and all that belongs to it.",
    }
)
ALIASES: Mapping[str, str] = MappingProxyType({"deploy": "up", "destroy": "down", "inspect": "status"})

# Errors of the system that are the machine's fault wherever they come from.
REMEDIES: Mapping[int, str] = MappingProxyType(
    {
        **dict.fromkeys(DISK_FULL, "make room on the disk"),
        **dict.fromkeys((errno.EPERM, errno.EACCES), "run mrcnet as root (sudo mrcnet ...)"),
        **dict.fromkeys((errno.EMFILE, errno.ENFILE), "raise the limit of open files (ulimit -n)"),
    }
)

INTERRUPTED = 128 + signal.SIGINT


class LazyGroup(click.Group):
    """A group whose commands live in modules of their own names."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        module = name.replace("-", "_")
        found: click.Command = getattr(import_module(f"mrcnet.cli.{module}"), f"{module}_")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [
            CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> NoReturn:
        """Run a command line and exit with an `ExitCode`; a traceback is for MRCNET_DEBUG only."""
        extra["standalone_mode"] = False
        try:
            code = super().main(args, **extra)
        except MrcnetError as error:
            sys.exit(_complain(str(error), error.exit_code))
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except click.Abort:  # what click makes of Ctrl-C, after every clean-up has run
            sys.exit(_complain("interrupted", INTERRUPTED))
        except Exception as error:
            sys.exit(_unexpected(error))
        sys.exit(code or ExitCode.OK)


def _complain(message: str, code: int) -> int:
    note("\n".join(map(line, f"mrcnet: {message}".split("\n"))))
    if os.environ.get("MRCNET_DEBUG"):
        traceback.print_exc()
    return code


def _unexpected(error: Exception) -> int:
    if isinstance(error, OSError) and (remedy := REMEDIES.get(error.errno or 0)):
        return _complain(f"{error}\n  remedy: {remedy}", ExitCode.ENVIRONMENT)
    return _complain(
        f"unexpected {type(error).__name__}: {error}\n"
        "  this is a defect of mrcnet: please report it, with what the command prints under MRCNET_DEBUG=1",
        ExitCode.FAILED,
    )


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "MRCNET"},
    epilog="\b\nExample: mrcnet up 4p-2t0-4t1 && mrcnet verify && mrcnet down\n"
    "Exit codes: 0 ok, 1 a check failed, 2 wrong input, 3 wrong machine, 4 half done: run `mrcnet down`",
)
@click.version_option(__version__, prog_name="mrcnet")
def cli() -> None:
    """A testbed for MRC fabrics: SRv6 uSID planes in the kernel, an MRC end point, timed faults, numbers."""


def main() -> NoReturn:
    """The `mrcnet` program. A TERM or HUP signal ends it like Ctrl-C does: after clean-up."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    cli.main(prog_name="mrcnet")


if __name__ == "__main__":
    main()
