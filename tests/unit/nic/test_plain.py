"""Frames without a carrier: what goes out is plain, what comes in reads as before."""

from __future__ import annotations

import numpy as np
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from mrcnet.mrc.wire.frames import RxBatch
from mrcnet.nic.plain import HEADER, put_on, take_off
from tests.support.roce import MTU, RocePair

AT = 66


def test_the_wire_has_one_ipv6_header() -> None:
    """Without its carrier a frame is Ethernet, IPv6 to the peer, UDP 4791, of the right lengths."""
    pair = RocePair()
    pair.write(0, MTU)
    out = pair.ends[0].frames_to_send(0, np.array([8] * pair.planes))
    whole = bytes(out.buffer[0, : out.length[0]])
    take_off(out)
    plain = bytes(out.buffer[0, HEADER : HEADER + out.length[0]])
    assert (whole[:12], whole[54:]) == (plain[:12], plain[14:])
    frame = Ether(plain)
    assert [Ether, IPv6, UDP] == frame.layers()[:3]
    assert (len(plain) - 54, 4791) == (frame[IPv6].plen, frame[UDP].dport)


def test_what_comes_in_has_the_marks() -> None:
    """A frame that was taken off and put on again is the same, but for what a switch wrote to its header."""
    pair = RocePair()
    pair.write(0, MTU)
    out = pair.ends[0].frames_to_send(0, np.array([8] * pair.planes))
    before, length = bytes(out.buffer[0, : out.length[0]]), int(out.length[0])
    take_off(out)
    row = np.zeros((1, AT + length), np.uint8)
    row[0, AT : AT + length - HEADER] = out.buffer[0, HEADER:length]
    row[0, AT + 15] |= 0x30  # both bits of ECN
    batch = put_on(RxBatch(row, AT, out.length[:1].copy(), np.array([0])))
    after = bytes(batch.buffer[0, batch.at : batch.at + length])
    assert [length] == batch.length.tolist()
    assert (before[12:14], 41, 0x30) == (after[12:14], after[20], after[15] & 0x30)
    assert (before[54], before[55] | 0x30, before[56:]) == (after[54], after[55], after[56:])
