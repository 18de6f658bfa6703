"""Labs without root: an ordinary user's live in user, network and mount namespaces of their own.

A small process, the holder, keeps them from one command to the next; it is found by what the kernel says of
it, from any shell of its user, and ends with the last lab: the last command ends it, or, if that was killed,
it ends by itself. A command on labs goes in first, and is root there. Beyond is the machine as it was: what
is written in the user's folder is the user's.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import ioctl
from pathlib import Path
from typing import NoReturn

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import hold, processes, state
from mrcnet.kernel.privilege import FIRST_USER_NAMESPACE, WORLD, able, inside, user_namespace

AS_ROOT = "or run it as root (sudo)"
_PROGRAM = hold.__file__
_NS_GET_PARENT, _NS_GET_OWNER_UID = 0xB702, 0xB704
_WITHIN_S = 30.0
_POLL_S = 0.02
# What may forbid user namespaces: a setting, the value that does, and what allows them.
_SWITCHES = (
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ("user.max_user_namespaces", "0", "10000"),
)


def enter(*, make: bool) -> None:
    """Run the program that is running inside, from its beginning; return only if it may have labs as it is.

    Nor if there is nothing inside, unless it is to `make` labs. At its end the holder ends, too, if it is no
    longer needed. EnvironmentFault if the machine lets ordinary users have no namespaces.
    """
    if inside():
        atexit.register(leave)
    if able():
        return
    folder = _folder()
    with _locked(folder) as lock:
        holder = _find()
        if holder is None:
            processes.end(_strays(folder))
            if not make and not any(folder.glob("[!.]*.json")):
                return
            holder = _start(folder)
        _join(holder, lock)


def _join(holder: int, lock: int) -> NoReturn:
    """Begin this command anew in the namespaces of the process behind a descriptor."""
    for descriptor in (holder, lock):
        os.set_inheritable(descriptor, True)
    try:
        folder = os.getcwd()
    except FileNotFoundError:  # somebody removed it
        folder = "/"
    again = [sys.executable, *sys.orig_argv[1:]]
    sys.stdout.flush()
    sys.stderr.flush()
    line = [sys.executable, "-I", _PROGRAM, "join", str(holder), str(lock), folder, *again]
    os.execv(line[0], line)


def attempt() -> None:
    """Whether this user may have a holder: makes one and ends it. EnvironmentFault, which says why not."""
    holder = _start(_folder())
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(holder, signal.SIGKILL)
    os.close(holder)


def leave() -> None:
    """End the holder, if there is no lab any more and nobody else is inside."""
    if not inside():
        return
    own = user_namespace("self")
    holder = int(WORLD.read_text().split()[1])
    us = {os.getpid(), holder}
    with suppress(OSError):
        if hold.deserted(us):
            with _locked(state.DIRECTORY):
                if hold.deserted(us) and user_namespace(holder) == own:
                    os.kill(holder, signal.SIGKILL)


def _folder() -> Path:
    """The user's own, with the state of its labs. EnvironmentFault if another's stands in its place."""
    own, user = user_namespace("self"), os.geteuid()
    inner, outer, _ = map(int, Path("/proc/self/uid_map").read_text().split()[:3])
    where = f"{user}" if own == FIRST_USER_NAMESPACE else f"{user - inner + outer}-{own}"
    folder = Path(f"/tmp/mrcnet-{where}")
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError as error:
        raise EnvironmentFault(f"cannot make {folder}: {error.strerror}", remedy=AS_ROOT[3:]) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise EnvironmentFault(
            f"{folder} is not a folder that is yours alone", remedy="look who made it, and remove it"
        )
    return folder


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Nobody begins or ends the holder within the block, nor goes in. The lock's descriptor."""
    descriptor = os.open(folder / hold.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + state.LOCK_PATIENCE_S
        while not hold.flocked(descriptor):
            if time.monotonic() > deadline:
                raise EnvironmentFault(
                    "another command has been entering or leaving your labs' namespaces for"
                    f" {state.LOCK_PATIENCE_S:.0f} s",
                    remedy=f"end it (`fuser {folder / hold.LOCK}` names it)",
                )
            time.sleep(_POLL_S)
        yield descriptor
    finally:
        os.close(descriptor)


def _find() -> int | None:
    """A descriptor of this user's holder; None if there is none. The caller closes it."""
    own, user = user_namespace("self"), os.geteuid()
    for pid in _pids():
        with suppress(OSError):
            if os.stat(f"/proc/{pid}").st_uid != user:
                continue
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if os.fsencode(_PROGRAM) not in words or b"hold" not in words:
                continue
            process = os.pidfd_open(pid)
            if _is_child(pid, own, user) and Path(f"/proc/{pid}/root{WORLD}").exists() and _lives(process):
                return process
            os.close(process)
    return None


def _strays(folder: Path) -> list[int]:
    """What still runs inside though its holder was killed; the labs went with that."""
    own, user, found = user_namespace("self"), os.geteuid(), []
    mine = folder.stat()
    for pid in _pids():
        with suppress(OSError):
            theirs = os.stat(f"/proc/{pid}/root{state.DIRECTORY}")
            if (theirs.st_dev, theirs.st_ino) == (mine.st_dev, mine.st_ino) and _is_child(pid, own, user):
                found.append(pid)
    return found


def _is_child(pid: int, parent: int, user: int) -> bool:
    """Whether a process is in a user namespace that `user` made, right below the namespace `parent`."""
    namespace = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    try:
        above = ioctl(namespace, _NS_GET_PARENT)
        try:
            owner = bytearray(4)
            ioctl(namespace, _NS_GET_OWNER_UID, owner)
            return os.fstat(above).st_ino == parent and int.from_bytes(owner, sys.byteorder) == user
        finally:
            os.close(above)
    finally:
        os.close(namespace)


def _lives(process: int) -> bool:
    return not select.select([process], [], [], 0)[0]


def _start(folder: Path) -> int:
    """A new holder. EnvironmentFault if the machine does not let this user have one."""
    line = [sys.executable, "-I", _PROGRAM, "hold", str(folder)]
    with subprocess.Popen(
        line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True, cwd="/"
    ) as process:
        assert process.stdout is not None
        heard = select.select([process.stdout], [], [], _WITHIN_S)[0]
        words = process.stdout.readline() if heard else f"no answer within {_WITHIN_S:.0f} s"
        if words.strip() != hold.READY:
            process.kill()
            raise EnvironmentFault(
                f"an ordinary user's labs need a user namespace, and cannot have one: {words.strip()}",
                remedy=_remedy(),
            )
        holder = os.pidfd_open(process.pid)
        process.returncode = 0  # nobody waits for it
        return holder


def _remedy() -> str:
    """What would let ordinary users have namespaces: the setting that forbids it, if one does."""
    for name, forbids, allows in _SWITCHES:
        with suppress(OSError):
            if Path("/proc/sys", *name.split(".")).read_text().strip() == forbids:
                return f"sudo sysctl -w {name}={allows}, {AS_ROOT}"
    return f"the sysctls {', '.join(name for name, *_ in _SWITCHES)} may forbid it; {AS_ROOT}"


def _pids() -> list[int]:
    return sorted(int(entry) for entry in os.listdir("/proc") if entry.isdigit())
