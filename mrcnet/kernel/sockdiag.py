"""What a namespace's kernel knows of its TCP connections, by sock_diag."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from mrcnet.kernel import netns
from mrcnet.kernel.netlink import DUMP, NLMSG_DONE, NLMSG_ERROR, attributes, message, messages

_SOCK_DIAG = 4  # the netlink family
_BY_FAMILY = 20
_INFO = 2  # INET_DIAG_INFO
_ALL_STATES = 0xFFF
_LISTEN = 10
_REQUEST = Struct("=BBBBI48x")  # family, protocol, extensions, pad, states, socket
_ANSWER = Struct(
    "=BBBB2s2s16s16sI8s20x"
)  # family, state, timer, retries, ports, addresses, interface, cookie
_RECEIVED = Struct("=128xQ")  # tcpi_bytes_received


@dataclass(frozen=True, slots=True)
class Connection:
    """A TCP socket: its ports, what tells it from all others, bytes that it has received in order."""

    port: int
    peer_port: int
    cookie: bytes
    received: int
    listens: bool


class TcpDiag:
    """Asks about the TCP sockets of one namespace, those of MPTCP's subflows as well."""

    def __init__(self, path: Path) -> None:
        with netns.inside(path):
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG)
        self._socket.bind((0, 0))

    def connections(self) -> list[Connection]:
        """All of them, as they are now. Raises OSError if the kernel has no sock_diag for TCP."""
        body = _REQUEST.pack(socket.AF_INET6, socket.IPPROTO_TCP, 1 << _INFO - 1, 0, _ALL_STATES)
        self._socket.send(message(_BY_FAMILY, DUMP, body))
        found: list[Connection] = []
        while True:
            for kind, _, _, answer in messages(self._socket.recv(1 << 17)):
                if kind == NLMSG_DONE:
                    return found
                if kind == NLMSG_ERROR:
                    raise OSError(-int.from_bytes(answer[:4], "little", signed=True), "no sock_diag for TCP")
                found.append(_read(answer))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _read(answer: bytes) -> Connection:
    _, state, _, _, port, peer, _, _, _, cookie = _ANSWER.unpack_from(answer)
    info = attributes(answer[_ANSWER.size :]).get(_INFO, b"")
    received = _RECEIVED.unpack_from(info)[0] if len(info) >= _RECEIVED.size else 0
    here, there = (int.from_bytes(one, "big") for one in (port, peer))
    return Connection(here, there, cookie, received, state == _LISTEN)
