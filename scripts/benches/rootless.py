"""The demo as an ordinary user, from a fresh clone."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benches.figure import ROOT, Figure, figure

NOBODY = 65534
WITHIN_S = 1_800


def rootless_demo() -> Iterator[Figure]:
    """rootless-demo: scripts/demo of a fresh clone as uid 65534, and again as the root of a user namespace,
    to which the kernel gives no BPF either; the value counts those that failed."""
    folder = Path(tempfile.mkdtemp(prefix="mrcnet-clone-"))
    seconds, faults = [], []
    try:
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder / "mrcnet")], check=True)
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(folder)], check=True)
        for before in ([], ["unshare", "-Urnm"]):
            begun = time.monotonic()
            done = _as_nobody([*before, "scripts/demo"], folder)
            seconds.append(round(time.monotonic() - begun, 1))
            if done.returncode:
                words = (done.stderr + done.stdout).strip()[-1500:]
                faults.append(f"{' '.join(before)}: exit {done.returncode}: {words}")
    finally:
        shutil.rmtree(folder)
        for state in Path("/tmp").glob(f"mrcnet-{NOBODY}-*"):  # of user namespaces that are gone
            shutil.rmtree(state, ignore_errors=True)
    faults += [f"process {pid} is left" for pid in _left()]
    yield figure("rootless-demo", [len(faults)], "failures", 0, at_most=True, seconds=seconds, faults=faults)


def _as_nobody(line: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """A program in the clone, with no home and no sudo."""
    environment = os.environ | {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/nonexistent"}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        line,
        cwd=folder / "mrcnet",
        env=environment,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


def _left() -> list[int]:
    """What still runs of the demo."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if b"mrcnet-clone-" in words and b"mrcnet/kernel/hold.py" in words:
            found.append(int(entry.name))
    return found
