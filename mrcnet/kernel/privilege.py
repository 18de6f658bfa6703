"""May this process have labs: as root, or inside the namespaces of an ordinary user's (see `holder`)?"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import hold

WORLD = Path(hold.WORLD)
FIRST_USER_NAMESPACE = 0xEFFFFFFD  # the inode that the kernel gives it
_NEEDED = ((12, "CAP_NET_ADMIN"), (13, "CAP_NET_RAW"), (21, "CAP_SYS_ADMIN"))


def able() -> bool:
    """Whether this process may have labs as it is: root's, or, inside, its user's."""
    return inside() or not lacking()


def lacking() -> str:
    """What keeps this process from having the machine's own labs; empty if nothing does."""
    words = Path("/proc/self/status").read_text()
    held = int(words.partition("CapEff:")[2].split()[0], 16)
    missing = [name for bit, name in _NEEDED if not held >> bit & 1]
    if missing:
        return f"{missing[0]} is missing"
    return "" if user_namespace("self") == FIRST_USER_NAMESPACE else "this is another user namespace"


def demand() -> None:
    """Raise EnvironmentFault for a program that may have no labs as it is."""
    if not able():
        raise EnvironmentFault(
            f"no privilege to make a lab: {lacking()}",
            remedy="`mrcnet up` needs none; a program of yours begins with mrcnet.api.enter(),"
            " or runs as root (sudo)",
        )


def ordinary() -> bool:
    """Whether the machine's own labs, which are root's, are beyond this process."""
    return inside() or bool(lacking())


def inside() -> bool:
    """Whether this process is in the namespaces of a holder."""
    with suppress(OSError, ValueError):
        return int(WORLD.read_text().split()[0]) == user_namespace("self")
    return False


def user_namespace(pid: int | str) -> int:
    """The inode of a process's user namespace. Raises OSError."""
    return os.stat(f"/proc/{pid}/ns/user").st_ino
