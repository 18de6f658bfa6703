"""Frames of a port as a pcapng file: one section, one interface, nanoseconds, directions. Pure.

Blocks and options after draft-ietf-opsawg-pcapng. Times beside a result are fabric time since traffic began.
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
    blocks = [opening(captured.port, description, comment, program, SNAP)]
    columns = zip(
        captured.at.tolist(), captured.length.tolist(), captured.sent.tolist(), captured.data, strict=True
    )
    blocks += [frame(*one) for one in columns]
    blocks.append(closing(int(captured.at[-1]) if len(captured.at) else 0, captured.missed))
    return b"".join(blocks)


def opening(port: str, description: str, comment: str, program: str, snap: int) -> bytes:
    """The blocks before the first frame; `snap` bytes of each frame are kept at most."""
    return _block(
        _SECTION,
        struct.pack("<IHHq", _MAGIC, 1, 0, -1),
        _options((_COMMENT, comment.encode()), (_PROGRAM, program.encode())),
    ) + _block(
        _INTERFACE,
        struct.pack("<HHI", _ETHERNET, 0, snap),
        _options((_NAME, port.encode()), (_DESCRIPTION, description.encode()), (_RESOLUTION, _NANOSECONDS)),
    )


def frame(at: int, length: int, sent: bool, data: bytes) -> bytes:
    """The block of a frame of `length` bytes that the port `sent` or received at `at` (ns), of which these
    bytes were kept.
    """
    head = struct.pack("<IIIII", 0, at >> 32, at & 0xFFFFFFFF, len(data), length)
    flags = struct.pack("<I", _OUTBOUND if sent else _INBOUND)
    return _block(_PACKET, head + _padded(data), _options((_FLAGS, flags)))


def closing(at: int, missed: int) -> bytes:
    """The block behind the last frame: how many could not be kept, by the instant `at`."""
    head = struct.pack("<III", 0, at >> 32, at & 0xFFFFFFFF)
    return _block(_STATISTICS, head, _options((_DROPPED, struct.pack("<Q", missed))))


def _block(kind: int, head: bytes, options: bytes) -> bytes:
    length = struct.pack("<I", 12 + len(head) + len(options))
    return struct.pack("<I", kind) + length + head + options + length


def _options(*options: tuple[int, bytes]) -> bytes:
    return b"".join(_option(*one) for one in (*options, (_END, b"")))


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
