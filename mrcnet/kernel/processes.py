"""The processes that use a lab: registered runs, and whatever sits in one of its namespaces."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mrcnet.errors import PartialError
from mrcnet.kernel import netns, state

TERM_PATIENCE_S = 5.0
KILL_PATIENCE_S = 5.0
_lock, _blocks = threading.Lock(), Counter[Path]()  # how many blocks registered this process
_LOOKS = 3  # within one, a visit may end and another begin


@contextmanager
def register_run(lab: str) -> Iterator[None]:
    """`down` ends this process if it is still in a block by then; threads of it may be in several."""
    file = state.runs_directory(lab) / str(os.getpid())
    with _lock:
        if not _blocks[file]:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.write_text(started(os.getpid()))
        _blocks[file] += 1
    try:
        yield
    finally:
        with _lock:
            _blocks[file] -= 1
            if not _blocks[file]:
                file.unlink(missing_ok=True)
                with suppress(OSError):
                    file.parent.rmdir()  # if it was the last


def registered(lab: str) -> tuple[int, ...]:
    """The process ids of the lab's runs that are alive: the same process, not just the same number."""
    found = []
    for file in state.runs_directory(lab).glob("*"):
        with suppress(OSError, ValueError):
            if file.read_text() == started(int(file.name)):
                found.append(int(file.name))
    return tuple(found)


def inhabitants(namespaces: Iterable[Path]) -> tuple[int, ...]:
    """Every process, but this one, that lives in one of `namespaces`; not commands that only look in."""
    wanted = set()
    for path in namespaces:
        with suppress(OSError):
            wanted.add(os.stat(path).st_ino)
    found = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()] if wanted else []
    for _ in range(_LOOKS):
        found = [pid for pid in found if pid != os.getpid() and _lives_in(pid, wanted)]
    return tuple(found)


def _lives_in(pid: int, namespaces: Container[int]) -> bool:
    """Whether its namespace is one of these, and it is no visitor there."""
    name = Path(f"/proc/{pid}/comm")
    try:
        return (
            os.stat(f"/proc/{pid}/ns/net").st_ino in namespaces
            and name.read_text().rstrip("\n") != netns.VISITOR
            and os.stat(f"/proc/{pid}/ns/net").st_ino in namespaces
        )
    except OSError:
        return False


def native(pids: Iterable[int]) -> tuple[int, ...]:
    """Those that are in no container: their process ids are of the same namespace as this one's."""
    here = os.stat("/proc/self/ns/pid").st_ino
    found = []
    for pid in pids:
        with suppress(OSError):
            if os.stat(f"/proc/{pid}/ns/pid").st_ino == here:
                found.append(pid)
    return tuple(found)


def end(pids: Iterable[int]) -> None:
    """End each process: politely, then by force. PartialError if one survives even that."""
    handles: dict[int, int] = {}
    for pid in pids:
        if pid != os.getpid():
            with suppress(ProcessLookupError):
                handles[pid] = os.pidfd_open(pid)  # holds on to the process, whatever becomes of its number
    try:
        for number, patience in ((signal.SIGTERM, TERM_PATIENCE_S), (signal.SIGKILL, KILL_PATIENCE_S)):
            for handle in handles.values():
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)
            _await(handles, patience)
        if handles:
            raise PartialError(
                f"processes {sorted(handles)} do not end", remedy="end them, then `mrcnet down`"
            )
    finally:
        for handle in handles.values():
            os.close(handle)


def _await(handles: dict[int, int], patience_s: float) -> None:
    """Wait until the processes are gone, and drop those that are."""
    deadline = time.monotonic() + patience_s
    while handles and (left := deadline - time.monotonic()) > 0:
        poll = select.poll()
        for handle in handles.values():
            poll.register(handle, select.POLLIN)
        gone = {handle for handle, _ in poll.poll(left * 1000)}
        for pid in [pid for pid, handle in handles.items() if handle in gone]:
            os.close(handles.pop(pid))


def started(pid: int) -> str:
    """When a process started, in the kernel's ticks since boot. Raises OSError if there is none."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
