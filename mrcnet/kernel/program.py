"""The ports' program of a lab: loaded once, on every port that has a queue or a fault, found again by them.

Nothing is pinned. The program and its maps live as long as a port bears them, whoever loaded them, and so
nothing of them outlives the namespaces.
"""

from __future__ import annotations

import os

from mrcnet.errors import PartialError
from mrcnet.kernel import tc
from mrcnet.kernel.netlink import NetlinkSocket
from mrcnet.port import bpf
from mrcnet.port.load import load
from mrcnet.port.maps import PortMaps, open_maps

PORT_FILTER = "mrcnet_port"
PORT_PRIORITY = 10
_LEAST_ROWS = 4_096


class PortProgram:
    """A program's descriptor and its maps. Close it; the ports keep what they bear."""

    def __init__(self, descriptor: int, maps: PortMaps) -> None:
        self.descriptor = descriptor
        self.maps = maps

    @classmethod
    def fresh(cls, highest: int) -> PortProgram:
        """Load it, with rows for interfaces up to number `highest` and as many more. EnvironmentFault."""
        return cls(*load(max(_LEAST_ROWS, 2 * highest)))

    @classmethod
    def found(cls, number: int) -> PortProgram:
        """The one that ports bear, by its number in the kernel. PartialError if it is another version's."""
        try:
            descriptor = bpf.program_by_id(number)
        except OSError as error:
            raise bpf.refused(error, "cannot look at the ports' program") from error
        try:
            return cls(descriptor, open_maps(descriptor))
        except BaseException:
            os.close(descriptor)
            raise

    def close(self) -> None:
        """Let go of the descriptor."""
        os.close(self.descriptor)

    def attach(self, index: int) -> list[bytes]:
        """Messages that put the program on a port. PartialError if there is no row for it."""
        if index >= self.maps.capacity:
            raise PartialError(
                f"interface number {index} is beyond the ports' {self.maps.capacity} rows",
                remedy="`mrcnet down`, then `mrcnet up`",
            )
        add = tc.add_filter(index, tc.EGRESS, PORT_PRIORITY, self.descriptor, PORT_FILTER, replace=True)
        return [tc.ensure_clsact(index), add]


def program_number(socket: NetlinkSocket, index: int) -> int:
    """The number of the ports' program that a port bears; 0: it bears none. The port must have clsact."""
    for body in socket.dump(tc.list_filters(index, tc.EGRESS)):
        one = tc.read_filter(body)
        if one is not None and one.name == PORT_FILTER:
            return one.program
    return 0
