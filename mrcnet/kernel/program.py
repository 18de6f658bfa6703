"""The ports' program of a lab: loaded once, on every port that has a queue or a fault, found again by them.

Nothing is pinned. The program and its maps live as long as a port bears them, whoever loaded them, and so
nothing of them outlives the namespaces.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from mrcnet.errors import PartialError
from mrcnet.kernel import netns, tc
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
        """Put the program on a port of the current namespace; the messages that remain to be sent for that.

        Where the kernel can (6.6), ahead of all filters: that costs half, and interrupts nothing. Else as a
        filter. PartialError if there is no row for the port.
        """
        if index >= self.maps.capacity:
            raise PartialError(
                f"interface number {index} is beyond the ports' {self.maps.capacity} rows",
                remedy="`mrcnet down`, then `mrcnet up`",
            )
        try:
            bpf.attach(self.descriptor, index)
            return []
        except FileExistsError:
            return []
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise bpf.refused(error, "cannot put the ports' program on a port") from error
        add = tc.add_filter(index, tc.EGRESS, PORT_PRIORITY, self.descriptor, PORT_FILTER, replace=True)
        return [tc.ensure_clsact(index), add]

    def detach(self, index: int) -> list[bytes]:
        """Take it off a port of the current namespace; the messages that remain to be sent for that."""
        try:
            bpf.detach(self.descriptor, index)
            return []
        except OSError:
            return [tc.delete_filter(index, tc.EGRESS, PORT_PRIORITY)]


def borne(path: Path, socket: NetlinkSocket, indices: Iterable[int]) -> dict[int, int]:
    """The numbers of the ports' program on ports of the namespace at `path`; 0 where there is none.

    FileNotFoundError if the namespace, or a port, is gone.
    """
    indices = tuple(indices)
    try:
        with netns.inside(path):
            return {index: next(filter(_is_ours, bpf.attached(index)), 0) for index in indices}
    except OSError as error:
        if error.errno == errno.EPERM:  # who may not look may not have put one there
            return dict.fromkeys(indices, 0)
        if error.errno in (errno.ENOENT, errno.ENODEV):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
        if error.errno != errno.EINVAL:
            raise bpf.refused(error, "cannot look for the ports' program") from error
    able = {tc.clsact_of(body) for body in socket.dump(tc.list_qdiscs())}
    return {index: _filter_of(socket, index) if index in able else 0 for index in indices}


@lru_cache(maxsize=64)
def _is_ours(number: int) -> bool:
    """Whether a program is the ports'. The kernel gives no number twice."""
    try:
        descriptor = bpf.program_by_id(number)
    except FileNotFoundError:
        return False
    try:
        return bpf.name_of(descriptor) == PORT_FILTER
    finally:
        os.close(descriptor)


def _filter_of(socket: NetlinkSocket, index: int) -> int:
    for body in socket.dump(tc.list_filters(index, tc.EGRESS)):
        one = tc.read_filter(body)
        if one is not None and one.name == PORT_FILTER:
            return one.program
    return 0
