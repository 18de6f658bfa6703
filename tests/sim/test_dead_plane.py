"""All EVs of a plane die: the others take over equally, and no EV of theirs is blamed."""

from __future__ import annotations

import pytest

from mrcnet.mrc.evs import State
from tests.support.weather import Outage, to_plane

from .runs import FAULT, PLANES, RTT, UPLINKS, check_complete, lost, per_plane, transfer, went_bad


@pytest.mark.parametrize("plane", range(PLANES))
def test_forward_and_back(plane: int) -> None:
    """Frames both ways vanish: every EV of the plane goes out, and soon nothing more is sent there."""
    pair, weather = transfer(None, Outage(to_plane(plane), FAULT), length=4 << 20)
    check_complete(pair)
    assert {plane} == {ev >> 16 for _, ev in went_bad(pair)}
    assert UPLINKS == len(went_bad(pair))
    late = per_plane(pair, since=FAULT + 10 * RTT)
    assert 0 == late[plane]
    others = [count for other, count in enumerate(late) if other != plane]
    assert max(others) - min(others) <= 0.02 * max(others) + 1
    assert weather.dropped == len(lost(pair))


def test_all_but_one() -> None:
    """The boundary: with three planes dead the floor is what the fourth has, and it carries all."""
    pair, _ = transfer(None, Outage(to_plane(0, 1, 2), FAULT), length=8 << 20)
    check_complete(pair)
    alive = [
        path.plane for path, state in zip(pair.qp.evs.paths, pair.qp.evs.state, strict=True) if state < 2
    ]
    assert [3] * UPLINKS == alive
    assert State.GOOD == pair.qp.evs.state[-1]
