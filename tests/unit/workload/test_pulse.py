"""What a run tells of itself while it lasts, added up over its processes."""

from __future__ import annotations

import numpy as np

from mrcnet.mrc.events import EvChanged, PacketsLost, PlaneChanged, QpFailed
from mrcnet.workload.pulse import LATEST, EvHealth, Happening, Pulse, in_words, joined

NONE = np.empty(3, np.int64)


def pulse(host: str, at: int, bad: int) -> Pulse:
    """A process with one host, which tells something every tick."""
    events = tuple(Happening(2 * number, host, f"{number}") for number in range(LATEST))
    evs = EvHealth(1, 0, 3 - bad, 0, bad, 0, 0), EvHealth(1 << 16 | at, 1, 0, 0, 0, 1, 0)
    return Pulse(at, (5, 7), 2, evs, events, (("EvChanged", at), (host, 1)))


def test_added_up() -> None:
    """Bytes, QPs, EVs by value and events by kind add up; the latest events of all remain, in order."""
    found = joined([pulse("h0", 1, 0), pulse("h1", 2, 2)])
    assert (2, (10, 14), 4) == (found.at, found.delivered, found.qps)
    assert (
        EvHealth(1, 0, 4, 0, 2, 0, 0),
        EvHealth(1 << 16 | 1, 1, 0, 0, 0, 1, 0),
        EvHealth(1 << 16 | 2, 1, 0, 0, 0, 1, 0),
    ) == found.evs
    assert (("EvChanged", 3), ("h0", 1), ("h1", 1)) == found.counts
    assert LATEST == len(found.events)
    times = [one.at for one in found.events]
    assert sorted(times) == times
    assert {"h0", "h1"} == {one.host for one in found.events}


def test_words() -> None:
    """Every event that a run reports has its line."""
    assert [
        "EV 0x00010002 GOOD > ASSUMED_BAD: loss inferred",
        "plane 1 withdrawn: port down",
        "3 packets lost: loss inferred",
        "QP 0x101 failed: retry counter exceeded",
    ] == [
        in_words(EvChanged(1, 2, 0x10002, 1, "GOOD", "ASSUMED_BAD", "loss inferred")),
        in_words(PlaneChanged(1, 2, 1, False, "port down")),
        in_words(PacketsLost(1, 2, "loss inferred", NONE, NONE, NONE)),
        in_words(QpFailed(1, 0x101, "retry counter exceeded")),
    ]
