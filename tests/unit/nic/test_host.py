"""A host's turn: what it gives its ports."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from mrcnet.nic.host import Host
from mrcnet.nic.pacer import Pacer

FRAME, SHORT, TURN = 1_000, 80, 4_000
RATE = 8e9  # a byte a nanosecond


class Talker:
    """An end point with acknowledgements, which go first, and more data than any port takes."""

    def __init__(self, acknowledgements: int) -> None:
        self.acknowledgements = acknowledgements
        self.data = 0

    def frames_to_send(self, _now: int, room: Any) -> Any:
        short = min(self.acknowledgements, int(room[0]))
        self.acknowledgements -= short
        full = int(room[0]) - short
        self.data += full
        length = np.array([SHORT] * short + [FRAME] * full)
        return SimpleNamespace(count=len(length), port=np.zeros(len(length), int), length=length, room=100)

    def waiting(self, _now: int) -> bool:
        return True


def data_sent(acknowledgements: int) -> int:
    """Full frames that leave in a turn, beside so many short ones."""
    host: Any = object.__new__(Host)
    host.station = SimpleNamespace(endpoint=Talker(acknowledgements))
    host.sender = SimpleNamespace(send=lambda _: None)
    host.ledger = host._router = None
    host._send_paced(0, 0, Pacer([RATE], FRAME, TURN))
    return int(host.station.endpoint.data)


def test_acknowledgements_take_no_more_than_their_bytes() -> None:
    """A port that has short frames to send holds as many bytes as one that has none."""
    alone = data_sent(0)
    assert alone > 4
    assert alone - 1 == data_sent(alone)
