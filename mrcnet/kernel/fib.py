"""What a namespace's own kernel would do with a datagram: the interface by which it would leave."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from struct import Struct

from mrcnet.kernel import netns
from mrcnet.kernel.netlink import NetlinkSocket, attr, attributes, message, number
from mrcnet.kernel.routes import RTM_GETROUTE

_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_LINKS, _ROUTES6, _NEXT_HOPS = 1, 11, 32  # multicast groups: what a way may depend on
_UNKNOWN_GROUP = (errno.EINVAL, errno.ENOENT)  # next hops came with 5.3
_ROUTE = Struct("=BBBBBBBBI")
_RTA_DST, _RTA_SRC, _RTA_OIF, _RTA_PROTOCOL, _RTA_SPORT, _RTA_DPORT = 1, 2, 4, 27, 28, 29


class Fib:
    """The forwarding of one namespace, asked and listened to. Close it to let the namespace go."""

    def __init__(self, path: Path) -> None:
        with netns.inside(path):
            self._ask = NetlinkSocket()
            self._news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._news.setblocking(False)
        for group in (_LINKS, _ROUTES6, _NEXT_HOPS):
            try:
                self._news.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
            except OSError as error:
                if error.errno not in _UNKNOWN_GROUP:
                    raise

    def fileno(self) -> int:
        """For poll: readable when something has changed."""
        return self._news.fileno()

    def changed(self) -> bool:
        """Whether links or routes have changed since the last call."""
        news = False
        while True:
            try:
                self._news.recv(1 << 16)
            except BlockingIOError:
                return news
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # more news than fits is news
                    raise
            news = True

    def interface(self, src: bytes, dst: bytes, sport: int, dport: int) -> int | None:
        """The number of the interface by which the kernel would send a UDP datagram; None: it has no way."""
        request = message(
            RTM_GETROUTE,
            0,
            _ROUTE.pack(socket.AF_INET6, 128, 128, 0, 0, 0, 0, 0, 0),
            attr(_RTA_DST, dst),
            attr(_RTA_SRC, src),
            attr(_RTA_PROTOCOL, bytes([socket.IPPROTO_UDP])),
            attr(_RTA_SPORT, sport.to_bytes(2, "big")),
            attr(_RTA_DPORT, dport.to_bytes(2, "big")),
        )
        try:
            found = attributes(self._ask.get(request)[_ROUTE.size :])
        except OSError:
            return None
        return number(found[_RTA_OIF]) if _RTA_OIF in found else None

    def close(self) -> None:
        """Let go of the sockets."""
        self._ask.close()
        self._news.close()
