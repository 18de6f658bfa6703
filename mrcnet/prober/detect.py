"""From rounds of answered and missed probes to links that break and heal. Pure.

spec 7: a T0 probe bad: the link to the T0, or the T0; T0 fine and T1 bad: the link between them. Generally: a
probe's `rest` is the one that crosses all of its way but `links`, and what is missed beyond what the rest
misses is charged to these. Behind a bad rest nothing can be told, and what was said last stands.

Links also lose single packets, and so do machines. So it takes several misses within a window, and more of
them if the rest missed any; and a long time without one to come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrcnet.prober.probes import SelfProbe
from mrcnet.topology.model import Link

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rules:
    """In rounds: a link is broken when `missed` of the last `window` came to nothing, whole after `back`
    answered in a row.
    """

    missed: int = 3
    window: int = 20
    back: int = 50


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A link is `broken` from now on, or whole again.

    `at_ns`: when that was known; `since_ns`: when the first of the probes that showed it was sent; both wall
    time. `missed`: the share of its probes in the window that were not answered. `host`: whose they were.
    """

    link: Link
    broken: bool
    at_ns: int
    since_ns: int
    missed: float
    host: str


class Detector:
    """What is known of the links that `probes` tell of. All are taken for whole to begin with."""

    def __init__(self, probes: Sequence[SelfProbe], rules: Rules) -> None:
        self._probes, self._rules = tuple(probes), rules
        count = len(probes)
        nobody = count  # stands for the rest of a probe that has none
        rest = np.array([nobody if probe.rest is None else probe.rest for probe in probes] + [nobody])
        self._rests = (rest[:count], rest[rest[:count]])  # no probe has more than two before it
        self._missed = np.zeros((rules.window, count), np.bool_)
        self._sent_at = np.zeros(rules.window, np.int64)
        self._clean = np.zeros(count, np.int64)  # rounds since the last miss
        self._clean_since = np.zeros(count, np.int64)
        self._bad = np.zeros(count + 1, np.bool_)
        self._of_link: dict[Link, list[int]] = {}
        for number, probe in enumerate(probes):
            for link in probe.links:
                self._of_link.setdefault(link, []).append(number)
        self._broken: dict[Link, None] = {}
        self.rounds = 0

    @property
    def broken(self) -> tuple[Link, ...]:
        """The links that are broken, in the order in which they were found so."""
        return tuple(self._broken)

    @property
    def links(self) -> tuple[Link, ...]:
        """All links that are watched."""
        return tuple(self._of_link)

    @property
    def hidden(self) -> tuple[Link, ...]:
        """The links of which nothing can be told now: all their probes must cross a broken one first."""
        behind = self._behind()
        return tuple(link for link, numbers in self._of_link.items() if behind[numbers].all())

    def note(self, answered: Bools, sent_at: int, now: int) -> list[LinkChange]:
        """One round: which of the probes (n) sent at `sent_at` were answered. What follows from it.

        Rounds come in order. A round tells nothing by itself that `Rules` would not want repeated.
        """
        rules = self._rules
        slot = self.rounds % rules.window
        self.rounds += 1
        self._missed[slot] = ~answered
        self._sent_at[slot] = sent_at
        self._clean_since = np.where(answered & (self._clean == 0), sent_at, self._clean_since)
        self._clean = np.where(answered, self._clean + 1, 0)
        counts = np.append(self._missed.sum(axis=0), 0)
        allowance = 1 + counts[self._rests[0]] + counts[self._rests[1]]
        shown_bad = counts[:-1] >= rules.missed * allowance
        shown_good = self._clean >= rules.back
        for _ in range(3):  # the rests first: behind what breaks just now nothing is to be told either
            behind = self._behind()
            self._bad[:-1] = np.where(behind, self._bad[:-1], (self._bad[:-1] | shown_bad) & ~shown_good)
        return self._changes(counts[:-1] / min(self.rounds, rules.window), now)

    def _behind(self) -> Bools:
        return np.asarray(self._bad[self._rests[0]] | self._bad[self._rests[1]])

    def _changes(self, share: npt.NDArray[np.float64], now: int) -> list[LinkChange]:
        behind = self._behind()
        changes = []
        for link, numbers in self._of_link.items():
            seen = [number for number in numbers if not behind[number]]
            bad = [number for number in seen if self._bad[number]]
            was = link in self._broken
            if not seen or bool(bad) == was:
                continue
            witness = bad[0] if bad else seen[0]
            if bad:
                self._broken[link] = None
                since = int(self._sent_at[self._missed[:, witness]].min())
            else:
                del self._broken[link]
                since = int(self._clean_since[seen].max())
            host = self._probes[witness].host
            changes.append(LinkChange(link, bool(bad), now, since, float(share[witness]), host))
        return changes
