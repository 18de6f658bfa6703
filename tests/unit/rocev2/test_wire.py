"""The frames are RoCEv2: strangers take them apart, and find what we put in."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.contrib.roce import AETH, BTH, CNPPadding
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from mrcnet.rocev2.settings import Roce
from mrcnet.rocev2.wire import FlowLabel, Opcode, path_of
from tests.support.roce import MTU, RocePair, losing
from tests.support.wire import DELAY, Flight, deliver

# RoCEv2's own ICRC protects its bytes: NICs leave the UDP checksum 0 over IPv6 as well
ZERO_CHECKSUM = ("-o", "udp.ignore_ipv6_zero_checksum:TRUE")


def weathered(length: int, qps: int = 1) -> RocePair:
    """A transfer with every kind of frame in it: writes, ACKs, a NAK, CNPs."""
    loses = losing(1)

    def fate(flight: Flight) -> list[tuple[int, bytes]]:
        if not flight.is_write:
            return deliver(flight)
        marked = bytearray(flight.data)
        marked[15] |= 0x30  # CE, on the outer header
        return [(flight.sent_at + DELAY, bytes(marked))] if loses(flight) else []

    pair = RocePair(Roce(qps=qps), fate=fate, start_psn=0xFFFFFE)
    pair.write(0, length)
    pair.write(0, 7)
    pair.finish()
    return pair


@settings(max_examples=30)
@given(st.integers(1, 5 * MTU), st.sampled_from([1, 4]))
def test_scapy_reads_them(length: int, qps: int) -> None:
    """Every frame comes apart into IPv6 in IPv6, UDP and BTH, and scapy computes the same ICRC."""
    pair = weathered(length, qps)
    seen = Counter(flight.opcode for flight in pair.flights)
    assert {Opcode.WRITE_ONLY, Opcode.ACKNOWLEDGE, Opcode.CNP} <= set(seen)
    for flight in pair.flights:
        packet = Ether(flight.data)
        assert [Ether, IPv6, IPv6, UDP, BTH] == packet.layers()[:5]
        bth = packet[BTH]
        assert (flight.opcode, flight.psn, 4791) == (bth.opcode, bth.psn, packet[UDP].dport)
        bth.icrc = None
        assert flight.data == bytes(packet)
        if flight.opcode == Opcode.ACKNOWLEDGE:
            assert packet[AETH].syndrome in (0x1F, 0x60)
        elif flight.opcode == Opcode.CNP:
            assert bth.becn
            assert packet.haslayer(CNPPadding)


def test_reth_stands_in_first_and_only() -> None:
    """The address, rkey and length of a message are in its first packet only; the rest is payload."""
    pair = weathered(3 * MTU)
    first = [f for f in pair.flights if f.opcode == Opcode.WRITE_FIRST]
    address, rkey, length = struct.unpack(">QII", first[0].data[114:130])
    assert (pair.target.address, pair.target.rkey, 3 * MTU) == (address, rkey, length)
    middle = next(f for f in pair.flights if f.opcode == Opcode.WRITE_MIDDLE)
    assert bytes(pair.source.data[MTU : 2 * MTU]) == middle.data[114:-4]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed: apt-get install tshark")
def test_tshark_reads_them(tmp_path: Path) -> None:
    """tshark finds no malformed frame, the opcodes and PSNs that were sent, and nothing it warns of."""
    pair = weathered(5 * MTU, qps=4)
    capture = tmp_path / "roce.pcap"
    with capture.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 16, 1))
        for flight in pair.flights:
            size = len(flight.data)
            out.write(struct.pack("<IIII", 0, flight.sent_at // 1_000, size, size) + flight.data)
    fields = ("infiniband.bth.opcode", "infiniband.bth.psn", "_ws.malformed", "_ws.expert.severity")
    options = [word for name in fields for word in ("-e", name)]
    done = subprocess.run(
        ["tshark", *ZERO_CHECKSUM, "-r", str(capture), "-T", "fields", *options],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    read = [line.split("\t") for line in done.stdout.splitlines()]
    assert [[str(f.opcode), str(f.psn), "", ""] for f in pair.flights] == read


@given(st.integers(0, 7), st.integers(1, 0xFFFF))
def test_the_label_tells_the_path(plane: int, uplink: int) -> None:
    """Every EV of a plan comes back from the flow label of a frame, whatever the source port."""
    ev = plane << 16 | uplink
    _, label = FlowLabel().split(ev)
    word = np.array([6 << 28 | label])
    assert [ev] == FlowLabel().join(np.array([0xC123]), word).tolist()


def test_source_ports_spread() -> None:
    """The hash of source ports gives each of 16 paths its share, within a third."""
    hits = Counter(path_of(port, 16) for port in range(0xC000, 0x10000))
    share = 0x4000 / 16
    assert 16 == len(hits)
    assert all(2 / 3 * share < count < 4 / 3 * share for count in hits.values())
