"""A capture as a file, read by scapy: every frame, its instant to the nanosecond, its port and direction."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
from scapy.utils import RawPcapNgReader

from mrcnet.report.pcapng import as_pcapng
from mrcnet.workload.framewindow import SNAP, Captured

AT = np.array([0, 999, 1_000_000_001, 5 << 32], np.int64)
DATA = (b"\x01" * 60, b"\x02" * 61, b"\x03" * SNAP, b"")
CAPTURED = Captured(
    "p0-t0-0:eth3", AT, np.array([60, 61, 4_238, 0]), np.array([True, False, True, False]), DATA, missed=7
)
TEXT = as_pcapng(CAPTURED, "to p0-t1-0", "silent-cut, seed 8", "mrcnet 1")


def test_scapy_reads_it() -> None:
    """Bytes, lengths on the wire, nanoseconds, the name of the port and what made the file come back."""
    reader = RawPcapNgReader(io.BytesIO(TEXT))
    found = list(reader)
    assert list(DATA) == [data for data, _ in found]
    told = [meta for _, meta in found]
    assert AT.tolist() == [meta.tshigh << 32 | meta.tslow for meta in told]
    assert [60, 61, 4_238, 0] == [meta.wirelen for meta in told]
    assert {10**9} == {meta.tsresol for meta in told}
    assert {b"p0-t0-0:eth3"} == {_text(meta.ifname) for meta in told}


def _text(name: str | bytes) -> bytes:
    return name.encode() if isinstance(name, str) else name


def blocks() -> Iterator[tuple[int, bytes]]:
    """(kind, body) of every block; its length stands at both ends."""
    at = 0
    while at < len(TEXT):
        kind, length = struct.unpack_from("<II", TEXT, at)
        assert struct.unpack_from("<I", TEXT, at + length - 4) == (length,)
        yield kind, TEXT[at + 8 : at + length - 4]
        at += length


def options(body: bytes, at: int) -> dict[int, bytes]:
    """Options by code; the last is the end."""
    found: dict[int, bytes] = {}
    while True:
        code, length = struct.unpack_from("<HH", body, at)
        found[code] = body[at + 4 : at + 4 + length]
        at += 4 + -(-length // 4) * 4
        if code == 0:
            assert len(body) == at
            return found


def test_directions_and_what_is_missing() -> None:
    """Each frame says whether the port sent it; the last block how many frames could not be kept."""
    found = list(blocks())
    assert [0x0A0D0D0A, 1, 6, 6, 6, 6, 5] == [kind for kind, _ in found]
    packets = [body for kind, body in found if kind == 6]
    flags = [options(body, 20 + -(-len(data) // 4) * 4)[2] for body, data in zip(packets, DATA, strict=True)]
    assert [2, 1, 2, 1] == [int.from_bytes(one, "little") for one in flags]
    assert 7 == int.from_bytes(options(found[-1][1], 12)[5], "little")
    assert b"silent-cut, seed 8" == options(found[0][1], 16)[1]
    assert b"to p0-t1-0" == options(found[1][1], 8)[3]


def test_a_capture_of_nothing() -> None:
    """A port that carried nothing gives a file without frames."""
    none = np.empty(0, np.int64)
    empty = Captured("h0:eth1", none, none, np.empty(0, np.bool_), ())
    assert [] == list(RawPcapNgReader(io.BytesIO(as_pcapng(empty, "", "", "x"))))
