"""One frame as records: whatever its bytes and wherever it was cut, it is read or refused, never an error."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.wire import control, layout
from mrcnet.mrc.wire.numbers import FLAG_TIMESTAMP, Dscp, Opcode
from mrcnet.mrc.wire.reading import Write, read, words

from .packets import CONTROL_CLASS, EV, SOURCE, TARGET, control_frame, write_frame

PAYLOAD = b"seventeen bytes!!"
WRITE = write_frame(
    PAYLOAD,
    flags=FLAG_TIMESTAMP,
    timestamp=7,
    unit=0,
    dqp=0x123,
    psn=9,
    opcode=Opcode.WRITE_ONLY,
    msn=3,
    address=5,
    rkey=6,
    dma_length=17,
)
NACK = control_frame(Opcode.NACK, control.Nack(1, EV, 1, 2, 9, 4).pack(), 0x456, CONTROL_CLASS, 9)


def test_a_write() -> None:
    """A write has its EV, addresses and place, the bytes of its payload without pad, and a sound ICRC."""
    packet = read(WRITE, len(WRITE))
    assert packet is not None
    assert (SOURCE, TARGET, EV, True) == (packet.source, packet.target, packet.ev, packet.sound)
    assert Write(0, 3, 7, 5, 6, 17, None, 17) == packet.body
    assert "write only QP 0x123 EV 0xa1b2c3d4 PSN 9, MSN 3, 17 B" == words(packet)


def test_a_nack() -> None:
    """A NACK names the PSN, the EV that it answers, and the reason."""
    packet = read(NACK, len(NACK))
    assert packet is not None
    assert "nack QP 0x456 EV 0xa1b2c3d4 PSN 9 on 0xa1b2c3d4, reason 0x01" == words(packet)


def test_cut_by_the_capture() -> None:
    """Of a frame that the capture cut the headers are read, its true length counts, and no ICRC is judged."""
    packet = read(WRITE[: layout.WRITE_HEAD], len(WRITE))
    assert packet is not None
    assert (None, Write(0, 3, 7, 5, 6, 17, None, 17)) == (packet.sound, packet.body)


def test_trimmed() -> None:
    """A trimmed write says so, and has neither length nor ICRC."""
    frame = bytearray(WRITE)
    frame[layout.OUTER : layout.OUTER + 2] = (0x6002 | Dscp().trimmed << 6).to_bytes(2, "big")
    packet = read(bytes(frame), len(frame))
    assert packet is not None
    assert isinstance(packet.body, Write)
    assert (True, None, None) == (packet.trimmed, packet.sound, packet.body.length)
    assert words(packet).endswith("PSN 9, MSN 3, trimmed")


@given(st.sampled_from((WRITE, NACK)), st.integers(0, 160), st.binary(max_size=60), st.integers(0, 1 << 16))
def test_any_bytes(frame: bytes, at: int, noise: bytes, length: int) -> None:
    """Random bytes anywhere, cut anywhere: a packet and its words, or None."""
    packet = read((frame[:at] + noise + frame[at + len(noise) :])[:length], length)
    assert packet is None or words(packet)


@given(st.sampled_from(Opcode), st.binary(max_size=80), st.integers(0, 200))
def test_any_body(opcode: Opcode, body: bytes, length: int) -> None:
    """Every opcode over any bytes behind the BTH."""
    frame = control_frame(opcode, body, 2, CONTROL_CLASS)[: layout.EXT + length]
    packet = read(frame, len(frame))
    assert packet is not None
    assert words(packet)
