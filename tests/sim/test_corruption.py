"""Frames arrive with a wrong byte: the ICRC refuses them, they count as lost, no wrong byte is placed."""

from __future__ import annotations

import pytest

from tests.support.weather import Weather

from .runs import check_complete, lost, transfer


@pytest.mark.parametrize("share", [0.001, 0.05])
def test_refused_and_repeated(share: float) -> None:
    """Every frame refused for its ICRC is repeated; the payload that arrives is right."""
    pair, weather = transfer(Weather(seed=5, corrupt=share), length=1 << 20)
    check_complete(pair)
    drops = pair.ends[1].drops
    assert 0 < drops["bad ICRC"] <= weather.corrupted
    assert sum(drops.values()) == len(lost(pair))


def test_no_corruption_no_refusal() -> None:
    """The boundary: sound frames are never refused, on either side."""
    pair, _ = transfer(Weather(seed=5, jitter=30_000, duplicate=0.1), length=1 << 20)
    check_complete(pair)
    assert [{}, {}] == [end.drops for end in pair.ends]
