"""Whether something grew, by a fit that no single sample can bend, and whether all else was in order. Pure.

A series is fitted by the median of the slopes between all pairs of its steady samples (Theil and Sen): up to
29 % of them may be outliers. Its growth is that slope over the steady time, as a share of the median level.
So what saw-tooths, as a process does between two collections of garbage, does not count; what creeps does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import median

WARM_UP = 0.1  # of the time that does not count as steady
MOST = 0.01  # growth over the steady time
MOST_UNFAITHFUL = 0.5  # of the runs
FEWEST = 16  # steady samples from which on memory can be judged: an allocator takes pages when it likes
_MEMORY = "memory of "

Series = Sequence[tuple[float, Mapping[str, float]]]


@dataclass(frozen=True, slots=True)
class Growth:
    """Of one series: its median `level`, and by how much of it the fit grows over the steady time."""

    what: str
    level: float
    share: float
    judged: bool

    @property
    def ok(self) -> bool:
        """Not above the bar, or not judged."""
        return not self.judged or self.share <= MOST


@dataclass(slots=True)
class Conduct:
    """What went on besides: `faults` are sentences, each a defect; the rest is counted.

    `doubtful`: EVs lost without a fault in runs of which the verdict on their fidelity says that the machine
    was too busy. Such a run decides nothing, and a soak needs enough of the others.
    """

    runs: int = 0
    strikes: int = 0
    edits: int = 0
    captures: int = 0
    unfaithful: int = 0
    evs_lost: int = 0
    unbalanced: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """All of them."""
        found = [*self.unbalanced, *self.unexplained, *self.troubles]
        if self.unfaithful > MOST_UNFAITHFUL * self.runs:
            found.append(f"{self.unfaithful} of {self.runs} runs were unfaithful: too few others to judge by")
        return found


def growths(samples: Series) -> list[Growth]:
    """The growth of each series that every steady sample has, the worst first; none of fewer than two."""
    end = max((at for at, _ in samples), default=0.0)
    steady = [(at, levels) for at, levels in samples if at >= WARM_UP * end]
    if len(steady) < 2:
        return []
    names = [name for name in steady[0][1] if all(name in levels for _, levels in steady)]
    found = [_growth(name, [(at, levels[name]) for at, levels in steady]) for name in names]
    return sorted(found, key=lambda one: -one.share)


def _growth(name: str, points: Sequence[tuple[float, float]]) -> Growth:
    level = median(value for _, value in points)
    slope = median((b - a) / (t - s) for (s, a), (t, b) in combinations(points, 2))
    grown = slope * (points[-1][0] - points[0][0])
    share = grown / level if level else float(grown > 0)
    return Growth(name, level, share, not name.startswith(_MEMORY) or len(points) >= FEWEST)


def passed(found: Sequence[Growth], conduct: Conduct) -> bool:
    """Nothing grew, nothing was out of order, and there was something to judge."""
    return bool(found) and bool(conduct.runs) and not conduct.faults and all(one.ok for one in found)
