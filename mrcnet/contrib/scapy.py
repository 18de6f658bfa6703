"""MRC's headers as scapy layers, to craft and to dissect (spec 2.1-2.11).

After `from mrcnet.contrib.scapy import *` scapy dissects MRC packets to UDP port 4791 or 4971 down to the
payload. The layers are written from the tables of the specification and use nothing of the package's own
layouts: they are the other opinion, against which the transport is tested.
"""

from __future__ import annotations

from typing import Any, ClassVar

from scapy.contrib.roce import AETH as Aeth
from scapy.contrib.roce import BTH
from scapy.fields import (
    BitField,
    IntField,
    LongField,
    ShortField,
    ThreeBytesField,
    X3BytesField,
    XByteField,
    XIntField,
    XLongField,
    XShortField,
)
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw, bind_layers

__all__ = [
    *("BTH", "Aeth", "Eeth", "Erth", "ImmDt", "Meth", "Neth", "Peth", "Reth", "Seth", "Tseth", "datagram")
]

_TIMESTAMP = 0x10  # spec 2.5: BTH.ts
_WRITES = range(0xC6, 0xCC)
_WITH_IMMEDIATE = (0xC9, 0xCB)


def _bth_of(packet: Packet) -> Packet | None:
    """The BTH that a header stands behind, if any."""
    below = packet.underlayer
    while below is not None and not isinstance(below, BTH):
        below = below.underlayer
    return below


class Meth(Packet):
    name = "METH"
    fields_desc: ClassVar = [ShortField("rqmsn", 0), ShortField("msn", 0)]

    def guess_payload_class(self, payload: bytes) -> type[Packet]:  # noqa: ARG002
        """spec 2.1: TSETH follows exactly when BTH.ts = 1."""
        bth = _bth_of(self)
        return Tseth if bth is None or bth.resv7 & _TIMESTAMP else Reth


class Tseth(Packet):
    name = "TSETH"
    fields_desc: ClassVar = [
        XShortField("timestamp", 0),
        BitField("tsr", 0, 1),
        BitField("reserved", 0, 11),
        BitField("ftype", 1, 4),
    ]

    def guess_payload_class(self, payload: bytes) -> type[Packet]:  # noqa: ARG002
        return Reth


class Reth(Packet):
    name = "RETH"
    fields_desc: ClassVar = [XLongField("address", 0), XIntField("rkey", 0), IntField("length", 0)]

    def guess_payload_class(self, payload: bytes) -> type[Packet]:  # noqa: ARG002
        """spec 2.1: ImmDt directly after RETH, in the last packet of a WriteIMM only."""
        bth = _bth_of(self)
        return ImmDt if bth is not None and bth.opcode in _WITH_IMMEDIATE else Raw


class ImmDt(Packet):
    name = "ImmDt"
    fields_desc: ClassVar = [XIntField("immediate", 0)]


class Seth(Packet):
    name = "SETH and CC_STATE"
    fields_desc: ClassVar = [
        BitField("type", 0, 4),
        BitField("next", 0, 5),
        BitField("m", 0, 2),
        BitField("reserved1", 0, 3),
        BitField("pr", 0, 1),
        BitField("reserved2", 0, 1),
        BitField("ack_psn_offset", 0, 16),
        XIntField("entropy", 0),
        XShortField("spdcid", 0),
        XShortField("dpdcid", 0),
        XByteField("reserved3", 0),
        X3BytesField("cack_psn", 0),
        BitField("cc_type", 0, 4),
        BitField("cc_fl", 0, 4),
        XByteField("mpr", 0),
        BitField("sack_offset", 0, 16),
        XLongField("bitmap", 0),
        XShortField("timestamp", 0),
        BitField("reserved4", 0, 1),
        BitField("ooo_count", 0, 15),
        BitField("restore_cwnd", 0, 1),
        BitField("rcv_cwnd_pen", 0, 7),
        ThreeBytesField("rcvd_bytes", 0),
    ]


class Neth(Packet):
    name = "NETH"
    fields_desc: ClassVar = [
        BitField("type", 0, 4),
        BitField("next", 0, 5),
        BitField("reserved1", 0, 7),
        XByteField("nack_reason", 0),
        XByteField("vendor_info", 0),
        XIntField("entropy", 0),
        XShortField("spdcid", 0),
        XShortField("dpdcid", 0),
        XByteField("reserved2", 0),
        X3BytesField("nack_psn", 0),
        BitField("cc_type", 2, 4),
        BitField("cc_fl", 0, 4),
        XByteField("reserved3", 0),
        XShortField("timestamp", 0),
    ]


class Peth(Packet):
    name = "PETH"
    fields_desc: ClassVar = [
        BitField("type", 0, 4),
        BitField("next", 0, 5),
        BitField("reserved1", 0, 15),
        XByteField("vendor_info", 0),
        XShortField("probe_id", 0),
        XShortField("reserved2", 0),
        XShortField("spdcid", 0),
        XShortField("dpdcid", 0),
        XShortField("timestamp", 0),
        BitField("tsr", 0, 1),
        BitField("reserved3", 0, 11),
        BitField("ftype", 1, 4),
    ]


class Erth(Packet):
    name = "ERTH"
    fields_desc: ClassVar = [
        BitField("type", 0, 4),
        BitField("next", 0, 5),
        BitField("reserved1", 0, 5),
        BitField("op", 0, 2),
        XByteField("reserved2", 0),
        XByteField("vendor_info", 0),
        XIntField("port_status_mask", 0),
        XIntField("reserved3", 0),
        XShortField("timestamp", 0),
        BitField("tsr", 0, 1),
        BitField("reserved4", 0, 11),
        BitField("ftype", 1, 4),
    ]


class Eeth(Packet):
    name = "EETH"
    fields_desc: ClassVar = [
        BitField("type", 0, 4),
        BitField("next", 0, 5),
        BitField("reserved1", 0, 3),
        BitField("op", 0, 2),
        BitField("reserved2", 0, 2),
        XShortField("reserved3", 0),
        LongField("reserved4", 0),
        LongField("reserved5", 0),
        LongField("reserved6", 0),
        XShortField("timestamp", 0),
        BitField("reserved7", 0, 48),
    ]


for _opcode in _WRITES:
    bind_layers(BTH, Meth, opcode=_opcode)
for _opcode, _layer in ((0xD1, Aeth), (0xD8, Erth), (0xD9, Eeth), (0xDC, Seth), (0xDD, Neth), (0xDE, Peth)):
    bind_layers(BTH, _layer, opcode=_opcode)
bind_layers(UDP, BTH, dport=4971)  # spec 2.2: the other reading; scapy binds 4791 itself


def datagram(
    source: str,
    target: str,
    traffic_class: int,
    ev: int,
    bth: dict[str, Any],
    *rest: Packet | bytes,
    outer: str | None = None,
) -> bytes:
    """One packet with scapy's lengths and scapy's ICRC; `outer` adds Ethernet and the carrier's header.

    `bth` are scapy's names; `resv7` holds rtx (0x20) and ts (0x10). UDP checksum 0, hop limit 64.
    """
    label, sport = ev >> 16, ev & 0xFFFF
    packet = IPv6(src=source, dst=target, tc=traffic_class, fl=label, hlim=64)
    packet /= UDP(sport=sport, dport=4791, chksum=0)
    packet /= BTH(**bth)
    for layer in rest:
        packet /= Raw(layer) if isinstance(layer, bytes) else layer
    if outer:
        packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / (
            IPv6(src=source, dst=outer, tc=traffic_class, fl=label, hlim=64) / packet
        )
    return bytes(packet)
