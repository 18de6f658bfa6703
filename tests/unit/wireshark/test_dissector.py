"""The Wireshark dissector against the vectors and against our own two readers, with Debian's tshark."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire import control, layout
from mrcnet.mrc.wire.numbers import Dscp, EndpointOp, NackReason, Opcode
from tests.support.tshark import (
    TSHARK,
    Frame,
    disagreements,
    dissected,
    expected,
    names,
    numbers,
    tshark,
    write_pcap,
)
from tests.support.wire import Pair
from tests.unit.mrc.wire.packets import CONTROL_CLASS, DATA_CLASS, control_frame

pytestmark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed: apt-get install tshark")
OUT = "20010db8000100000000000000000011 20010db8000200000000000000000022"
BACK = "20010db8000200000000000000000022 20010db8000100000000000000000011"
MOST_CUTS = 400


def frames_of_a_transfer(seed: int = 1) -> list[bytes]:
    """Packets of every kind: writes of all positions, with immediate and trimmed, and what answers them."""
    pair = Pair(Settings(payload=1_000, transport_ack=True), seed=seed)
    for number in range(3):
        pair.ends[1].post_receive(0x101, number)
    pair.write(0, 2_999, immediate=7)
    pair.write(4_000, 17, immediate=8)
    pair.write(5_000, 5_001)
    pair.write(12_000, 3)
    pair.ends[0].set_port(0, False, pair.now)
    pair.peer_qp.responder.refuse(NackReason.TRIMMED, 100, 5, 6)
    pair.finish()
    found = [flight.data for flight in pair.flights]
    found.append(control_frame(Opcode.PROBE, control.pack_probe(0x77, 5, 6, 7, 0x8000), 0x101, DATA_CLASS))
    request = control.pack_request(EndpointOp.EV_PROBE, 0, 9, 0)
    found.append(control_frame(Opcode.ENDPOINT_REQUEST, request, 2, CONTROL_CLASS, 0x88))
    answer = control.Sack(1, True, 0x77, 5, 6, 7, 200, 8, 1, 3, 9, 2, 5)
    found.append(control_frame(Opcode.SACK, answer.pack(), 0x100, CONTROL_CLASS, 200))
    found += [trimmed(data) for data in found if data[layout.BTH] == Opcode.WRITE_MIDDLE][:5]
    return found


def trimmed(data: bytes) -> bytes:
    """What a switch leaves of a frame: 192 bytes, another DSCP, the lengths of before (spec 6.6)."""
    word = int.from_bytes(data[layout.OUTER : layout.OUTER + 2], "big") & 0xF03F | Dscp().trimmed << 6
    return data[: layout.OUTER] + word.to_bytes(2, "big") + data[layout.OUTER + 2 : 192]


def whole(frames: list[bytes]) -> list[Frame]:
    return [(data, len(data)) for data in frames]


def test_vectors(tmp_path: Path) -> None:
    """The vectors of spec 2.16, as they stand there, decode to the values that they were made of."""
    write = f"""6220a1b200401140 {OUT} c3d412b700400000 ca00ffff00000123900000fe 00000007 12340001
        00007f0000001000deadbeef00000010 000102030405060708090a0b0c0d0e0f 0aa30710"""
    sack = f"""6b80a1b2003c1140 {BACK} c3d412b7003c0000 dc00ffff00000456000000fd
        00200003a1b2c3d401230456000000fd000800010000000000000006 1234000200000120 a004df41"""
    vectors = [
        (write, {"bth.opcode": 0xCA, "bth.dqp": 0x123, "bth.psn": 0xFE, "bth.ack_req": 1, "meth.msn": 7}),
        (write, {"tseth.timestamp": 0x1234, "reth.address": 0x7F0000001000, "reth.rkey": 0xDEADBEEF}),
        (write, {"reth.length": 16, "payload_length": 16, "ev": 0xA1B2C3D4}),
        (
            sack,
            {"seth.cack_psn": 0xFD, "seth.trigger_psn": 0x100, "seth.m": 1, "seth.mpr": 8, "seth.bitmap": 6},
        ),
        (
            sack,
            {"seth.base_psn": 0xFE, "cc.ooo_count": 2, "cc.rcvd_bytes": 0x120, "seth.entropy": 0xA1B2C3D4},
        ),
        (
            control_vector(
                "dd", 0x456, 0xFE, 46 << 2, "00000100a1b2c3d401230456000000fe20001234", "e90574dc"
            ),
            {"neth.nack_reason": 1, "neth.nack_psn": 0xFE, "neth.cc_type": 2, "neth.timestamp": 0x1234},
        ),
        (
            control_vector("de", 0x123, 0, DATA_CLASS, "00000000007700000456012312340001", "98785725"),
            {"peth.probe_id": 0x77, "peth.spdcid": 0x456, "peth.timestamp": 0x1234, "peth.ftype": 1},
        ),
        (
            control_vector("d8", 2, 0x88, DATA_CLASS, "00010000000000000000000012340001", "b8f8dd84"),
            {"erth.op": 1, "request_id": 0x88, "erth.timestamp": 0x1234},
        ),
        (
            control_vector("d8", 2, 0x89, 46 << 2, "00000000000000fd0000000012340001", "decc39dd"),
            {"erth.op": 0, "request_id": 0x89, "erth.port_status_mask": 0xFD},
        ),
        (
            control_vector("d9", 2, 0x88, 46 << 2, f"0004{'00' * 26}1234{'00' * 6}", "b921b89f"),
            {"eeth.op": 1, "request_id": 0x88, "eeth.timestamp": 0x1234},
        ),
    ]
    file = tmp_path / "vectors.pcap"
    write_pcap(file, whole([bytes(12) + b"\x86\xdd" + bytes.fromhex(text) for text, _ in vectors]))
    rows = dissected(file)
    for (_, fields), row in zip(vectors, rows, strict=True):
        told = numbers(row)
        assert fields == {name: told[f"mrc.{name}"] for name in fields}
        assert 1 == told["mrc.icrc.status"]
        assert "_ws.expert.message" not in row


def control_vector(opcode: str, dqp: int, psn: int, traffic_class: int, body: str, icrc: str) -> str:
    """A row of the table in spec 2.16 as a packet: those that answer go from target to source."""
    length = 8 + 12 + len(body) // 2 + 4
    addresses = BACK if opcode in ("dd", "d9") else OUT
    return (
        f"6{traffic_class:02x}0a1b2{length:04x}1140 {addresses} c3d412b7{length:04x}0000"
        f"{opcode}00ffff{dqp:08x}{psn:08x} {body} {icrc}"
    )


def test_every_packet_of_a_transfer(tmp_path: Path) -> None:
    """Every field of every kind of packet is what scapy and the codec's records say, and nothing is amiss."""
    frames = whole(frames_of_a_transfer())
    file = tmp_path / "transfer.pcap"
    write_pcap(file, frames)
    rows = dissected(file)
    assert [] == disagreements(frames, rows)
    assert set(Opcode) == {data[layout.BTH] for data, _ in frames}
    seen = {name for row in rows for name in row}
    known = {name for name in names() if not name.startswith("mrc.expert.")}
    assert set() == known - seen


def test_random_values(tmp_path: Path) -> None:
    """Whatever bits the headers hold, reserved ones and those of unknown meaning too, each is read alike."""
    chance = random.Random(3)
    frames = []
    for data in frames_of_a_transfer(seed=2):
        noise = bytearray(data)
        first = layout.BTH + 4  # opcode and pad count stay
        noise[first : min(len(data), first + 60)] = chance.randbytes(min(len(data) - first, 60))
        noise[layout.BTH + 8] = data[layout.BTH + 8] & 0x10 | noise[layout.BTH + 8] & 0xEF  # and BTH.ts
        frames.append((bytes(noise), len(noise)))
    file = tmp_path / "noise.pcap"
    write_pcap(file, frames)
    for frame, row in zip(frames, dissected(file), strict=True):
        assert expected(frame) == numbers(row)


def test_bad_icrc(tmp_path: Path) -> None:
    """A packet of which one bit is wrong has a bad ICRC, and the expert says so."""
    data = bytearray(frames_of_a_transfer()[0])
    data[-20] ^= 1
    file = tmp_path / "bad.pcap"
    write_pcap(file, whole([bytes(data)]))
    (row,) = dissected(file)
    assert ("0", "The ICRC is wrong") == (row["mrc.icrc.status"], row["_ws.expert.message"])


def test_never_an_error_of_lua(tmp_path: Path) -> None:
    """Frames cut at every length, by the sender or by the capture, and frames with random bytes are read."""
    chance = random.Random(5)
    samples = {data[layout.BTH]: data for data in frames_of_a_transfer()}
    frames: list[Frame] = []
    for data in samples.values():
        for size in range(layout.UDP + 8, min(len(data), MOST_CUTS)):
            frames += [(data[:size], len(data)), (shortened(data, size), size)]
    for _ in range(3_000):
        noise = bytearray(chance.choice(list(samples.values())))
        for _ in range(chance.randrange(1, 9)):
            noise[chance.randrange(layout.OUTER, min(len(noise), 160))] = chance.randrange(256)
        frames.append((bytes(noise), len(noise)))
    file = tmp_path / "fuzz.pcap"
    write_pcap(file, frames)
    told = tshark(file, "-V")
    assert "Multipath Reliable Connection" in told.stdout
    assert "Lua Error" not in told.stdout + told.stderr
    assert "mrc.lua" not in told.stdout + told.stderr


def shortened(data: bytes, size: int) -> bytes:
    """A frame that its sender made so short, with lengths that say so."""
    cut = bytearray(data[:size])
    cut[layout.OUTER + 4 : layout.OUTER + 6] = (size - layout.INNER).to_bytes(2, "big")
    for at in (layout.INNER + 4, layout.UDP + 4):
        cut[at : at + 2] = (size - layout.UDP).to_bytes(2, "big")
    return bytes(cut)


def test_what_is_cut_is_told(tmp_path: Path) -> None:
    """A packet that its sender cut short is malformed; one that the capture cut is not."""
    data = frames_of_a_transfer()[0]
    file = tmp_path / "cut.pcap"
    write_pcap(file, [(shortened(data, layout.EXT + 9), layout.EXT + 9), (data[: layout.EXT + 9], len(data))])
    sender, capture = dissected(file)
    assert "The packet ends before its headers do" in sender["_ws.expert.message"]
    assert "The capture does not hold all of the packet" == capture["_ws.expert.message"]


def test_other_opcodes_go_on(tmp_path: Path) -> None:
    """RoCEv2 on the same port is still RoCEv2's."""
    data = bytearray(frames_of_a_transfer()[0])
    data[layout.BTH] = 0x0A  # RC RDMA Write Only
    file = tmp_path / "roce.pcap"
    write_pcap(file, whole([bytes(data)]))
    told = tshark(file, "-T", "fields", "-e", "infiniband.bth.opcode", "-e", "mrc.bth.opcode")
    assert "10\t\n" == told.stdout
