"""The run that the pathologies share: a paced transfer over four planes, with something going wrong.

Times are fabric nanoseconds. One way takes 50 us, so the base RTT is a little over 100 us.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mrcnet.mrc.events import EvChanged, MessageCompleted, PacketsLost
from mrcnet.mrc.evs import State
from mrcnet.mrc.settings import Settings
from tests.support.weather import Outage, Weather
from tests.support.wire import DELAY, Pair

RTT = 2 * DELAY
PLANES, UPLINKS = 4, 8
START = 1_000_000  # when the clock of a `Pair` begins
FAULT = START + 5 * RTT  # in the middle of the traffic

KNOBS = Settings(
    payload=1_024,
    base_rtt_ns=RTT,
    backup_share=0.0,
    sack_threshold=4_096,
    timeout_exponent=11,  # 2.1 ms
    timeout_ceiling_exponent=12,
    probe_rtts=4,  # quicker than the default: what waits for probes need not be long
    probe_floor_ns=1_000,
    reverse_probe_ns=1_000_000,
)


def transfer(
    weather: Weather | None = None,
    *outages: Outage,
    length: int = 2 << 20,
    start_psn: int = 100,
    **knobs: Any,
) -> tuple[Pair, Weather]:
    """A message of `length` bytes sent and finished under the weather; nothing has been checked yet."""
    weather = weather or Weather()
    weather.outages.extend(outages)
    pair = Pair(
        replace(KNOBS, **knobs),
        planes=PLANES,
        uplinks=UPLINKS,
        start_psn=start_psn,
        memory=length,
        fate=weather,
        pace=0.5,
    )
    pair.write(0, length)
    pair.finish()
    return pair, weather


def check_complete(pair: Pair) -> None:
    """The message is whole, where it belongs, and nothing is left over."""
    assert [0] == [event.message for event in pair.seen(MessageCompleted)]
    assert not (pair.target.data != pair.image).any()
    assert 0 == pair.qp.requestor.in_flight


def went_bad(pair: Pair) -> list[tuple[int, int]]:
    """(when, EV value) of every EV that was assumed bad."""
    return [(e.at, e.ev) for e in pair.seen(EvChanged) if e.new == State.ASSUMED_BAD.name]


def lost(pair: Pair) -> list[int]:
    """The PSNs that were given up, in order."""
    return [int(psn) for event in pair.seen(PacketsLost) for psn in event.psn]


def per_plane(pair: Pair, since: int = 0) -> list[int]:
    """Writes sent on each plane after the instant `since`."""
    ports = [f.port for f in pair.flights if f.is_write and f.sender == 0 and f.sent_at >= since]
    return np.bincount(ports, minlength=PLANES).tolist()
