"""Counters of ports, looked at now and then: what came between two instants, in bounded memory."""

from __future__ import annotations

import numpy as np
import pytest

from mrcnet.workload import portsamples
from mrcnet.workload.portsamples import PortLog


def test_frames_between_instants() -> None:
    """What a port sent and received from edge to edge is what its counters say, even between two looks."""
    log = PortLog(["a", "b"], 10)
    for at in (0, 10, 20, 40):
        log.add(at, [at, 2 * at], [0, 5])
    samples = log.samples()
    assert samples is not None
    sent, received = samples.between(np.array([0, 10, 25, 30, 40]))
    assert [[10, 15, 5, 10], [20, 30, 10, 20]] == sent.tolist()
    assert not received.any()


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long run is looked at less often: its end is there, and memory does not grow."""
    monkeypatch.setattr(portsamples, "_MOST", 100)
    log = PortLog(["a"], 10)
    looks = 0
    for at in range(0, 100_000, 10):
        if at >= log.due:
            log.add(at, [at], [0])
            looks += 1
    samples = log.samples()
    assert samples is not None
    assert len(samples.at) <= 100 < looks
    assert samples.at[0] == 0
    assert samples.at[-1] > 90_000
    assert (samples.at == samples.sent[:, 0]).all()


def test_one_look_tells_nothing() -> None:
    """Of ports that were looked at once, or of none, there is nothing to tell."""
    log = PortLog(["a"], 10)
    log.add(0, [0], [0])
    assert log.samples() is None
    none = PortLog([], 10)
    none.add(0, [], [])
    none.add(1, [], [])
    assert none.samples() is None
