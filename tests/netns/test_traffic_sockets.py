"""Rings and senders on veth pairs of a nameless namespace: every frame, byte for byte, in order."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator

import numpy as np
import pytest

from mrcnet.kernel import netns
from mrcnet.mrc.wire.frames import TxBatch
from mrcnet.nic.ring import Ring, port_numbers
from mrcnet.nic.sender import Sender
from tests.netns.fabric import NEEDS_ROOT

pytestmark = NEEDS_ROOT
PAIRS = (("near0", "far0"), ("near1", "far1"), ("near2", "far2"))
NEAR = [near for near, _ in PAIRS]
TYPE = b"\x88\xb5"  # an Ethernet type for experiments, which no stack answers


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@pytest.fixture(autouse=True)
def _wires() -> Iterator[None]:
    """Three veth pairs in a namespace of their own, in which the test runs."""
    with netns.fresh():
        for file in ("all", "default"):
            with open(f"/proc/sys/net/ipv6/conf/{file}/disable_ipv6", "w") as switch:
                switch.write("1")  # no neighbour discovery among the frames that are counted
        for near, far in PAIRS:
            ip("link", "add", near, "mtu", "9000", "type", "veth", "peer", "name", far, "mtu", "9000")
            for name in (near, far):
                ip("link", "set", name, "up")
        yield


def frame(number: int, size: int = 100) -> bytes:
    """A frame that names itself in every byte."""
    return (bytes(12) + TYPE + number.to_bytes(4, "big") + bytes([number % 251]) * size)[:size]


def raw(name: str) -> socket.socket:
    """A plain packet socket on an interface."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B5))
    opened.bind((name, 0x88B5))
    opened.settimeout(5)
    return opened


def take(ring: Ring, most: int = 1_000) -> list[tuple[int, int, bytes]]:
    """All frames in a ring: (port, length, bytes)."""
    found = []
    while (batch := ring.read(most)) is not None:
        for row in range(len(batch.length)):
            size = int(batch.length[row])
            found.append(
                (int(batch.port[row]), size, batch.buffer[row, batch.at : batch.at + size].tobytes())
            )
        ring.release()
    return found


def batch_of(frames: list[tuple[int, bytes]], payload: int = 4_096) -> TxBatch:
    """A batch of (port, frame)."""
    batch = TxBatch(len(frames), payload)
    for row, (port, data) in enumerate(frames):
        batch.buffer[row, : len(data)] = np.frombuffer(data, np.uint8)
        batch.length[row], batch.port[row] = len(data), port
    batch.count = len(frames)
    return batch


def heard(opened: socket.socket, count: int) -> list[bytes]:
    """The next `count` frames of a socket."""
    return [opened.recv(10_000) for _ in range(count)]


def sender() -> Sender:
    index_of = {number: index for index, number in port_numbers(NEAR).items()}
    return Sender([index_of[number] for number in range(len(NEAR))])


def test_ring_gives_every_frame_its_port() -> None:
    """Frames come in order, whole, with the number of the port that they came by."""
    ring = Ring(4_234, 64, port_numbers(NEAR))
    sent = [(number % 3, frame(number, 60 + 131 * number)) for number in range(30)]
    sockets = [raw(far) for _, far in PAIRS]
    for port, data in sent:
        sockets[port].send(data)
    assert [(port, len(data), data) for port, data in sent] == take(ring)


def test_ring_knows_its_own_ports() -> None:
    """A frame of an interface that is none of the ports has port -1; one of a missing name is left out."""
    ring = Ring(4_234, 64, port_numbers(["near1", "no-such-port"]))
    for _, far in PAIRS:
        raw(far).send(frame(1))
    assert [-1, 0, -1] == [port for port, _, _ in take(ring)]


def test_ring_goes_round() -> None:
    """Frames stay in order and whole over many turns of the ring, however many are read at once."""
    ring = Ring(4_234, 64, port_numbers(NEAR))
    far = raw("far0")
    found: list[tuple[int, int, bytes]] = []
    total = 5 * ring.slots + 7
    for number in range(total):
        far.send(frame(number))
        if number % (ring.slots // 3) == 0:
            found += take(ring, most=1 + number % 50)
    found += take(ring)
    assert [frame(number) for number in range(total)] == [data for _, _, data in found]
    assert ring.drops() == 0


def test_ring_counts_what_it_has_no_room_for() -> None:
    """A full ring keeps the oldest frames, counts the others as drops once, and works on when emptied."""
    ring = Ring(4_234, 64, port_numbers(NEAR))
    far = raw("far0")
    for number in range(ring.slots + 10):
        far.send(frame(number))
    assert [frame(number) for number in range(ring.slots)] == [data for _, _, data in take(ring)]
    assert [10, 0] == [ring.drops(), ring.drops()]
    far.send(frame(7))
    assert [frame(7)] == [data for _, _, data in take(ring)]


def test_ring_does_not_hear_itself() -> None:
    """What the host sends is not received again."""
    ring = Ring(4_234, 64, port_numbers(NEAR))
    raw("near0").send(frame(1))  # which far0 hears, in the same namespace
    assert [-1] == [port for port, _, _ in take(ring)]


def test_long_frame_leaves_its_neighbours_alone() -> None:
    """A frame longer than a slot is cut, keeps its true length for the gate, and spoils no other."""
    ring = Ring(200, 64, port_numbers(NEAR))
    far = raw("far0")
    for data in (frame(1), frame(2, 3_000), frame(3)):
        far.send(data)
    batch = ring.read(10)
    assert batch is not None
    assert [100, 3_000, 100] == batch.length.tolist()
    room = batch.buffer.shape[1] - batch.at
    assert frame(2, 3_000)[:room] == batch.buffer[1, batch.at :].tobytes()
    assert [frame(1), frame(3)] == [batch.buffer[row, batch.at : batch.at + 100].tobytes() for row in (0, 2)]


def test_sender_uses_the_ports_it_is_told() -> None:
    """Each frame of a batch leaves by its port, whole, in order."""
    sockets = [raw(far) for _, far in PAIRS]
    frames = [(number * 7 % 3, frame(number, 60 + 97 * number)) for number in range(40)]
    out = sender()
    out.send(batch_of(frames))
    for port, opened in enumerate(sockets):
        expected = [data for number, data in frames if number == port]
        assert expected == heard(opened, len(expected))
    assert [0, 0, 0] == out.refused.tolist()


@pytest.mark.parametrize("how", ["down", "gone", "narrow"])
def test_refused_frames_are_counted_and_skipped(how: str) -> None:
    """A port that is down, gone or too narrow costs its own frames only: the others of the batch leave."""
    out = sender()
    sockets = {0: raw("far0"), 2: raw("far2")}
    commands = {
        "down": ("set", "near1", "down"),
        "gone": ("del", "near1"),
        "narrow": ("set", "near1", "mtu", "68"),
    }
    ip("link", *commands[how])
    frames = [(port, frame(number, 200)) for number, port in enumerate([1, 0, 1, 1, 2, 0, 1])]
    for _ in range(2):
        out.send(batch_of(frames))
    assert [0, 8, 0] == out.refused.tolist()
    for port, opened in sockets.items():
        assert 2 * [data for number, data in frames if number == port] == heard(opened, 4 if port == 0 else 2)


def test_a_larger_batch_than_before() -> None:
    """A sender serves batches of any size, also after smaller ones."""
    far = raw("far0")
    out = sender()
    for count in (1, 50, 3):
        out.send(batch_of([(0, frame(number)) for number in range(count)]))
        assert [frame(number) for number in range(count)] == heard(far, count)
