"""Frames out: batches through sendmmsg on one AF_PACKET socket of a namespace."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct

import numpy as np

from mrcnet.kernel.buffers import give_room
from mrcnet.mrc.wire.frames import TxBatch

_SEND_BUFFER = 32 << 20  # bytes on their way through the fabric count against the sender's buffer
_ETH_P_IPV6 = 0x86DD
# A port is down, gone, has no room, or is too narrow for the frame.
_REFUSALS = (errno.ENETDOWN, errno.ENXIO, errno.ENODEV, errno.ENOBUFS, errno.ENETUNREACH, errno.EMSGSIZE)
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.sendmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]

# struct mmsghdr and struct iovec of 64-bit Linux
_MESSAGE = np.dtype(
    {
        "names": ["name", "name_length", "iov", "iov_count"],
        "formats": ["<u8", "<u4", "<u8", "<u8"],
        "offsets": [0, 8, 16, 24],
        "itemsize": 64,
    }
)
_IOVEC = np.dtype([("base", "<u8"), ("length", "<u8")])
_ADDRESS = 20  # sockaddr_ll


class Sender:
    """Sends on the ports `ifindices` (in the order of port numbers) of the namespace it is created in.

    `skip`: the column at which frames begin.
    """

    def __init__(self, ifindices: list[int], skip: int = 0) -> None:
        self._skip = np.uint64(skip)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        give_room(self._socket, socket.SO_SNDBUF, _SEND_BUFFER)
        addresses = b"".join(
            struct.pack("=HHiHBB8s", socket.AF_PACKET, socket.htons(_ETH_P_IPV6), index, 0, 0, 6, bytes(8))
            for index in ifindices
        )
        self._addresses = np.frombuffer(addresses, np.uint8)
        self._name_of = np.uint64(self._addresses.ctypes.data) + np.arange(
            len(ifindices), dtype=np.uint64
        ) * np.uint64(_ADDRESS)
        self._messages = np.zeros(0, _MESSAGE)
        self._vectors = np.zeros(0, _IOVEC)
        self.refused = np.zeros(len(ifindices), np.int64)  # frames a port would not take
        self.overrun = np.zeros(len(ifindices), np.int64)  # those of them for which it had no room
        self.sent = np.zeros(len(ifindices), np.int64)  # frames, those refused too

    def send(self, batch: TxBatch) -> None:
        """Hand the batch to the kernel; a frame that its port refuses is counted and skipped."""
        count = batch.count
        if len(self._messages) < batch.capacity:
            self._prepare(batch.capacity)
        rows = (
            np.uint64(batch.buffer.ctypes.data)
            + self._skip
            + np.arange(count, dtype=np.uint64) * np.uint64(batch.stride)
        )
        self._vectors["base"][:count] = rows
        self._vectors["length"][:count] = batch.length[:count]
        self._messages["name"][:count] = self._name_of[batch.port[:count]]
        self.sent += np.bincount(batch.port[:count], minlength=len(self.sent))
        at = self._messages.ctypes.data
        done = 0
        while done < count:
            sent = _LIBC.sendmmsg(self._socket.fileno(), at + done * _MESSAGE.itemsize, count - done, 0)
            if sent > 0:
                done += sent
                if done < count:  # the kernel has tried the next one: trying again would mend what is lossy
                    self.refused[batch.port[done]] += 1
                    done += 1
                continue
            code = ctypes.get_errno()
            if code == errno.EINTR:
                continue
            if code not in _REFUSALS:
                raise OSError(code, os.strerror(code))
            self.refused[batch.port[done]] += 1  # the first of the rest is the one refused
            self.overrun[batch.port[done]] += code == errno.ENOBUFS
            done += 1

    def _prepare(self, capacity: int) -> None:
        self._messages = np.zeros(capacity, _MESSAGE)
        self._vectors = np.zeros(capacity, _IOVEC)
        self._messages["name_length"] = _ADDRESS
        self._messages["iov"] = self._vectors.ctypes.data + np.arange(capacity, dtype=np.uint64) * np.uint64(
            _IOVEC.itemsize
        )
        self._messages["iov_count"] = 1

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
