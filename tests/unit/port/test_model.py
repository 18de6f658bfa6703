"""Faults as they are asked for."""

from __future__ import annotations

from typing import Any

import pytest

from mrcnet.errors import InputError
from mrcnet.port.model import FaultSpec, PortCounters


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "loss", "share": 1.01},
        {"name": "loss", "share": 0.0},
        {"name": "flap", "period_ns": 10, "down_ns": 10},
        {"name": "flap", "period_ns": 10, "down_ns": 0},
        {"name": "blackhole", "lasts_ns": 0},
        {"name": "flap", "period_ns": 10, "down_ns": 5, "count": 0},
    ],
)
def test_faults_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    """A loss of more than all, a flap that is always down, a fault of no time: refused."""
    with pytest.raises(InputError):
        FaultSpec(**wrong)


def test_counters_add_up() -> None:
    """Dropped is the sum over all causes; the mean is over the frames that came to the queue."""
    counted = PortCounters(1, 2, 3, 4, 6, 30, 0, 0, 0, 0, 400, 0)
    assert (16, 10.0) == (counted.dropped, counted.mean)
