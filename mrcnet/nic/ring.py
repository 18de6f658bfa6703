"""Frames in: a TPACKET_V2 ring of one namespace's ports, read as NumPy columns.

One ring serves all ports of a host; the address that the kernel stores with each frame tells the port.
ETH_P_ALL sees a frame before `tc` ingress does, so a filter there may keep the frame from the host's own
stack; PACKET_IGNORE_OUTGOING hides what the host itself sends.
"""

from __future__ import annotations

import mmap
import socket
import struct
import time

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.wire.frames import RxBatch
from mrcnet.nic.plain import put_on

ETH_P_ALL = 0x0003
_SOL_PACKET = 263
_PACKET_RX_RING = 5
_PACKET_STATISTICS = 6
_PACKET_VERSION = 10
_PACKET_IGNORE_OUTGOING = 23
_TPACKET_V2 = 1
_OUTGOING = 4  # PACKET_OUTGOING
_TP_STATUS_KERNEL = 0
_TP_STATUS_USER = 1
_PAGE = 4096
_BLOCK = 1 << 20
_DATA_AT = 66  # where the kernel puts an Ethernet frame behind its 52 bytes of header, aligned and all

_HEADER = np.dtype(
    {
        "names": ["status", "length", "mac", "seconds", "nanoseconds", "ifindex", "kind"],
        "formats": ["<u4", "<u4", "<u2", "<u4", "<u4", "<i4", "u1"],
        "offsets": [0, 4, 12, 16, 20, 36, 42],
        "itemsize": 52,
    }
)


class Ring:
    """Receives on all ports of the namespace in which it is created.

    `ports` maps interface indices to local port numbers; frames of other interfaces get port -1. `plain`:
    frames come without a carrier, and get one. `only`, the name of an interface: the ring hears it alone, and
    also what is sent there.
    """

    def __init__(
        self,
        frame_size: int,
        frames: int,
        ports: dict[int, int],
        *,
        plain: bool = False,
        only: str | None = None,
    ) -> None:
        self._plain = plain
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, only is None)
        if only is not None:
            self._socket.bind((only, ETH_P_ALL))
        slot = -(-(_DATA_AT + frame_size) // 512) * 512
        step = np.lcm(slot, _PAGE).item()  # a block is whole pages and whole slots, so that slots adjoin
        block = max(1, _BLOCK // step) * step
        blocks = max(1, -(-frames * slot // block))
        self.slots = blocks * (block // slot)
        request = struct.pack("IIII", block, blocks, slot, self.slots)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, request)
        self._map = mmap.mmap(self._socket.fileno(), block * blocks)
        self._rows = np.frombuffer(self._map, np.uint8).reshape(self.slots, slot)
        self._headers = self._rows[:, : _HEADER.itemsize].view(_HEADER)[:, 0]
        self._status = self._headers["status"]
        self._next = 0
        self.frames = 0  # that were read so far
        self._taken = slice(0, 0)
        self._port_of = np.full(max(ports, default=0) + 1, -1, np.int64)
        for ifindex, port in ports.items():
            self._port_of[ifindex] = port

    def fileno(self) -> int:
        """For poll."""
        return self._socket.fileno()

    def read(self, most: int) -> RxBatch | None:
        """Up to `most` frames in order, None if there are none. Valid until `release`."""
        start = self._next
        stop = min(start + most, self.slots)
        ready = (self._status[start:stop] & _TP_STATUS_USER) != 0
        count = len(ready) if ready.all() else int(ready.argmin())
        if not count:
            return None
        rows = slice(start, start + count)
        self._taken = rows
        self._next = (start + count) % self.slots
        self.frames += count
        headers = self._headers[rows]
        ifindex = headers["ifindex"]
        known = ifindex < len(self._port_of)
        port = np.where(known, self._port_of[np.where(known, ifindex, 0)], -1)
        batch = RxBatch(self._rows[rows], _DATA_AT, headers["length"].astype(np.int64), port)
        return put_on(batch) if self._plain else batch  # over the sender's address, which is read by now

    def arrived(self) -> npt.NDArray[np.int64]:
        """When the kernel put each frame of the last batch here: CLOCK_MONOTONIC in ns."""
        headers = self._headers[self._taken]
        since = time.time_ns() - time.monotonic_ns()  # the kernel stamps with the clock of the day
        at = headers["seconds"].astype(np.int64) * 1_000_000_000 + headers["nanoseconds"]
        return np.asarray(at - since, np.int64)

    def outgoing(self) -> npt.NDArray[np.bool_]:
        """Which frames of the last batch were sent here, not received."""
        return np.asarray(self._headers["kind"][self._taken] == _OUTGOING)

    def release(self) -> None:
        """Give the frames of the last batch back to the kernel."""
        self._status[self._taken] = _TP_STATUS_KERNEL
        self._taken = slice(0, 0)

    def drops(self) -> int:
        """Frames the kernel dropped for want of a free slot since the last call."""
        data = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        return int(struct.unpack("II", data)[1])

    def close(self) -> None:
        """Let go of the socket; the mapping goes with the last array that looks into it."""
        self._socket.close()


def port_numbers(names: list[str]) -> dict[int, int]:
    """{interface index: position in `names`} in the current namespace; absent ones are left out."""
    present = {name: index for index, name in socket.if_nameindex()}
    return {present[name]: number for number, name in enumerate(names) if name in present}
