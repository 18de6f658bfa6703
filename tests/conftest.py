"""The profile of all properties: a bounded number of examples, more with MRCNET_EXAMPLES; bounds checked."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

os.environ.setdefault(
    "NUMBA_BOUNDSCHECK", "1"
)  # before any import: a loop's index beyond a column is an error

from hypothesis import HealthCheck, settings

from tests.support.effort import EFFORT

signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell runs in the background ignores it
NETNS = Path(__file__).parent / "netns"

settings.register_profile(
    "ci",
    max_examples=60 * EFFORT,
    deadline=None,  # no wall-clock assertions: the machine may be busy
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """scripts/test looks into tests/netns alone for what needs root."""
    strays = [
        one.nodeid for one in items if one.get_closest_marker("netns") and NETNS not in one.path.parents
    ]
    if strays:
        raise pytest.UsageError(f"of mark netns, but not in tests/netns: {', '.join(strays)}")
