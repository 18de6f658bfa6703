"""scapy takes MRC packets apart and puts them together as the transport does (spec 2.1-2.11)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from mrcnet.contrib.scapy import BTH, Aeth, ImmDt, Meth, Neth, Peth, Reth, Seth, Tseth, datagram
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire import control, layout
from mrcnet.mrc.wire.numbers import NackReason, Opcode
from tests.support.wire import DELAY, Pair
from tests.unit.mrc.wire.packets import CONTROL_CLASS, control_frame

u16, u24, u32 = (st.integers(0, (1 << bits) - 1) for bits in (16, 24, 32))


def layers(data: bytes) -> tuple[Packet, list[str]]:
    """A frame taken apart, and the names of what stands behind the BTH."""
    packet = Ether(data)
    return packet, [layer.__name__ for layer in packet[BTH].payload.layers()]


def again(data: bytes) -> bytes:
    """A frame taken apart and built again, with an ICRC of scapy's own."""
    packet = Ether(data)
    packet[BTH].icrc = None
    return bytes(packet)


@settings(max_examples=30)
@given(st.integers(1, 3_000), st.none() | u32, u32)
def test_every_packet_of_a_transfer(length: int, immediate: int | None, seed: int) -> None:
    """Every kind of packet comes apart into the layers of spec 2.1 and is built again to the same bytes."""
    pair = Pair(Settings(payload=1_000, transport_ack=True), seed=seed)
    pair.ends[1].post_receive(0x101, 1)
    pair.write(0, length, immediate=immediate)
    pair.ends[0].set_port(0, False, pair.now)
    pair.peer_qp.responder.refuse(NackReason.TRIMMED, 100, 5, 6)
    pair.finish()
    seen = set()
    for flight in pair.flights:
        packet, names = layers(flight.data)
        seen.add(flight.opcode)
        assert flight.data == again(flight.data)
        if flight.is_write:
            imm = ["ImmDt"] if flight.opcode in (0xC9, 0xCB) else []
            assert ["Meth", "Tseth", "Reth", *imm, "Raw"] == names
            at = packet[Reth].address - pair.target.address
            data = packet[Raw].load
            pad = packet[BTH].padcount
            data = data[: len(data) - pad]
            assert data == bytes(pair.source.data[at : at + len(data)])
            if imm:
                assert immediate == packet[ImmDt].immediate
        else:
            name = {0xD1: "AETH", 0xD8: "Erth", 0xD9: "Eeth", 0xDC: "Seth", 0xDD: "Neth"}[flight.opcode]
            assert [name] == names
    assert {0xD1, 0xD8, 0xD9, 0xDC, 0xDD} <= seen


@given(st.integers(0, 255), u32, u16, u16, u24, u16, u24)
def test_nack(reason: int, entropy: int, source: int, target: int, psn: int, stamp: int, dqp: int) -> None:
    """A NACK with any values: the codec writes what scapy builds, and reads what scapy built (spec 2.8)."""
    nack = control.Nack(reason, entropy, source, target, psn, stamp)
    neth = Neth(
        nack_reason=reason, entropy=entropy, spdcid=source, dpdcid=target, nack_psn=psn, timestamp=stamp
    )
    assert bytes(neth) == nack.pack()
    assert nack == control.Nack.unpack(bytes(neth))
    frame = control_frame(Opcode.NACK, nack.pack(), dqp, CONTROL_CLASS, psn)
    packet, names = layers(frame)
    assert (["Neth"], dqp, psn) == (names, packet[BTH].dqpn, packet[BTH].psn)
    assert frame == again(frame)


@given(st.integers(0, 255), u24, u24)
def test_transport_ack(syndrome: int, msn: int, psn: int) -> None:
    """AETH both ways; the PSN is the BTH's (spec 2.6, 2.12)."""
    ack = control.TransportAck(psn, msn, syndrome)
    assert bytes(Aeth(syndrome=syndrome, msn=msn)) == ack.pack()
    assert ack == control.TransportAck.unpack(ack.pack(), psn)


@given(u16, u16, u16, u16)
def test_probe(number: int, source: int, target: int, stamp: int) -> None:
    """A probe that scapy built is read by the codec (spec 2.9)."""
    peth = Peth(probe_id=number, spdcid=source, dpdcid=target, timestamp=stamp, tsr=1)
    assert (number, stamp) == control.unpack_probe(bytes(peth))


def test_without_tseth() -> None:
    """RETH follows METH at once where BTH.ts is 0; the payload is found behind it."""
    bth = {"opcode": 0xCB, "dqpn": 1}
    data = datagram(
        "2001:db8::1",
        "2001:db8::2",
        0,
        5,
        bth,
        Meth(msn=1),
        Reth(address=2, rkey=3, length=4),
        ImmDt(immediate=9),
        b"abcd",
        outer="fcbb::1",
    )
    packet, names = layers(data)
    assert ["Meth", "Reth", "ImmDt", "Raw"] == names
    assert (9, b"abcd") == (packet[ImmDt].immediate, packet[Raw].load)
    assert Tseth not in packet


@pytest.mark.parametrize("stamped", [True, False])
@pytest.mark.parametrize("number", range(4))
def test_an_end_point_takes_what_scapy_crafted(number: int, stamped: bool) -> None:
    """A WriteIMM crafted by hand lands where it says, with TSETH or without, and its SACK dissects."""
    pair = Pair(replace(Settings(), payload=1_000))
    pair.ends[1].post_receive(0x101, 1)
    pair.write(0, 16)
    pair.run(until=pair.now)
    model = Ether(pair.flights[0].data)
    model[BTH].opcode, model[BTH].icrc = 0xCB, None
    head = Meth(msn=0) / Tseth(timestamp=7, tsr=1) if stamped else Meth(msn=0)
    model[BTH].resv7 = 0x10 * stamped
    model[BTH].payload = (
        head
        / Reth(address=pair.target.address + number, rkey=pair.target.rkey, length=8)
        / ImmDt(immediate=5)
        / Raw(b"scapy!!!")
    )
    fresh = Pair(replace(Settings(), payload=1_000))
    fresh.ends[1].post_receive(0x101, 1)
    for layer in (model.payload, model.payload.payload, model.payload.payload.payload):
        for name in ("plen", "len"):
            if name in layer.fields:
                delattr(layer, name)
    fresh.inject(1, 0, bytes(model))
    assert b"scapy!!!" == bytes(fresh.target.data[number : number + 8])
    fresh.run(until=fresh.now + DELAY)
    sack = next(f for f in fresh.flights if f.opcode == 0xDC)
    packet = Ether(sack.data)
    assert (100, 7 * stamped) == (packet[Seth].cack_psn, packet[Seth].timestamp)
    assert layout.SACK_LEN == len(bytes(packet[Seth]))
