"""Knobs that cannot be are refused, and every loop is compiled before time counts."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from mrcnet import compiled
from mrcnet.rocev2 import framing, responder
from mrcnet.rocev2.settings import Roce
from mrcnet.rocev2.warm import warm

INNER = {"_write", "find"}  # called by other loops only


@pytest.mark.parametrize("knobs", [{"qps": 0}, {"qps": 17}, {"retry_cnt": 8}, {"retry_cnt": -1}])
def test_impossible(knobs: dict[str, int]) -> None:
    """A pair has 1 to 16 QPs, and retry_cnt three bits."""
    with pytest.raises(ValueError, match=r"retry_cnt|QPs"):
        Roce(**knobs)


def test_every_loop_is_ready() -> None:
    """After the warm-up, no loop has yet to be compiled."""
    warm(np.random.default_rng(1))
    loops = {
        f"{module.__name__}.{name}": loop
        for module in (framing, responder)
        for name, loop in vars(module).items()
        if isinstance(loop, numba.core.dispatcher.Dispatcher) and name not in INNER | set(vars(compiled))
    }
    assert loops
    assert [] == [name for name, loop in loops.items() if not loop.signatures]
