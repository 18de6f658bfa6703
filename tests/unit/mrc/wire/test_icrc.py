"""The invariant CRC: isal and zlib agree, what a switch may change is masked, all else is covered."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.wire import icrc, layout
from mrcnet.mrc.wire.numbers import Opcode

from .packets import write_frame

FRAME = write_frame(
    bytes(range(64)),
    flags=0x10,
    timestamp=1,
    unit=0,
    dqp=7,
    psn=9,
    opcode=Opcode.WRITE_ONLY,
    msn=1,
    address=1 << 40,
    rkey=3,
    dma_length=64,
)
# spec 2.15: traffic class, flow label and hop limit of the inner header, UDP checksum, BTH byte 4
# (the version is taken as 6: the gate checks it)
MASKED = {
    **{layout.INNER: 0xFF, layout.INNER + 1: 0xFF, layout.INNER + 2: 0xFF, layout.INNER + 3: 0xFF},
    layout.INNER + 7: 0xFF,
    layout.UDP + 6: 0xFF,
    layout.UDP + 7: 0xFF,
    layout.BTH + 4: 0xFF,
}


def checks(frame: bytes, at: int = 0) -> bool:
    """Whether a frame that begins at column `at` of its row passes."""
    row = np.frombuffer(bytes(at) + frame + bytes(17), np.uint8).copy().reshape(1, -1)
    return bool(icrc.check(row, at, np.array([0]), np.array([len(frame)]))[0])


@given(st.lists(st.binary(min_size=122, max_size=400), min_size=1, max_size=6), st.integers(0, 70))
def test_isal_and_zlib_agree(frames: list[bytes], at: int) -> None:
    """The ICRC is the same whichever library computes it, at any place of the row, in any batch."""
    pytest.importorskip("isal")
    stride = at + 400
    buffer = np.zeros((len(frames), stride), np.uint8)
    for row, frame in enumerate(frames):
        buffer[row, at : at + len(frame)] = np.frombuffer(frame, np.uint8)
    rows, ends = np.arange(len(frames)), np.array([len(frame) for frame in frames])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(icrc, "crc32", zlib.crc32)
        expected = icrc.compute(buffer, at, rows, ends)
    assert expected.tolist() == icrc.compute(buffer, at, rows, ends).tolist()


@given(st.integers(0, len(FRAME) - 1), st.integers(1, 255), st.integers(0, 70))
def test_covers_all_but_what_may_change(at: int, change: int, column: int) -> None:
    """A change of any inner byte is noticed, except in the fields that the rule masks."""
    assert checks(FRAME, column)
    data = bytearray(FRAME)
    data[at] ^= change
    allowed = 0xFF if at < layout.INNER else MASKED.get(at, 0)
    assert (change & ~allowed == 0) == checks(bytes(data), column)


def test_seal_writes_only_the_rows_it_is_given() -> None:
    """Sealing some frames of a batch leaves the others, and the bytes behind each, as they were."""
    buffer = np.zeros((3, 256), np.uint8)
    for row in range(3):
        buffer[row, : len(FRAME)] = np.frombuffer(FRAME, np.uint8)
        buffer[row, len(FRAME) - 4 :] = 0xEE
    icrc.seal(buffer, np.array([0, 2]), np.array([len(FRAME)] * 2))
    assert FRAME == buffer[0, : len(FRAME)].tobytes() == buffer[2, : len(FRAME)].tobytes()
    assert (buffer[1, len(FRAME) - 4 :] == 0xEE).all()
    assert (buffer[:, len(FRAME) :] == 0xEE).all()
