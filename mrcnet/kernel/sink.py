"""What keeps a host's own stack from answering MRC where the kernel takes no BPF program (see `bpf.shield`).

A UDP socket has the port, and its filter lets nothing in: the stack takes the carrier off, finds somebody who
wants nothing, and is content. That costs a frame's way up the stack, needs no privilege, and ends with its
process.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from pathlib import Path

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import netns

_SO_ATTACH_FILTER = 26
_NOTHING = struct.pack("=HBBI", 0x06, 0, 0, 0)  # the classic filter `return 0`: keep no byte


def sink(path: Path, udp_port: int) -> socket.socket:
    """Swallow what comes to a UDP port of a namespace until the socket is closed.

    EnvironmentFault if a program there has the port.
    """
    with netns.inside(path):
        taken = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        code = ctypes.create_string_buffer(_NOTHING)
        taken.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("=H6xQ", 1, ctypes.addressof(code))
        )
        taken.bind(("::", udp_port))
    except OSError as error:
        taken.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise EnvironmentFault(
            f"a program in namespace {path.name} has UDP port {udp_port}", remedy="end it, and run again"
        ) from None
    return taken
