"""Frames of a port as a pcapng file: one section, one interface, nanoseconds, directions. Pure.

Blocks and options after draft-ietf-opsawg-pcapng. Times are those of the result: fabric time since traffic
began.
"""

from __future__ import annotations

import struct

from mrcnet.workload.framewindow import SNAP, Captured

_SECTION, _INTERFACE, _PACKET, _STATISTICS = 0x0A0D0D0A, 1, 6, 5
_MAGIC, _ETHERNET = 0x1A2B3C4D, 1
_END, _COMMENT, _NAME, _DESCRIPTION, _PROGRAM = 0, 1, 2, 3, 4
_RESOLUTION, _FLAGS, _DROPPED = 9, 2, 5
_NANOSECONDS = b"\x09"
_INBOUND, _OUTBOUND = 1, 2


def as_pcapng(captured: Captured, description: str, comment: str, program: str) -> bytes:
    """The file: `description` of the port, `comment` on all of it, `program` that made it."""
    blocks = [
        _block(
            _SECTION,
            struct.pack("<IHHq", _MAGIC, 1, 0, -1),
            _options((_COMMENT, comment.encode()), (_PROGRAM, program.encode())),
        ),
        _block(
            _INTERFACE,
            struct.pack("<HHI", _ETHERNET, 0, SNAP),
            _options(
                (_NAME, captured.port.encode()),
                (_DESCRIPTION, description.encode()),
                (_RESOLUTION, _NANOSECONDS),
            ),
        ),
    ]
    columns = zip(
        captured.at.tolist(), captured.length.tolist(), captured.sent.tolist(), captured.data, strict=True
    )
    for at, length, sent, data in columns:
        head = struct.pack("<IIIII", 0, at >> 32, at & 0xFFFFFFFF, len(data), length)
        flags = struct.pack("<I", _OUTBOUND if sent else _INBOUND)
        blocks.append(_block(_PACKET, head + _padded(data), _options((_FLAGS, flags))))
    last = int(captured.at[-1]) if len(captured.at) else 0
    missed = struct.pack("<Q", captured.missed)
    head = struct.pack("<III", 0, last >> 32, last & 0xFFFFFFFF)
    blocks.append(_block(_STATISTICS, head, _options((_DROPPED, missed))))
    return b"".join(blocks)


def _block(kind: int, head: bytes, options: bytes) -> bytes:
    length = struct.pack("<I", 12 + len(head) + len(options))
    return struct.pack("<I", kind) + length + head + options + length


def _options(*options: tuple[int, bytes]) -> bytes:
    return b"".join(_option(*one) for one in (*options, (_END, b"")))


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
