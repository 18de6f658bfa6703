"""MRC's headers written a second time, as scapy layers from the tables of spec 2.5-2.11.

Nothing here uses the package's own layouts: it is the other opinion.
"""

from __future__ import annotations

from typing import ClassVar

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
from scapy.packet import Packet, Raw


class Meth(Packet):
    name = "METH"
    fields_desc: ClassVar = [ShortField("rqmsn", 0), ShortField("msn", 0)]


class Tseth(Packet):
    name = "TSETH"
    fields_desc: ClassVar = [
        XShortField("timestamp", 0),
        BitField("tsr", 0, 1),
        BitField("reserved", 0, 11),
        BitField("ftype", 1, 4),
    ]


class Reth(Packet):
    name = "RETH"
    fields_desc: ClassVar = [XLongField("address", 0), XIntField("rkey", 0), IntField("length", 0)]


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


def datagram(
    source: str,
    target: str,
    traffic_class: int,
    ev: int,
    bth: dict[str, int],
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
