"""How hard the properties are tried: bounded in CI, longer with MRCNET_EXAMPLES=10 (ten times as many)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci",
    max_examples=60 * int(os.environ.get("MRCNET_EXAMPLES", "1")),
    deadline=None,  # no wall-clock assertions: the machine may be busy
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci")
