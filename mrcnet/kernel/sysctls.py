"""net.ipv6.conf of the namespace in which the calling thread is."""

from __future__ import annotations

import os
from collections.abc import Iterable

from mrcnet.kernel.desired import namespace_sysctls
from mrcnet.kernel.model import Sysctl
from mrcnet.topology.model import Role

_TREE = "/proc/sys/net/ipv6/conf"
_WATCHED = tuple((scope, name) for scope, name, _ in namespace_sysctls(Role.T0))


def write(settings: Iterable[Sysctl]) -> None:
    """Set each. Raises OSError if the kernel has no such setting."""
    for one in settings:
        descriptor = os.open(f"{_TREE}/{one.scope}/{one.name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, one.value.encode())
        finally:
            os.close(descriptor)


def read() -> list[Sysctl]:
    """The settings of the namespace as a whole that a plan has a say in."""
    return [Sysctl(scope, name, _read(scope, name)) for scope, name in _WATCHED]


def _read(scope: str, name: str) -> str:
    try:
        descriptor = os.open(f"{_TREE}/{scope}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    try:
        return os.read(descriptor, 64).decode().strip()
    finally:
        os.close(descriptor)
