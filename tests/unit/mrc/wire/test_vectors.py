"""The vectors of the wire format, byte for byte (spec 2.16), from the inner IPv6 header to the ICRC."""

from __future__ import annotations

from mrcnet.mrc.wire import control, layout
from mrcnet.mrc.wire.numbers import (
    FLAG_ACK_REQUEST,
    FLAG_TIMESTAMP,
    QPN_ENDPOINT,
    EndpointOp,
    Mark,
    NackReason,
    Opcode,
)

from .packets import BACK, CONTROL_CLASS, DATA_CLASS, control_frame, write_frame

ADDRESSES = "20010db8000100000000000000000011 20010db8000200000000000000000022"
ADDRESSES_BACK = "20010db8000200000000000000000022 20010db8000100000000000000000011"


def test_write_only() -> None:
    """A Write Only has the 104 bytes that the tables of the wire format give."""
    # spec 2.2: the port is 4791, the checksum 0
    expected = bytes.fromhex(
        f"""6220a1b200401140 {ADDRESSES} c3d412b700400000
        ca00ffff00000123900000fe 00000007 12340001 00007f0000001000deadbeef00000010
        000102030405060708090a0b0c0d0e0f 0aa30710"""
    )
    actual = write_frame(
        bytes(range(16)),
        flags=FLAG_ACK_REQUEST | FLAG_TIMESTAMP,
        timestamp=0x1234,
        unit=0,
        dqp=0x123,
        psn=0xFE,
        opcode=Opcode.WRITE_ONLY,
        msn=7,
        address=0x7F0000001000,
        rkey=0xDEADBEEF,
        dma_length=16,
    )
    assert expected == actual[layout.INNER :]


def test_sack() -> None:
    """A SACK has cack, offsets, bitmap, mark and CC_STATE where the tables put them."""
    expected = bytes.fromhex(
        f"""6b80a1b2003c1140 {ADDRESSES_BACK} c3d412b7003c0000
        dc00ffff00000456000000fd
        00200003a1b2c3d401230456000000fd000800010000000000000006
        1234000200000120 a004df41"""
    )
    sack = control.Sack(
        mark=Mark.SKIP_ONCE,
        probe=False,
        trigger=3,
        entropy=0xA1B2C3D4,
        spdcid=0x123,
        dpdcid=0x456,
        cack=0xFD,
        mpr=8,
        offset=1,
        bitmap=0b110,
        timestamp=0x1234,
        ooo_count=2,
        rcvd_bytes=0x120,
    )
    actual = control_frame(Opcode.SACK, sack.pack(), 0x456, CONTROL_CLASS, 0xFD, BACK)
    assert expected == actual[layout.INNER :]


def test_nack() -> None:
    """A NACK names reason, EV and PSN; its BTH carries the PSN that triggered it."""
    nack = control.Nack(NackReason.TRIMMED, 0xA1B2C3D4, 0x123, 0x456, 0xFE, 0x1234)
    assert bytes.fromhex("00000100a1b2c3d401230456000000fe20001234") == nack.pack()
    assert nack == control.Nack.unpack(nack.pack())
    actual = control_frame(Opcode.NACK, nack.pack(), 0x456, CONTROL_CLASS, 0xFE, BACK)
    assert bytes.fromhex("e90574dc") == actual[-layout.ICRC :]


def test_reliability_probe() -> None:
    """A reliability probe carries its id and a timestamp, and takes no PSN."""
    body = control.pack_probe(0x77, 0x456, 0x123, 0x1234, 0)
    assert bytes.fromhex("00000000007700000456012312340001") == body
    actual = control_frame(Opcode.PROBE, body, 0x123, DATA_CLASS)
    assert bytes.fromhex("de00ffff0000012300000000") == actual[layout.BTH : layout.EXT]
    assert bytes.fromhex("98785725") == actual[-layout.ICRC :]


def test_ev_probe_request() -> None:
    """An EV probe goes to QPN 2 with its request id in the PSN."""
    body = control.pack_request(EndpointOp.EV_PROBE, 0, 0x1234, 0)
    assert bytes.fromhex("00010000000000000000000012340001") == body
    actual = control_frame(Opcode.ENDPOINT_REQUEST, body, QPN_ENDPOINT, DATA_CLASS, psn=0x88)
    assert bytes.fromhex("d800ffff0000000200000088") == actual[layout.BTH : layout.EXT]
    assert bytes.fromhex("b8f8dd84") == actual[-layout.ICRC :]


def test_ev_probe_response() -> None:
    """The answer echoes the request id and the timestamp."""
    body = control.pack_response(EndpointOp.EV_PROBE, 0x1234)
    assert bytes.fromhex("0004") + bytes(26) + bytes.fromhex("1234") + bytes(6) == body
    actual = control_frame(Opcode.ENDPOINT_RESPONSE, body, QPN_ENDPOINT, CONTROL_CLASS, 0x88, BACK)
    assert bytes.fromhex("d900ffff0000000200000088") == actual[layout.BTH : layout.EXT]
    assert bytes.fromhex("b921b89f") == actual[-layout.ICRC :]
