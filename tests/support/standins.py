"""Programs that pages call and tests do without, each played by the module of its name in this folder.

What a stand-in does, and what it is not, its module says. A page names those that its block is run with:
`sh stand-in=kubectl`.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from tests.support.schemas import ROOT

STAND_INS = frozenset({"containerlab", "kubectl", "wireshark"})


def install(program: str, folder: Path) -> None:
    """Put a stand-in, called as what it stands in for, into a folder for PATH."""
    assert program in STAND_INS
    file = folder / program
    line = f'exec {shlex.quote(sys.executable)} -m tests.support.{program} "$@"'
    file.write_text(f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} {line}\n")
    file.chmod(0o755)
