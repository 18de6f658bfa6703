"""Every command explains itself, and the list of commands costs nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mrcnet import __version__
from mrcnet.cli.main import ALIASES, COMMANDS, cli
from tests.unit.plan.fabrics import ROOT

from .conftest import Run


@pytest.mark.parametrize("name", [*COMMANDS, *ALIASES])
def test_help_has_an_example(run: Run, name: str) -> None:
    """`--help` of every command succeeds and ends with a line to copy."""
    ran = run(name, "--help")
    assert 0 == ran.code
    assert "Example: mrcnet " in ran.out
    assert "--json" in ran.out


@pytest.mark.parametrize("name", COMMANDS)
def test_list_and_command_say_the_same(name: str) -> None:
    """What the list says of a command is the first line of the command's own help."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert COMMANDS[name] == (command.help or "").splitlines()[0]


def test_list_loads_no_command() -> None:
    """`mrcnet --help` is quick because it loads nothing that a single command needs."""
    code = (
        "import sys\n"
        "from mrcnet.cli.main import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "heavy = {'numpy', 'pydantic', 'yaml', 'pyroute2', 'mrcnet.plan', 'mrcnet.kernel'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ("", 0) == (done.stderr, done.returncode)
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", ["up", "down", "status", "exec", "plan"])
def test_fabrics_come_without_end_points(command: str) -> None:
    """What touches no end point does not wait for the library that compiles their loops."""
    code = f"import sys, mrcnet.cli.{command}; sys.exit('numba' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode


def test_list_names_the_exit_codes(run: Run) -> None:
    """What an exit code means can be looked up at the terminal."""
    assert "4 half done: run `mrcnet down`" in run("--help").out


def test_version(run: Run) -> None:
    """`--version` names the package's version."""
    assert f"mrcnet, version {__version__}\n" == run("--version").out


@pytest.mark.parametrize(
    ("words", "choices"),
    [("mrcnet d", ["doctor", "drill", "down"]), ("mrcnet plan --pa", ["--pair"])],
)
def test_completion(run: Run, words: str, choices: list[str]) -> None:
    """The shell completes commands and options."""
    ran = run(COMP_WORDS=words, COMP_CWORD=str(words.count(" ")), _MRCNET_COMPLETE="bash_complete")
    assert choices == [line.partition(",")[2] for line in ran.out.split()]


def test_bash_takes_the_completion(tmp_path: Path) -> None:
    """What ~/.bashrc is told to eval makes bash itself complete `mrcnet d`."""
    program = tmp_path / "mrcnet"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m mrcnet.cli.main "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(_MRCNET_COMPLETE=bash_source mrcnet)"; set -- $(complete -p mrcnet); '
        'while [ "$1" != -F ]; do shift; done; COMP_WORDS=(mrcnet d); COMP_CWORD=1; "$2" mrcnet d mrcnet; '
        'echo "${COMPREPLY[@]}"'
    )
    paths = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", script], env=os.environ | paths, capture_output=True, text=True, check=False
    )
    assert ("doctor drill down\n", 0) == (done.stdout, done.returncode), done.stderr
