"""Trimming: switches cut packets down to their headers, and NACKs bring them again at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mrcnet.mrc.evs import State
from mrcnet.mrc.settings import Settings
from tests.support.wire import Flight, Pair, deliver

TRIM_TO = 128
SETTINGS = Settings(payload=1_024, timeout_exponent=12)


def trimmed(data: bytes, dscp: int) -> bytes:
    """What a switch leaves of a frame: 128 bytes, the outer DSCP rewritten, lengths as they were."""
    word = int.from_bytes(data[14:18], "big") & ~(0x3F << 22) | dscp << 22
    return data[:14] + word.to_bytes(4, "big") + data[18 : 14 + TRIM_TO]


def storm(share: float, dscp: int, seed: int = 5):
    dice = np.random.default_rng(seed)

    def fate(flight: Flight) -> list[tuple[int, bytes]]:
        if flight.is_write and dice.random() < share:
            return [(when, trimmed(data, dscp)) for when, data in deliver(flight)]
        return deliver(flight)

    return fate


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("dscp", [12, 14])
def test_everything_arrives_without_a_timeout(share: float, dscp: int) -> None:
    """However many packets are trimmed, every byte arrives, no EV is blamed and no timer is needed."""
    pair = Pair(SETTINGS, fate=storm(share, dscp))
    pair.write(0, 200_000)
    pair.run()
    books = pair.qp.requestor.counters
    assert bytes(pair.source.data[:200_000]) == bytes(pair.target.data[:200_000])
    assert books.nacked == books.retransmitted > 0
    assert 0 == books.lost
    assert not (pair.qp.evs.state == State.ASSUMED_BAD).any()
    assert 0 == pair.qp.requestor.in_flight


def test_a_responder_without_trim_nack_keeps_silent() -> None:
    """Where TRIM_NACK was not offered a trimmed packet is dropped and counted, and found by its hole."""
    # spec 3.1 step 1
    pair = Pair(replace(SETTINGS, trim_nack=False), fate=storm(0.2, 12))
    pair.write(0, 100_000)
    pair.run()
    assert bytes(pair.source.data[:100_000]) == bytes(pair.target.data[:100_000])
    assert 0 == pair.qp.requestor.counters.nacked
    assert pair.ends[1].drops["trimmed"] > 0
