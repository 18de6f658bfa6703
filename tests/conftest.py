"""The profile of all properties: a bounded number of examples, more with MRCNET_EXAMPLES."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.support.effort import EFFORT

settings.register_profile(
    "ci",
    max_examples=60 * EFFORT,
    deadline=None,  # no wall-clock assertions: the machine may be busy
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci")
