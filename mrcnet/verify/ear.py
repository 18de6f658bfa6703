"""A node's ear: a small TPACKET_V2 ring that hears probes come in and go out on any port of a namespace.

A ring, not a plain packet socket: the kernel shifts the uSIDs of a packet in place, in the very bytes that a
plain socket has only taken a reference to and hands out later. A ring holds a copy made at the port.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
import struct

import numpy as np

from mrcnet.mrc.wire import layout
from mrcnet.nic.plain import HEADER
from mrcnet.plan.model import NodePlan
from mrcnet.verify.ports import interface_number
from mrcnet.verify.probes import FRAME, NONCE, NONCE_AT, Bytes, Numbers

_ETH_P_ALL = 0x0003
_SO_ATTACH_FILTER = 26
_SOL_PACKET = 263
_PACKET_RX_RING, _PACKET_VERSION, _TPACKET_V2 = 5, 10, 1
_TO_KERNEL, _TO_USER = 0, 1
_SLOT = 256
_SLOTS = 1024
_BLOCK = 4096
_DATA_AT = 66  # where the kernel puts an Ethernet frame behind its header

_HEADER = np.dtype(
    {
        "names": ["status", "length", "ifindex", "kind"],
        "formats": ["<u4", "<u4", "<i4", "u1"],
        "offsets": [0, 4, 36, 42],
        "itemsize": _DATA_AT,
    }
)

# Classic BPF, opcodes of linux/bpf_common.h
_LD_HALF, _LD_BYTE, _JUMP_IF_EQUAL, _RETURN = 0x28, 0x30, 0x15, 0x06
_LDX, _LD_WORD_AT, _LD_HALF_AT, _LD_BYTE_AT = 0x01, 0x40, 0x48, 0x50  # at the operand beyond X

_LIBC = ctypes.CDLL(None, use_errno=True)


class Ear:
    """Belongs to the namespace in which it is created; hears nothing before `open`."""

    def __init__(self, node: NodePlan) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._map: mmap.mmap | None = None
        self.ports = {interface_number(self._socket, port.name): port.name for port in node.ports}

    def open(self, udp_port: int, nonce: bytes) -> None:
        """Hear the probes of one run, which bear its `nonce`, with and without a carrier.

        Waits some 10 ms in the kernel: open many in threads.
        """
        # The filter before the ring: what comes before either waits elsewhere, where nobody looks.
        program = ctypes.create_string_buffer(filter_program(udp_port, nonce))
        fprog = struct.pack("HxxxxxxP", (len(program) - 1) // 8, ctypes.addressof(program))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, fprog)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
        size = _SLOT * _SLOTS
        request = struct.pack("IIII", _BLOCK, size // _BLOCK, _SLOT, _SLOTS)
        # Not the socket's own method, for that keeps the other threads from running.
        if _LIBC.setsockopt(self.fileno(), _SOL_PACKET, _PACKET_RX_RING, request, len(request)) != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"cannot make a packet ring: {os.strerror(code)}")
        self._map = mmap.mmap(self.fileno(), size)
        self._slots = np.frombuffer(self._map, np.uint8).reshape(_SLOTS, _SLOT)
        self._headers = self._slots[:, :_DATA_AT].view(_HEADER)[:, 0]
        self._next = 0

    def fileno(self) -> int:
        """For poll."""
        return self._socket.fileno()

    def take(self) -> tuple[Bytes, Numbers, Numbers]:
        """What was heard since the last call: frames (n, FRAME), interface numbers (n), packet kinds (n).

        A frame that came without a carrier has its own IPv6 header in the place of the outer one, too.
        """
        order = (np.arange(_SLOTS) + self._next) % _SLOTS
        full = self._headers["status"][order] & _TO_USER != 0
        count = _SLOTS if full.all() else int(full.argmin())
        rows = order[:count]
        headers = self._headers[rows]
        frames = self._slots[rows, _DATA_AT : _DATA_AT + FRAME]
        self._headers["status"][rows] = _TO_KERNEL
        self._next = int(self._next + count) % _SLOTS
        plain = headers["length"] == FRAME - HEADER
        frames[plain, layout.INNER :] = frames[plain, layout.OUTER : FRAME - HEADER]
        whole = plain | (headers["length"] == FRAME)
        return (
            frames[whole],
            headers["ifindex"][whole].astype(np.int64),
            headers["kind"][whole].astype(np.int64),
        )

    def close(self) -> None:
        """Let go of socket and ring, which waits as `open` does."""
        if self._map is not None:
            del self._slots, self._headers  # they look into the mapping, and it holds the socket
            self._map.close()
        self._socket.close()


def filter_program(udp_port: int, nonce: bytes) -> bytes:
    """A socket filter in classic BPF: other traffic, strangers' probes too, takes no room in the ring."""
    udp = layout.UDP - HEADER
    wanted = [(_LD_HALF, 12, layout.ETHERTYPE_IPV6), (_LD_BYTE_AT, layout.OUTER + 6, layout.NEXT_UDP)]
    wanted += [(_LD_HALF_AT, udp + 2, udp_port)]
    wanted += [
        (_LD_WORD_AT, NONCE_AT - HEADER + at, int.from_bytes(nonce[at : at + 4], "big"))
        for at in range(0, NONCE, 4)
    ]
    checks = [
        step
        for left, (load, place, value) in zip(range(len(wanted) - 1, -1, -1), wanted, strict=True)
        for step in ((load, 0, 0, place), (_JUMP_IF_EQUAL, 0, 2 * left + 1, value))
    ]
    code = (
        (_LDX, 0, 0, HEADER),
        (_LD_BYTE, 0, 0, layout.OUTER + 6),
        (_JUMP_IF_EQUAL, 1, 0, layout.NEXT_IPV6),
        (_LDX, 0, 0, 0),  # it came without a carrier
        *checks,
        (_RETURN, 0, 0, 0xFFFF),
        (_RETURN, 0, 0, 0),
    )
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
