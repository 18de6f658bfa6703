"""The profile of all properties: a bounded number of examples, more with MRCNET_EXAMPLES; bounds checked."""

from __future__ import annotations

import os

os.environ.setdefault(
    "NUMBA_BOUNDSCHECK", "1"
)  # before any import: a loop's index beyond a column is an error

from hypothesis import HealthCheck, settings

from tests.support.effort import EFFORT

settings.register_profile(
    "ci",
    max_examples=60 * EFFORT,
    deadline=None,  # no wall-clock assertions: the machine may be busy
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci")
