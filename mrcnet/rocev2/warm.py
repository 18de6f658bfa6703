"""Have the compiled loops of RoCEv2 ready before time counts."""

from __future__ import annotations

import numpy as np

from mrcnet.mrc.settings import Settings
from mrcnet.mrc.warm import PAYLOAD, PORTS, spec, talk
from mrcnet.rocev2.endpoint import Endpoint
from mrcnet.rocev2.settings import Roce

_LINE_BPS = 10**9


def warm(rng: np.random.Generator) -> None:
    """Load every loop, or compile it where none is kept."""
    ends = []
    for host in (0, 1):
        end = Endpoint([PORTS[host]], [_LINE_BPS], Settings(payload=PAYLOAD), Roce(), rng)
        end.connect(spec(host))
        ends.append(end)
    talk(*ends)
