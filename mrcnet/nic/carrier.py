"""Which ports of a host have a link: asked of the kernel now and then, as a NIC's driver would be told."""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Iterator, Sequence

_SIOCGIFFLAGS = 0x8913
_IFREQ = struct.Struct("16sH22x")
_UP_AND_RUNNING = 0x1 | 0x40  # IFF_UP, IFF_RUNNING: the second goes with the far end
EVERY_NS = 20_000_000  # wall time between two looks


class Carrier:
    """Watches the ports `names` of the namespace it is created in; all count as up to begin with."""

    def __init__(self, names: Sequence[str]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._requests = [_IFREQ.pack(name.encode(), 0) for name in names]
        self._up = [True] * len(names)
        self._due = 0

    def changes(self, wall_ns: int) -> Iterator[tuple[int, bool]]:
        """(port number, up) of each port whose link came or went; looks at most every 20 ms."""
        if wall_ns < self._due:
            return
        self._due = wall_ns + EVERY_NS
        for number, request in enumerate(self._requests):
            up = self._look(request)
            if up != self._up[number]:
                self._up[number] = up
                yield number, up

    def _look(self, request: bytes) -> bool:
        try:
            answer = fcntl.ioctl(self._socket.fileno(), _SIOCGIFFLAGS, request)
        except OSError:  # the interface is gone
            return False
        flags: int = _IFREQ.unpack(answer)[1]
        return flags & _UP_AND_RUNNING == _UP_AND_RUNNING

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
