"""Interface numbers through a socket's own eyes: it looks into the namespace in which it was created."""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_SIOCGIFINDEX = 0x8933
_IFREQ = struct.Struct("=16si20x")
_MOST_THREADS = 128
T = TypeVar("T")


def interface_number(through: socket.socket, name: str) -> int:
    """The number of an interface, 0 if there is none of that name."""
    try:
        answer = fcntl.ioctl(through.fileno(), _SIOCGIFINDEX, _IFREQ.pack(name.encode(), 0))
    except OSError:
        return 0
    return int(_IFREQ.unpack(answer)[1])


def side_by_side(do: Callable[[T], None], things: Iterable[T]) -> None:
    """Do to all at once what makes the caller wait some 10 ms in the kernel, as with packet sockets."""
    every = list(things)
    if every:
        with ThreadPoolExecutor(min(len(every), _MOST_THREADS)) as pool:
            list(pool.map(do, every))
