"""A program of its own, standard library only: makes, and enters, the namespaces of an ordinary user's labs.

The kernel lets a process into another user namespace only while it has a single thread, and gives it
privilege there with the next program that it becomes. So `mrcnet` becomes this, and this `mrcnet` again. See
`holder`, which calls it: `hold FOLDER` or `join HOLDER LOCK FOLDER PROGRAM...`.
"""

import ctypes
import fcntl
import os
import sys
import time
from collections.abc import Container
from glob import glob

RUN = "/run"
WORLD = f"{RUN}/.mrcnet"  # says inside which user namespace one is in, and who holds it
OURS = ("netns", "mrcnet", "mrcnet-frr", "host", ".mrcnet")
READY = "ready"
LOCK = "holder"  # in the folder: held by who begins or ends a holder, or goes in
_LABS = ("mrcnet/[!.]*.json", "mrcnet/[!.]*.clab", "mrcnet/.*.*", "netns/mrcnet-*")  # what there is of any
_LOOK_EVERY_S = 2.0
_NEWUSER, _NEWNS, _NEWNET = 0x10000000, 0x00020000, 0x40000000
_NOSUID, _NODEV, _BIND, _REC, _SLAVE = 2, 4, 0x1000, 0x4000, 1 << 19
_libc = ctypes.CDLL(None, use_errno=True)


def hold(folder: str) -> None:
    """Make the namespaces, say so on stdout, and keep them until somebody ends this process, or nobody has
    use for it: whoever was to end it may have been killed.

    The user is root inside, and nobody else is there. /run is what it was, but for what labs keep in it:
    their state is the user's folder.
    """
    user, group = os.geteuid(), os.getegid()
    _call("unshare", "make a user namespace", _NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        _write(f"/proc/self/{name}", text)
    _call("unshare", "make a network and a mount namespace", _NEWNS | _NEWNET)
    _mount("none", "/", _SLAVE | _REC)
    _furnish(folder)
    kept = os.open(folder, os.O_RDONLY)
    fcntl.flock(kept, fcntl.LOCK_SH)  # who clears /tmp of old files passes over a folder that is locked
    print(READY, flush=True)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    lock = os.open(f"{folder}/{LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    ours = {os.getpid()}
    while True:
        time.sleep(_LOOK_EVERY_S)
        if deserted(ours) and flocked(lock):  # nobody can come in from now on
            if deserted(ours):
                return
            fcntl.flock(lock, fcntl.LOCK_UN)


def deserted(besides: Container[int]) -> bool:
    """Whether there is no lab in these namespaces, and no process in them but `besides`."""
    if any(glob(f"{RUN}/{form}") for form in _LABS):
        return False
    here = os.stat("/proc/self/ns/user").st_ino
    return not any(
        _is_in(pid, here) for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if pid not in besides
    )


def _is_in(pid: int, user_namespace: int) -> bool:
    try:
        return os.stat(f"/proc/{pid}/ns/user").st_ino == user_namespace
    except OSError:  # gone, or another user's
        return False


def flocked(descriptor: int) -> bool:
    """Whether this process has the lock now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _furnish(folder: str) -> None:
    before, names = os.open(RUN, os.O_PATH), os.listdir(RUN)
    _mount("tmpfs", RUN, _NOSUID | _NODEV, kind="tmpfs", data="mode=755")
    os.mkdir(f"{RUN}/host")
    _mount(f"/proc/self/fd/{before}", f"{RUN}/host", _BIND | _REC)
    for name in names:
        if name not in OURS:
            os.symlink(f"host/{name}", f"{RUN}/{name}")
    os.mkdir(f"{RUN}/mrcnet", 0o700)
    _mount(folder, f"{RUN}/mrcnet", _BIND)
    _write(WORLD, f"{os.stat('/proc/self/ns/user').st_ino} {os.getpid()}")


def join(holder: int, lock: int, folder: str, program: list[str]) -> None:
    """Enter the namespaces of the process behind a descriptor, let go of the lock, and become `program`."""
    _call("setns", "enter the namespaces of labs", holder, _NEWUSER | _NEWNS | _NEWNET)
    os.close(holder)
    os.close(lock)
    try:
        os.chdir(folder)
    except OSError:
        os.chdir("/")
    os.execv(program[0], program)


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError as error:
        raise OSError(error.errno, f"write {path}: {error.strerror}") from None


def _mount(source: str, target: str, flags: int, kind: str = "none", data: str = "") -> None:
    words = (os.fsencode(one) for one in (source, target, kind))
    _call("mount", f"mount on {target}", *words, ctypes.c_ulong(flags), os.fsencode(data))


def _call(name: str, what: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    try:
        hold(*words) if verb == "hold" else join(int(words[0]), int(words[1]), words[2], words[3:])
    except OSError as error:
        print(error.strerror, file=sys.stdout if verb == "hold" else sys.stderr)
        sys.exit(3)
