"""The program `containerlab`: deploy a file, destroy what came of it, say which containers a lab has."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mrcnet.errors import EnvironmentFault, PartialError
from mrcnet.kernel import netns, privilege

PROGRAM = "containerlab"
REMEDY = "install containerlab (containerlab.dev/install), or `mrcnet render` and deploy the files elsewhere"
RUNNING = "running"
_PREFIX = "clab"  # of containers' names, for files that say nothing of it
_DEPLOY_WITHIN_S = 1800.0  # images of switches may take minutes to begin
_REST_WITHIN_S = 300.0
_LAST_WORDS = 5
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def demand() -> str:
    """Where the program is. EnvironmentFault with what installs it, or if only root can have its labs."""
    if privilege.inside():
        raise EnvironmentFault("the namespaces of containers are root's", remedy="sudo mrcnet up ...")
    path = shutil.which(PROGRAM)
    if path is None:
        raise EnvironmentFault(f"there is no program `{PROGRAM}`", remedy=REMEDY)
    return path


def container_of(lab: str, node: str) -> str:
    """What containerlab calls a node's container, and its namespace under /run/netns."""
    return f"{_PREFIX}-{lab}-{node}"


def space_of(lab: str, node: str) -> Path:
    """The namespace of a node's container."""
    return netns.DIRECTORY / container_of(lab, node)


def deploy(file: Path, lock: int) -> None:
    """Deploy a file. `lock`: the descriptor of the lab's lock, which is held for as long as this lasts.

    EnvironmentFault with the program's last words if it fails.
    """
    done = _run(["deploy", "-t", str(file)], _DEPLOY_WITHIN_S, lock)
    if done.returncode:
        raise EnvironmentFault(
            f"`{PROGRAM} deploy` failed: {_words(done)}", remedy="are Docker and the images there?"
        )


def destroy(file: Path, lab: str, lock: int) -> None:
    """Remove what containerlab made of a file; no error if it is gone. PartialError if something is left."""
    done = _run(["destroy", "-t", str(file), "--cleanup"], _REST_WITHIN_S, lock)
    if done.returncode and inspect(lab):
        raise PartialError(
            f"`{PROGRAM} destroy` failed: {_words(done)}",
            remedy=f"`{PROGRAM} destroy -t {file}`, then `mrcnet down {lab}`",
        )


def inspect(lab: str) -> Mapping[str, str]:
    """The state of every container of a lab, by the container's name; empty if there is no such lab.

    EnvironmentFault if what the program prints cannot be read.
    """
    done = _run(["inspect", "--name", lab, "--format", "json"], _REST_WITHIN_S)
    if done.returncode:
        return {}
    try:
        document = json.loads(done.stdout.strip() or "{}")
        rows = document.values() if isinstance(document, dict) else [document]
        return {str(one["name"]): str(one["state"]) for row in rows for one in row or () if _is_of(one, lab)}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise EnvironmentFault(
            f"`{PROGRAM} inspect` says what cannot be read: {done.stdout[:80]!r}",
            remedy="is it a version of 0.70 to 0.81?",
        ) from None


def _is_of(container: Any, lab: str) -> bool:
    """Older releases print one list, newer ones a list a lab."""
    return str(container.get("lab_name", lab)) == lab


def _run(words: Sequence[str], within_s: float, lock: int | None = None) -> subprocess.CompletedProcess[str]:
    line = [demand(), *words]
    parent = os.getpid()

    def die_with_parent() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it had ended before
            os._exit(1)

    try:
        return subprocess.run(
            line,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=within_s,
            pass_fds=() if lock is None else (lock,),
            preexec_fn=die_with_parent,
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentFault(
            f"`{PROGRAM} {words[0]}` has not ended within {within_s:.0f} s",
            remedy="`docker ps -a` and `docker logs` tell what it waits for",
        ) from None
    except OSError as error:
        raise EnvironmentFault(f"cannot run {line[0]}: {error.strerror}", remedy=REMEDY) from error


def _words(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return " | ".join(lines[-_LAST_WORDS:]) or f"exit code {done.returncode}"
