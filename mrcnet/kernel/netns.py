"""Network namespaces by name, made in-process and visible to `ip netns` (a fork for each would be 5x slower).

Only the calling thread changes namespace, and always comes back. Meanwhile it bears VISITOR as its name, so
that who ends what lives in a namespace can tell it from a command that only looks in.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mrcnet.errors import EnvironmentFault

DIRECTORY = Path("/run/netns")
PREFIX = "mrcnet-"
VISITOR = "mrcnet visits"

_HERE = "/proc/thread-self/ns/net"
_NEWNET = 0x40000000
_BIND, _REC, _SHARED = 0x1000, 0x4000, 1 << 20
_DETACH = 2
_SET_NAME, _GET_NAME, _NAME_SIZE = 15, 16, 16  # linux/prctl.h
_NEED_ROOT = "run it as root (sudo), or with CAP_SYS_ADMIN and CAP_NET_ADMIN"

_libc = ctypes.CDLL(None, use_errno=True)


def name_of(lab: str, node: str) -> str:
    """What `ip netns list` shows for a node."""
    return f"{PREFIX}{lab}-{node}"


def path_of(lab: str, node: str) -> Path:
    """The file that stands for a node's namespace."""
    return DIRECTORY / name_of(lab, node)


@contextmanager
def inside(path: Path | str) -> Iterator[None]:
    """The calling thread is in the namespace at `path` within the block.

    Sockets opened inside stay there. Raises EnvironmentFault without privilege, OSError if `path` is gone
    or no namespace.
    """
    here = os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)
    name = ctypes.create_string_buffer(_NAME_SIZE)
    _libc.prctl(_GET_NAME, name)
    _libc.prctl(_SET_NAME, VISITOR.encode())
    try:
        there = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _setns(here)
    finally:
        _libc.prctl(_SET_NAME, name)
        os.close(here)


@contextmanager
def fresh() -> Iterator[None]:
    """The calling thread is in a new, nameless namespace within the block."""
    here = os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call("unshare", "cannot make a network namespace", _NEWNET)
        try:
            yield
        finally:
            _setns(here)
    finally:
        os.close(here)


def create(path: Path, furnish: Callable[[], None]) -> None:
    """Make a namespace, call `furnish` inside it, and only then let it be seen at `path`.

    So whoever sees a namespace of ours sees our mark in it. Raises FileExistsError if `path` exists.
    """
    with fresh():
        furnish()
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
        try:
            _mount(_HERE, path, _BIND)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def adopt(there: Path, path: Path) -> None:
    """Give the namespace at `there` a second name, `path`. FileExistsError if that exists."""
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
    try:
        _mount(str(there), path, _BIND)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def delete(path: Path) -> None:
    """Take the name away; the kernel frees the namespace once nothing uses it. No error if it is gone."""
    if _libc.umount2(os.fsencode(path), _DETACH) != 0 and ctypes.get_errno() == errno.EPERM:
        raise EnvironmentFault(f"no permission to remove namespace {path.name}", remedy=_NEED_ROOT)
    path.unlink(missing_ok=True)


def share_directory() -> None:
    """Make /run/netns as `ip netns` does: a shared mount, so that names reach every mount namespace."""
    try:
        DIRECTORY.mkdir(mode=0o755, parents=True, exist_ok=True)
    except PermissionError as error:
        raise EnvironmentFault(f"cannot create {DIRECTORY}", remedy=_NEED_ROOT) from error
    try:
        _mount("none", DIRECTORY, _SHARED | _REC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _mount(str(DIRECTORY), DIRECTORY, _BIND | _REC)  # not a mount point yet
        _mount("none", DIRECTORY, _SHARED | _REC)


def is_namespace(path: Path) -> bool:
    """Whether a namespace, and not an empty file, stands at `path`."""
    try:
        return os.stat(path).st_dev == os.stat(_HERE).st_dev
    except FileNotFoundError:
        return False


def room_for_files(count: int) -> None:
    """See to it that `count` more files can be open. Raises EnvironmentFault if the hard limit is lower."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = count + 64
    if soft != resource.RLIM_INFINITY and soft < want:
        if hard != resource.RLIM_INFINITY and hard < want:
            raise EnvironmentFault(
                f"this fabric needs {want} open files, the limit is {hard}", remedy="raise it: ulimit -n"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (want if hard == resource.RLIM_INFINITY else hard, hard))


def _setns(fd: int) -> None:
    _call("setns", "cannot enter a network namespace", fd, _NEWNET)


def _mount(source: str, target: Path, flags: int) -> None:
    what = f"cannot mount on {target}"
    _call("mount", what, os.fsencode(source), os.fsencode(target), b"none", ctypes.c_ulong(flags), None)


def _call(name: str, what: str, *args: object) -> None:
    if getattr(_libc, name)(*args) != 0:
        code = ctypes.get_errno()
        if code == errno.EPERM:
            raise EnvironmentFault(f"{what}: no permission", remedy=_NEED_ROOT)
        raise OSError(code, f"{what}: {os.strerror(code)}")
