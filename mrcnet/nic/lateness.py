"""How late a NIC was: a histogram of delays in wall time, fine enough for a quantile within a fifth."""

from __future__ import annotations

import math

import numpy as np

from mrcnet.workload.report import LATE_BUCKETS, LATE_PER_OCTAVE


class Lateness:
    """Counts by size, LATE_PER_OCTAVE buckets for each doubling of nanoseconds."""

    def __init__(self) -> None:
        self.counts = np.zeros(LATE_BUCKETS, np.int64)

    def note(self, late_ns: int) -> None:
        """Something that was due was done so much later; what came early was in time."""
        bucket = int(LATE_PER_OCTAVE * math.log2(max(late_ns, 1)))
        self.counts[min(bucket, LATE_BUCKETS - 1)] += 1
