"""Open doors to a lab's namespaces: a netlink socket and a descriptor of each, opened when first needed."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import TracebackType

from mrcnet.kernel import netns
from mrcnet.kernel.netlink import NetlinkSocket
from mrcnet.kernel.program import PortProgram


class Handles:
    """The doors of one lab. Close it (or use it as a context manager) to let the namespaces go."""

    def __init__(self, lab: str, room: int = 0) -> None:
        """`room`: how many nodes there will be. Raises EnvironmentFault if so many files cannot be open."""
        self.lab = lab
        self._sockets: dict[str, NetlinkSocket] = {}
        self._descriptors: dict[str, int] = {}
        self.program: PortProgram | None = None  # of the lab's ports, once it is found or loaded
        netns.room_for_files(2 * room)

    def __enter__(self) -> Handles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for socket in self._sockets.values():
            socket.close()
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._sockets.clear()
        self._descriptors.clear()
        if self.program is not None:
            self.program.close()
            self.program = None

    def socket(self, node: str) -> NetlinkSocket:
        """The node's netlink socket."""
        if node not in self._sockets:
            with netns.inside(netns.path_of(self.lab, node)):
                self._sockets[node] = NetlinkSocket()
        return self._sockets[node]

    def descriptor(self, node: str) -> int:
        """A file descriptor that stands for the node's namespace in a netlink message."""
        if node not in self._descriptors:
            path = netns.path_of(self.lab, node)
            self._descriptors[node] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return self._descriptors[node]

    def create(self, node: str, furnish: Callable[[NetlinkSocket], None]) -> None:
        """Make the node's namespace; `furnish` is called inside it before anyone can see it."""

        def inner() -> None:
            self._sockets[node] = NetlinkSocket()
            furnish(self._sockets[node])

        netns.create(netns.path_of(self.lab, node), inner)

    def delete(self, node: str) -> None:
        """Take the node's namespace away."""
        if node in self._sockets:
            self._sockets.pop(node).close()
        if node in self._descriptors:
            os.close(self._descriptors.pop(node))
        netns.delete(netns.path_of(self.lab, node))
