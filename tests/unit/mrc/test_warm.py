"""Loops are ready before time counts."""

from __future__ import annotations

import numba
import numpy as np

from mrcnet import compiled
from mrcnet.mrc import arrived, flight, framing, intake, landing, spray
from mrcnet.mrc.warm import warm
from mrcnet.mrc.wire import icrc

INNER = {"_arrive", "find"}  # called by other loops only
MODULES = (arrived, flight, framing, intake, landing, spray, icrc)


def test_every_loop_is_ready() -> None:
    """After the warm-up, no loop of the transport has yet to be compiled."""
    warm(np.random.default_rng(1))
    loops = {
        f"{module.__name__}.{name}": loop
        for module in MODULES
        for name, loop in vars(module).items()
        if isinstance(loop, numba.core.dispatcher.Dispatcher) and name not in INNER | set(vars(compiled))
    }
    assert loops
    assert [] == [name for name, loop in loops.items() if not loop.signatures]
