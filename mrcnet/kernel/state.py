"""What must be remembered of a lab between commands: its topology's text, and which names are ours to make.

The truth is in the kernel; losing these files costs the text of the topology, nothing else.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mrcnet.errors import EnvironmentFault, MrcnetError
from mrcnet.kernel.marks import is_node, lab_name

DIRECTORY = Path("/run/mrcnet")
LOCK_PATIENCE_S = 60.0
_VERSION = 1
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class PortMacs:
    """A port's own MAC and its next hop's, where they are not the plan's."""

    node: str
    port: str
    mac: str
    peer_mac: str


@dataclass(frozen=True, slots=True)
class Containers:
    """What a lab of containers was rendered for. `whole`: all of it came up."""

    nos: str
    mixed: bool
    whole: bool = False
    macs: tuple[PortMacs, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """A lab's memory. `nodes` is a journal: every node whose namespace may exist, also half-made.

    `dilation` is the one that it runs at, which the text may leave to `auto`. `degraded`: the parts of its
    ports' model that the machine did not give (`parts.missing`). `containers`: of a lab whose nodes another
    program made.
    """

    lab: str
    file: str
    text: str
    nodes: tuple[str, ...]
    dilation: int = 1
    degraded: tuple[str, ...] = ()
    containers: Containers | None = None


def save(stored: Stored) -> None:
    """Write a lab's memory, wholly or not at all."""
    make_directory()
    draft = DIRECTORY / f".{stored.lab}.{os.getpid()}"
    try:
        draft.write_text(json.dumps({"version": _VERSION, **asdict(stored)}))
        draft.replace(_file(stored.lab))
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise EnvironmentFault(f"cannot write {_file(stored.lab)}: {error.strerror}") from error


def recall(lab: str) -> Stored | None:
    """A lab's memory; None if there is none that can be read."""
    try:
        document = json.loads(_file(lab).read_text())
        if document.pop("version") != _VERSION:
            return None
        nodes = tuple(map(str, document["nodes"]))
        if not all(map(is_node, nodes)):
            return None  # somebody wrote it who is not us
        dilation = int(document.get("dilation", 1))
        degraded = tuple(map(str, document.get("degraded", ())))
        name, file, text = (str(document[key]) for key in ("lab", "file", "text"))
        containers = _containers(document.get("containers"))
        return Stored(name, file, text, nodes, dilation, degraded, containers)
    except PermissionError as error:
        raise EnvironmentFault(f"cannot read {_file(lab)}", remedy="run it as root (sudo)") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _containers(document: Any) -> Containers | None:
    """Raises KeyError or TypeError for what is no description of containers."""
    if document is None:
        return None
    macs = tuple(PortMacs(**one) for one in document["macs"])
    return Containers(str(document["nos"]), bool(document["mixed"]), bool(document["whole"]), macs)


def forget(lab: str) -> None:
    """Remove all files of a lab but its lock."""
    for draft in DIRECTORY.glob(f".{lab}.*"):
        whose = draft.name.removeprefix(f".{lab}.").removeprefix("delays-")
        if whose.isdigit():  # else it is another lab's, whose name begins like this one's
            draft.unlink(missing_ok=True)
    forget_runs(lab)
    delays_file(lab).unlink(missing_ok=True)
    shutil.rmtree(folder(lab), ignore_errors=True)
    _file(lab).unlink(missing_ok=True)  # the last: while it is there, `down` can be called again


def forget_runs(lab: str) -> None:
    """Remove what runs that are no more left of their registration."""
    for run in runs_directory(lab).glob("*"):
        run.unlink(missing_ok=True)
    with suppress(OSError):
        runs_directory(lab).rmdir()


def remembered() -> tuple[str, ...]:
    """Every lab with a file, readable or not, or with the draft of one that was killed."""
    drafts = {file.name[1:].rpartition(".")[0] for file in DIRECTORY.glob(".*.*")}
    folders = {file.stem for file in DIRECTORY.glob("[!.]*.clab")}
    return tuple(sorted({file.stem for file in DIRECTORY.glob("[!.]*.json")} | drafts | folders))


def sweep() -> None:
    """Remove the locks that nobody holds and no lab needs."""
    for file in DIRECTORY.glob("*.lock"):
        with suppress(MrcnetError), locked(file.stem, patience_s=0):
            pass  # letting go of a lock removes it, if the lab has no memory


def runs_directory(lab: str) -> Path:
    """Where the runs of a lab (traffic, drills) register."""
    return DIRECTORY / f"{lab_name(lab)}.runs"


def delays_file(lab: str) -> Path:
    """Which links of a lab are longer on purpose (`kernel.delays`)."""
    return DIRECTORY / f"{lab_name(lab)}.delays"


def folder(lab: str) -> Path:
    """The rendered files of a lab of containers."""
    return DIRECTORY / f"{lab_name(lab)}.clab"


@contextmanager
def locked(lab: str, patience_s: float = LOCK_PATIENCE_S) -> Iterator[int]:
    """Nobody else changes the lab within the block. EnvironmentFault if another does for too long.

    A process that inherits the descriptor holds on to the lock, too.
    """
    path = DIRECTORY / f"{lab_name(lab)}.lock"
    deadline = time.monotonic() + patience_s
    while (descriptor := _try_lock(path)) is None:
        if time.monotonic() > deadline:
            raise EnvironmentFault(
                f"another command has been changing lab {lab!r} for {patience_s:.0f} s",
                remedy="wait for it, or end it (`fuser " + str(path) + "` names it)",
            )
        time.sleep(_POLL_S)
    try:
        yield descriptor
    finally:
        if not _file(lab).exists():
            path.unlink(missing_ok=True)  # while it is held: whoever waits for it sees that it is gone
        os.close(descriptor)


def _try_lock(path: Path) -> int | None:
    make_directory()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(path).st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def make_directory() -> None:
    """Where all of this stands; root's own."""
    try:
        DIRECTORY.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot create {DIRECTORY}: {error.strerror}", remedy="run it as root (sudo)"
        ) from error


def _file(lab: str) -> Path:
    return DIRECTORY / f"{lab_name(lab)}.json"
