"""An EV survives the ride in source port and flow label, in either order (spec 2.3)."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.wire.frames import EvFormat


@given(st.integers(0, (1 << 32) - 1), st.booleans(), st.integers(0, 0xFFF))
def test_split_and_join(ev: int, low_half_in_port: bool, noise: int) -> None:
    """Joining what was split gives the EV; version, class and the label's top four bits do not count."""
    form = EvFormat(low_half_in_port)
    sport, label = form.split(ev)
    assert 0 <= sport < 1 << 16
    assert 0 <= label < 1 << 16
    word = noise << 20 | (noise & 0xF) << 16 | label
    assert ev == form.join(sport, word)
    assert [ev] == form.join(np.array([sport]), np.array([word])).tolist()


def test_low_half_rides_in_the_port_by_default() -> None:
    """EV[15:0] is the source port and EV[31:16] the label, unless the format says otherwise."""
    assert (0xC3D4, 0xA1B2) == EvFormat().split(0xA1B2C3D4)
    assert (0xA1B2, 0xC3D4) == EvFormat(low_half_in_port=False).split(0xA1B2C3D4)
