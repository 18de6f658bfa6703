"""The socket filter, run by a small interpreter of classic BPF."""

from __future__ import annotations

import struct

import pytest
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Ether

from mrcnet.verify.ear import filter_program

PORT = 9791


def passes(frame: bytes) -> bool:
    """Run the filter; a load beyond the frame drops it, as in the kernel."""
    program = list(struct.iter_unpack("=HBBI", filter_program(PORT)))
    at = value = 0
    while True:
        code, yes, no, operand = program[at]
        at += 1
        if code == 0x06:
            return bool(operand)
        if code == 0x15:
            at += yes if value == operand else no
        else:
            size = {0x28: 2, 0x30: 1}[code]
            if operand + size > len(frame):
                return False
            value = int.from_bytes(frame[operand : operand + size], "big")


def probe(**udp: int) -> Ether:
    return Ether() / IPv6(dst="fcbb:bb00:1::") / IPv6(dst="fd00::1") / UDP(**({"dport": PORT} | udp))


def test_a_probe_passes() -> None:
    """UDP to the probe port is heard, in a carrier and where that was taken off."""
    assert passes(bytes(probe()))
    assert passes(bytes(Ether() / IPv6(dst="fd00::1") / UDP(dport=PORT)))


@pytest.mark.parametrize(
    "frame",
    [
        probe(dport=4791),
        probe(dport=1, sport=PORT),
        Ether() / IPv6() / UDP(dport=1),
        Ether() / IPv6() / TCP(dport=PORT),
        Ether() / IPv6(dst="fcbb:bb00:1::") / IPv6(dst="fd00::1") / ICMPv6EchoRequest(data=bytes(64)),
        Ether() / ARP(),
    ],
    ids=["other port", "source port", "no carrier, other port", "no carrier, TCP", "ICMP inside", "ARP"],
)
def test_all_else_is_dropped(frame: Ether) -> None:
    """What is no probe does not take room in the ring."""
    assert not passes(bytes(frame))
