"""The PSN passes 2^24 in the middle of a transfer, with and without trouble."""

from __future__ import annotations

import pytest

from tests.support.weather import Outage, Weather, to_plane

from .runs import FAULT, check_complete, lost, transfer

WRAP = 1 << 24


@pytest.mark.parametrize("before", [0, 1, 63, 64, 65, 500, 1_023, 1_024, 2_047])
def test_wrap(before: int) -> None:
    """Wherever the wrap falls, nothing is lost and the books close."""
    pair, _ = transfer(start_psn=WRAP - before)
    check_complete(pair)
    assert [] == lost(pair)
    assert {f.psn for f in pair.flights if f.is_write} == {
        psn % WRAP for psn in range(WRAP - before, WRAP - before + 2_048)
    }


@pytest.mark.parametrize("before", [1, 400, 800])
def test_wrap_amid_loss(before: int) -> None:
    """Lost packets, duplicates and a dead plane around the wrap change nothing in the outcome."""
    weather = Weather(seed=before, loss=0.02, control_loss=0.1, duplicate=0.05, jitter=20_000)
    pair, _ = transfer(weather, Outage(to_plane(3), FAULT), start_psn=WRAP - before)
    check_complete(pair)


def test_the_second_turn() -> None:
    """Unwrapped PSNs go on beyond 2^24; a start there is as good as any other."""
    pair, _ = transfer(start_psn=3 * WRAP - 10)
    check_complete(pair)
