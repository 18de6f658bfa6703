"""A host taken for a run: it must be whole, and nobody else's, for two NICs would answer for each other.

A claim is an abstract socket name, which belongs to a network namespace and goes with the process that holds
it, however that ends.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import netns

_NAME = "\0mrcnet-nic"


def claim(lab: str, host: str, ports: Iterable[str]) -> socket.socket:
    """Hold a host of a lab until the socket is closed.

    Raises EnvironmentFault if another run holds it, or if it or one of its `ports` is gone.
    """
    whole = f"`mrcnet up` with the topology of {lab} mends it"
    try:
        with netns.inside(netns.path_of(lab, host)):
            missing = set(ports) - {name for _, name in socket.if_nameindex()}
            holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    except FileNotFoundError:
        raise EnvironmentFault(f"lab {lab!r} has lost {host}", remedy=whole) from None
    try:
        if missing:
            raise EnvironmentFault(f"{host} has lost its port {min(missing)}", remedy=whole)
        holder.bind(_NAME)
    except BaseException as error:
        holder.close()
        if not isinstance(error, OSError) or error.errno != errno.EADDRINUSE:
            raise
        raise EnvironmentFault(
            f"{host} takes part in another run of lab {lab!r}", remedy="wait for it, or choose other hosts"
        ) from None
    return holder
