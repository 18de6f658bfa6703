"""The socket filter, run by a small interpreter of classic BPF."""

from __future__ import annotations

import struct

import pytest
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Ether

from mrcnet.verify.ear import filter_program

PORT = 9791
NONCE = bytes(range(8))
PAYLOAD = b"mrcprobe" + NONCE + bytes(16)


def passes(frame: bytes) -> bool:
    """Run the filter; a load beyond the frame drops it, as in the kernel."""
    program = list(struct.iter_unpack("=HBBI", filter_program(PORT, NONCE)))
    at = value = beyond = 0
    while True:
        code, yes, no, operand = program[at]
        at += 1
        if code == 0x06:
            return bool(operand)
        if code == 0x15:
            at += yes if value == operand else no
        elif code == 0x01:
            beyond = operand
        else:
            start = operand + (beyond if code & 0x40 else 0)
            end = start + {0x00: 4, 0x08: 2, 0x10: 1}[code & 0x18]
            if end > len(frame):
                return False
            value = int.from_bytes(frame[start:end], "big")


def probe(payload: bytes = PAYLOAD, **udp: int) -> Ether:
    datagram = UDP(**({"dport": PORT} | udp)) / payload
    return Ether() / IPv6(dst="fcbb:bb00:1::") / IPv6(dst="fd00::1") / datagram


def test_a_probe_passes() -> None:
    """A probe of this run is heard, in a carrier and where that was taken off."""
    assert passes(bytes(probe()))
    assert passes(bytes(Ether() / IPv6(dst="fd00::1") / UDP(dport=PORT) / PAYLOAD))


@pytest.mark.parametrize(
    "frame",
    [
        probe(dport=4791),
        probe(dport=1, sport=PORT),
        probe(PAYLOAD.replace(NONCE, NONCE[::-1])),
        probe(PAYLOAD[:12]),
        Ether() / IPv6() / UDP(dport=1) / PAYLOAD,
        Ether() / IPv6() / UDP(dport=PORT) / PAYLOAD.replace(NONCE, bytes(8)),
        Ether() / IPv6() / TCP(dport=PORT) / PAYLOAD,
        Ether() / IPv6(dst="fcbb:bb00:1::") / IPv6(dst="fd00::1") / ICMPv6EchoRequest(data=bytes(64)),
        Ether() / ARP(),
    ],
    ids=[
        "other port",
        "source port",
        "other run",
        "short",
        "no carrier, other port",
        "no carrier, other run",
        "no carrier, TCP",
        "ICMP inside",
        "ARP",
    ],
)
def test_all_else_is_dropped(frame: Ether) -> None:
    """What is no probe does not take room in the ring."""
    assert not passes(bytes(frame))
