"""How hard the properties are tried: MRCNET_EXAMPLES=10 tries ten times as many cases as CI does."""

from __future__ import annotations

import os

EFFORT = int(os.environ.get("MRCNET_EXAMPLES", "1"))
