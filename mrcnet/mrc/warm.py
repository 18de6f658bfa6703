"""Have the compiled loops ready before time counts: two end points talk to each other in memory."""

from __future__ import annotations

import numpy as np

from mrcnet.mrc.endpoint import Endpoint
from mrcnet.mrc.evs import EvPath
from mrcnet.mrc.qp import LocalPort, QpSpec
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.frames import RxBatch, TxBatch

_PACKETS = 8
_RTT = 1_000_000  # ns
_ROUNDS = 4


def warm(rng: np.random.Generator) -> None:
    """Load every loop, or compile it where none is kept: a message of a few packets, of which one is lost."""
    settings = Settings(payload=64)
    here, there = (_endpoint(host, settings, rng) for host in (0, 1))
    data = np.zeros(_PACKETS * settings.payload, np.uint8)
    target = there.register(data.copy(), 0)
    here.post_write(1 << 8, here.register(data, 0), 0, len(data), target.address, target.rkey)
    room = np.full(1, 1 << 10, np.int64)
    for number in range(_ROUNDS):
        now = (2 * number + 1) * _RTT
        there.receive(_as_heard(here.frames_to_send(now, room), skip=number == 0), now + _RTT // 2)
        here.receive(_as_heard(there.frames_to_send(now + _RTT // 2, room), skip=False), now + _RTT)


def _as_heard(out: TxBatch, *, skip: bool) -> RxBatch:
    first = min(int(skip), out.count)
    rows = slice(first, out.count)
    return RxBatch(out.buffer[rows], 0, out.length[rows], out.port[rows])


def _endpoint(host: int, settings: Settings, rng: np.random.Generator) -> Endpoint:
    """On one plane, with one EV."""
    addresses = [bytes((0xFD, *bytes(14), end)) for end in (1, 2)]
    port = LocalPort(0, bytes(6), bytes(6), addresses[host])
    end = Endpoint([port], settings, rng)
    numbers = [(1 << 8) + end for end in (0, 1)]
    path = EvPath(1, 0, 0, bytes(16))
    end.connect(QpSpec(numbers[host], numbers[1 - host], 0, 0, {0: addresses[1 - host]}, (path,)))
    return end
