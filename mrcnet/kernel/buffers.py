"""Room for what waits in a socket."""

from __future__ import annotations

import socket

_SNDBUFFORCE, _RCVBUFFORCE = 32, 33
_FORCED = {socket.SO_SNDBUF: _SNDBUFFORCE, socket.SO_RCVBUF: _RCVBUFFORCE}


def give_room(sock: socket.socket, option: int, size: int) -> None:
    """Give a socket a buffer of so many bytes: SO_SNDBUF or SO_RCVBUF.

    Beyond the machine's own limit (net.core.wmem_max, rmem_max) only root may go.
    """
    try:
        sock.setsockopt(socket.SOL_SOCKET, _FORCED[option], size)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, option, size)
