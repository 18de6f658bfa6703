"""Scripts run with nothing behind them: every program that they call only writes down its words."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

CALLED = (
    "ip",
    "sysctl",
    "sonic-db-cli",
    "sonic-cfggen",
    "vtysh",
    "install",
    "ifreload",
    "systemctl",
    "sleep",
)
HELPERS = ("seq", "dirname", "cat", "touch")  # the last for whoever gets out
_STUB = """#!/bin/sh
{{ printf '%s' '{name}'; printf ' <%s>' "$@"; echo; }} >> '{log}'
[ "$*" != "-6 -batch -" ] || cat >> '{log}.batch'
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a script did: its exit code, its calls, words in <>, what `ip -batch` read, files it left."""

    code: int
    calls: list[str]
    batch: str
    left: list[str]


def run_script(text: str, folder: Path) -> Ran:
    """Run a script in an empty folder, where only stand-ins can be called."""
    programs, work, log = folder / "bin", folder / "work", folder / "log"
    programs.mkdir(parents=True)
    work.mkdir()
    for name in CALLED:
        stub = programs / name
        stub.write_text(_STUB.format(name=name, log=log), encoding="utf-8")
        stub.chmod(0o755)
    for name in HELPERS:
        (programs / name).symlink_to(f"/usr/bin/{name}")
    script = work / "setup.sh"
    script.write_text(text, encoding="utf-8", newline="")
    shell = text.splitlines()[0].removeprefix("#!")
    assert 0 == subprocess.run([shell, "-n", str(script)], check=False).returncode
    done = subprocess.run(
        [shell, str(script)],
        cwd=work,
        env={"PATH": str(programs)},
        timeout=30,
        check=False,
        capture_output=True,
    )
    batch = log.with_name("log.batch")
    return Ran(
        done.returncode,
        log.read_text(encoding="utf-8").splitlines() if log.exists() else [],
        batch.read_text(encoding="utf-8") if batch.exists() else "",
        sorted(path.name for path in work.iterdir() if path != script),
    )
