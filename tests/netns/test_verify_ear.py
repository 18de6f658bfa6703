"""An ear on a real interface: the loopback of an empty namespace, where every frame goes out and comes in."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from mrcnet.kernel.netns import fresh
from mrcnet.mrc.wire.frames import TxBatch
from mrcnet.nic.sender import Sender
from mrcnet.verify.ear import Ear
from mrcnet.verify.model import planned_paths
from mrcnet.verify.probes import FRAME, NONCE, NONCE_AT, build_probes, probe_port
from tests.unit.plan.fabrics import shipped

pytestmark = [pytest.mark.netns, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

PLAN = shipped("2p-2t0-2t1")
PROBES = build_probes(PLAN, tuple(planned_paths(PLAN)), bytes(NONCE))
HOST = PLAN.nodes["h0"]
NODE = replace(HOST, ports=(replace(HOST.ports[0], name="lo"),))


@pytest.fixture
def ends() -> Iterator[tuple[Ear, Sender]]:
    with fresh():
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        ear, sender = Ear(NODE), Sender([1])
    ear.open(probe_port(PLAN), PROBES.nonce)
    yield ear, sender
    ear.close()
    sender.close()


def send(sender: Sender, frames: np.ndarray) -> None:
    batch = TxBatch(len(frames), FRAME)
    batch.buffer[:, : frames.shape[1]] = frames
    batch.length[:] = frames.shape[1]
    batch.count = len(frames)
    sender.send(batch)


def test_every_frame_is_heard_out_and_in(ends: tuple[Ear, Sender]) -> None:
    """Each probe is handed over whole, once as outgoing and once as incoming, with its port; then no more."""
    ear, sender = ends
    send(sender, PROBES.frames)
    frames, interfaces, kinds = ear.take()
    for out in (True, False):
        of_that_kind = frames[(kinds == socket.PACKET_OUTGOING) == out]
        assert PROBES.frames.tolist() == of_that_kind.tolist()
    assert {"lo"} == {ear.ports[int(each)] for each in interfaces}
    assert 0 == len(ear.take()[0])


def test_an_ear_does_not_tire(ends: tuple[Ear, Sender]) -> None:
    """Ten times as many frames as the ring has slots are all heard, in order, if taken in between."""
    ear, sender = ends
    for turn in range(107):  # 96 a turn, which does not divide the 1024 slots
        send(sender, np.roll(PROBES.frames, turn, axis=0))
        frames, _, kinds = ear.take()
        assert (
            np.roll(PROBES.frames, turn, axis=0).tolist() == frames[kinds == socket.PACKET_OUTGOING].tolist()
        )


def test_other_traffic_is_not_heard(ends: tuple[Ear, Sender]) -> None:
    """Frames to another port, of another run, and truncated ones leave no trace."""
    ear, sender = ends
    other = PROBES.frames.copy()
    other[:, 96:98] = (18, 183)  # UDP destination port 4791
    send(sender, other)
    other = PROBES.frames.copy()
    other[:, NONCE_AT] ^= 1
    send(sender, other)
    send(sender, np.ascontiguousarray(PROBES.frames[:, : FRAME - 1]))
    assert 0 == len(ear.take()[0])
