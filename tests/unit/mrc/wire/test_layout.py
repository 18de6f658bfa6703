"""Fields lie where scapy's independent description of the headers says (spec 2.5-2.11)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.l2 import Ether

from mrcnet.contrib.scapy import Eeth, Erth, Meth, Peth, Reth, Seth, Tseth, datagram
from mrcnet.mrc.wire import control, layout
from mrcnet.mrc.wire.numbers import QPN_ENDPOINT, EndpointOp, Mark, Opcode
from tests.support.wire import Pair

from .packets import CONTROL_CLASS, DATA_CLASS, EV, control_frame, write_frame

SOURCE, TARGET, CARRIER = "2001:db8:1::11", "2001:db8:2::22", "fcbb:bb00:201:101:202:905::"
u8, u16, u24, u32, u64 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 24, 32, 64))
i16 = st.integers(-(1 << 15), (1 << 15) - 1)

sacks = st.builds(
    control.Sack,
    mark=st.sampled_from(list(Mark)),
    probe=st.just(False),
    trigger=i16,
    entropy=u32,
    spdcid=u16,
    dpdcid=u16,
    cack=u24,
    mpr=u8,
    offset=i16,
    bitmap=u64,
    timestamp=u16,
    ooo_count=st.integers(0, 0x7FFF),
    rcvd_bytes=u24,
    penalty=st.integers(0, 127),
    restore=st.booleans(),
) | st.builds(
    control.Sack,
    mark=st.sampled_from(list(Mark)),
    probe=st.just(True),
    trigger=u16,  # the probe id
    entropy=u32,
    spdcid=u16,
    dpdcid=u16,
    cack=u24,
    mpr=u8,
    offset=i16,
    bitmap=u64,
    timestamp=u16,
    ooo_count=st.integers(0, 0x7FFF),
    rcvd_bytes=u24,
)


def whole(opcode: Opcode, traffic_class: int, dqp: int, psn: int, *rest: object, flags: int = 0) -> bytes:
    """scapy's opinion of a whole frame."""
    bth = {
        "opcode": opcode,
        "dqpn": dqp,
        "psn": psn,
        "ackreq": flags >> 7,
        "resv7": flags & 0x7F,
        "padcount": -sum(len(part) for part in rest if isinstance(part, bytes)) % 4,
    }
    return datagram(SOURCE, TARGET, traffic_class, EV, bth, *rest, outer=CARRIER)


@given(st.binary(min_size=1, max_size=80), u24, u24, u16, u16, u64, u32, u32, st.sampled_from([0x10, 0xB0]))
def test_write(
    payload: bytes,
    dqp: int,
    psn: int,
    msn: int,
    stamp: int,
    address: int,
    rkey: int,
    total: int,
    flags: int,
) -> None:
    """A write with any field values and payload is the frame that scapy builds, ICRC and pad included."""
    # spec 2.1, 2.4
    pad = bytes(-len(payload) % 4)
    bth = {
        "opcode": Opcode.WRITE_MIDDLE,
        "dqpn": dqp,
        "psn": psn,
        "ackreq": flags >> 7,
        "resv7": flags & 0x7F,
        "padcount": len(pad),
    }
    expected = datagram(
        SOURCE,
        TARGET,
        DATA_CLASS,
        EV,
        bth,
        Meth(msn=msn),
        Tseth(timestamp=stamp, tsr=1),
        Reth(address=address, rkey=rkey, length=total),
        payload + pad,
        outer=CARRIER,
    )
    actual = write_frame(
        payload,
        flags=flags,
        timestamp=stamp,
        unit=layout.TIMESTAMP_UNIT_OWN,
        dqp=dqp,
        psn=psn,
        opcode=Opcode.WRITE_MIDDLE,
        msn=msn,
        address=address,
        rkey=rkey,
        dma_length=total,
    )
    assert expected == actual


@given(sacks, u24)
def test_sack(sack: control.Sack, dqp: int) -> None:
    """A SACK with any field values is the frame that scapy builds."""
    body = Seth(
        m=sack.mark,
        pr=sack.probe,
        ack_psn_offset=sack.trigger & 0xFFFF,
        entropy=sack.entropy,
        spdcid=sack.spdcid,
        dpdcid=sack.dpdcid,
        cack_psn=sack.cack,
        mpr=sack.mpr,
        sack_offset=sack.offset & 0xFFFF,
        bitmap=sack.bitmap,
        timestamp=sack.timestamp,
        ooo_count=sack.ooo_count,
        restore_cwnd=sack.restore,
        rcv_cwnd_pen=sack.penalty,
        rcvd_bytes=sack.rcvd_bytes,
    )
    expected = whole(Opcode.SACK, CONTROL_CLASS, dqp, sack.cack, body)
    assert expected == control_frame(Opcode.SACK, sack.pack(), dqp, CONTROL_CLASS, sack.cack)


@given(u16, u16, u16, u16)
def test_probe(number: int, source: int, target: int, stamp: int) -> None:
    """A reliability probe is the frame that scapy builds, and reads back."""
    body = control.pack_probe(number, source, target, stamp, layout.TIMESTAMP_UNIT_OWN)
    peth = Peth(probe_id=number, spdcid=source, dpdcid=target, timestamp=stamp, tsr=1)
    assert whole(Opcode.PROBE, DATA_CLASS, 5, 0, peth) == control_frame(Opcode.PROBE, body, 5, DATA_CLASS)
    assert (number, stamp) == control.unpack_probe(body)


@given(st.sampled_from(list(EndpointOp)), u32, u16, u16)
def test_endpoint_operations(op: EndpointOp, mask: int, stamp: int, request: int) -> None:
    """Endpoint requests and responses are the frames that scapy builds, and requests read back."""
    asked = control.pack_request(op, mask, stamp, layout.TIMESTAMP_UNIT_OWN)
    erth = Erth(op=op, port_status_mask=mask, timestamp=stamp, tsr=1)
    expected = whole(Opcode.ENDPOINT_REQUEST, DATA_CLASS, QPN_ENDPOINT, request, erth)
    actual = control_frame(Opcode.ENDPOINT_REQUEST, asked, QPN_ENDPOINT, DATA_CLASS, request)
    assert expected == actual
    assert (op, mask, stamp) == control.unpack_request(asked)
    answered = control.pack_response(op, stamp)
    eeth = Eeth(op=op, timestamp=stamp)
    expected = whole(Opcode.ENDPOINT_RESPONSE, CONTROL_CLASS, QPN_ENDPOINT, request, eeth)
    actual = control_frame(Opcode.ENDPOINT_RESPONSE, answered, QPN_ENDPOINT, CONTROL_CLASS, request)
    assert expected == actual


@given(sacks)
def test_sack_reads_back(sack: control.Sack) -> None:
    """Packing a SACK loses nothing."""
    assert sack == control.Sack.unpack(sack.pack())


@given(st.binary(min_size=layout.SACK_LEN, max_size=layout.SACK_LEN))
def test_any_bytes_are_some_sack(data: bytes) -> None:
    """Reading never fails, and what a reader may rely on holds: the reserved mark reads as NONE."""
    sack = control.Sack.unpack(data)
    assert sack.mark in set(Mark)
    assert sack == control.Sack.unpack(sack.pack())


def test_what_leaves_an_end_point_is_what_scapy_builds() -> None:
    """Every frame of a transfer, rebuilt by scapy from the fields that it read, is the same bytes."""
    pair = Pair(memory=1 << 16)
    pair.write(0, 10_001)
    pair.run()
    opcodes = set()
    for flight in pair.flights:
        packet = Ether(flight.data)
        outer, inner = packet.payload, packet.payload.payload
        assert ("IPv6", "IPv6", "UDP") == (outer.name, inner.name, inner.payload.name)
        assert (41, 17, 4791) == (outer.nh, inner.nh, inner.payload.dport)
        assert (outer.tc, outer.fl) == (inner.tc, inner.fl)
        assert len(flight.data) - 54 == outer.plen
        assert len(flight.data) - 94 == inner.plen == inner.payload.len
        opcodes.add(flight.opcode)
        body = flight.data[layout.EXT : -layout.ICRC]
        bth = flight.data[layout.BTH : layout.EXT]
        rebuilt = datagram(
            inner.src,
            inner.dst,
            inner.tc,
            inner.fl << 16 | inner.payload.sport,
            {
                "opcode": bth[0],
                "padcount": bth[1] >> 4,
                "dqpn": int.from_bytes(bth[5:8], "big"),
                "ackreq": bth[8] >> 7,
                "resv7": bth[8] & 0x7F,
                "psn": int.from_bytes(bth[9:12], "big"),
            },
            body,
        )
        assert rebuilt == flight.data[layout.INNER :]
    assert {
        Opcode.WRITE_FIRST,
        Opcode.WRITE_MIDDLE,
        Opcode.WRITE_LAST,
        Opcode.SACK,
        Opcode.ENDPOINT_REQUEST,
        Opcode.ENDPOINT_RESPONSE,
    } == opcodes


def test_pad_is_zero() -> None:
    """Up to three bytes of zero follow a payload, whatever the frame's place in the batch held before."""
    pair = Pair(memory=1 << 16)
    pair.source.data[:] = 0xEE
    pair.write(0, 40_000)
    pair.run()
    pair.flights.clear()
    for length in (1, 2, 3, 4, 4_093, 4_096):
        pair.write(0, length)
    pair.run()
    writes = [flight.data for flight in pair.flights if flight.is_write]
    assert [3, 2, 1, 0, 3, 0] == [data[layout.BTH + 1] >> 4 for data in writes]
    for data in writes:
        pad = data[layout.BTH + 1] >> 4
        assert bytes(pad) == data[-layout.ICRC - pad : -layout.ICRC]
        assert 0xEE == data[-layout.ICRC - pad - 1]
