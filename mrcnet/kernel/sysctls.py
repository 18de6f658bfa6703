"""net.ipv6.conf, and how multipath routes hash, of the namespace in which the calling thread is."""

from __future__ import annotations

import os
from collections.abc import Iterable

from mrcnet.kernel.desired import HASH_POLICY, HASH_SEED, namespace_sysctls
from mrcnet.kernel.model import Sysctl
from mrcnet.topology.model import Role

_TREE = "/proc/sys"
_WATCHED = (
    *((scope, name) for scope, name, _ in namespace_sysctls(Role.T0)),
    ("", HASH_POLICY),
    ("", HASH_SEED),
)


def write(settings: Iterable[Sysctl]) -> None:
    """Set each. Raises OSError if the kernel has no such setting, but for the one that 6.11 brought."""
    for one in settings:
        path = _path(one.scope, one.name)
        if one.name == HASH_SEED and not os.path.exists(path):
            continue
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, one.value.encode())
        finally:
            os.close(descriptor)


def read() -> list[Sysctl]:
    """The settings of the namespace as a whole that a plan has a say in."""
    return [Sysctl(scope, name, _read(scope, name)) for scope, name in _WATCHED]


def _path(scope: str, name: str) -> str:
    return f"{_TREE}/net/ipv6/conf/{scope}/{name}" if scope else f"{_TREE}/{name.replace('.', '/')}"


def _read(scope: str, name: str) -> str:
    try:
        descriptor = os.open(_path(scope, name), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    try:
        return os.read(descriptor, 64).decode().strip()
    finally:
        os.close(descriptor)
