"""Have the compiled loops ready before time counts: two end points talk to each other in memory."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.endpoint import Endpoint
from mrcnet.mrc.evs import EvPath
from mrcnet.mrc.memory import Region
from mrcnet.mrc.qp import LocalPort, QpSpec
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.frames import RxBatch, TxBatch

PAYLOAD = 64
PORTS = tuple(LocalPort(0, bytes(6), bytes(6), bytes((0xFD, *bytes(14), end))) for end in (1, 2))
_QPN = 1 << 8
_PATH = EvPath(1, 0, 0, bytes(16))
_PACKETS = 8
_RTT = 1_000_000  # ns
_ROUNDS = 4


class Talker(Protocol):
    """What an end point of any transport can do."""

    def register(self, data: npt.NDArray[np.uint8], address: int) -> Region:
        """Open `data` to the peer."""

    def post_write(self, qpn: int, source: Region, offset: int, length: int, address: int, rkey: int) -> int:
        """Queue a write."""

    def frames_to_send(self, now: int, room: npt.NDArray[np.int64]) -> TxBatch:
        """What may leave now."""

    def receive(self, batch: RxBatch, now: int) -> None:
        """Take frames."""


def warm(rng: np.random.Generator) -> None:
    """Load every loop, or compile it where none is kept: a message of a few packets, of which one is lost."""
    settings = Settings(payload=PAYLOAD)
    ends = []
    for host in (0, 1):
        end = Endpoint([PORTS[host]], settings, rng)
        end.connect(spec(host))
        ends.append(end)
    talk(*ends)


def spec(host: int) -> QpSpec:
    """The QP of one of two hosts on one plane, with one EV."""
    return QpSpec(_QPN + host, _QPN + 1 - host, 0, 0, {0: PORTS[1 - host].address}, (_PATH,))


def talk(here: Talker, there: Talker) -> None:
    """One writes to the other, and is answered; its first packet is lost."""
    data = np.zeros(_PACKETS * PAYLOAD, np.uint8)
    target = there.register(data.copy(), 0)
    here.post_write(_QPN, here.register(data, 0), 0, len(data), target.address, target.rkey)
    room = np.full(1, 1 << 10, np.int64)
    for number in range(_ROUNDS):
        now = (2 * number + 1) * _RTT
        there.receive(_as_heard(here.frames_to_send(now, room), skip=number == 0), now + _RTT // 2)
        here.receive(_as_heard(there.frames_to_send(now + _RTT // 2, room), skip=False), now + _RTT)


def _as_heard(out: TxBatch, *, skip: bool) -> RxBatch:
    first = min(int(skip), out.count)
    rows = slice(first, out.count)
    return RxBatch(out.buffer[rows], 0, out.length[rows], out.port[rows])
