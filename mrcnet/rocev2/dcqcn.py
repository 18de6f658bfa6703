"""DCQCN's reaction point (Zhu et al., SIGCOMM 2015, section 3.1): the rate of one QP. Times are fabric ns."""

from __future__ import annotations

from mrcnet.mrc.requestor import NEVER
from mrcnet.rocev2.settings import Dcqcn


class ReactionPoint:
    """`rate` in bit/s falls at a CNP and rises by time and bytes sent; `alpha` estimates the congestion."""

    def __init__(self, knobs: Dcqcn, line_bps: int) -> None:
        self.rate = self.target = float(line_bps)
        self.alpha = 1.0
        self._knobs = knobs
        self._line = float(line_bps)
        self._alpha_at = self._increase_at = NEVER  # when the timers run out
        self._by_time = self._by_bytes = 0  # rises since the last CNP
        self._bytes = 0

    def line(self, bps: int) -> None:
        """The QP has moved to a port of this rate: a rate that nothing limited is the new line's."""
        if not self.limited:
            self.rate = self.target = float(bps)
        self._line = float(bps)
        self.rate, self.target = min(self.rate, self._line), min(self.target, self._line)

    @property
    def limited(self) -> bool:
        """Whether the rate is below the line's."""
        return self.rate < self._line

    def cnp(self, now: int) -> None:
        """The receiver saw marks: the rate falls by half of alpha, and what it was is the target."""
        self.advance(now)
        knobs = self._knobs
        self.target = self.rate
        self.rate = max(self.rate * (1 - self.alpha / 2), knobs.least * self._line)
        self.alpha = (1 - knobs.gain) * self.alpha + knobs.gain
        self._alpha_at, self._increase_at = now + knobs.alpha_ns, now + knobs.increase_ns
        self._by_time = self._by_bytes = self._bytes = 0

    def sent(self, size: int) -> None:
        """`size` bytes left at a limited rate."""
        if self.limited:
            self._bytes += size
            while self._bytes >= self._knobs.increase_bytes:
                self._bytes -= self._knobs.increase_bytes
                self._by_bytes += 1
                self._increase()

    def advance(self, now: int) -> None:
        """Let the timers run up to now."""
        knobs = self._knobs
        if self._alpha_at <= now:
            periods = (now - self._alpha_at) // knobs.alpha_ns + 1
            self.alpha *= (1 - knobs.gain) ** periods
            self._alpha_at += periods * knobs.alpha_ns
        while self._increase_at <= now:
            self._increase_at += knobs.increase_ns
            self._by_time += 1
            self._increase()
            if not self.limited:
                self._increase_at = NEVER

    def _increase(self) -> None:
        """Fast recovery, then additive increase, then, if time and bytes both say so, hyper increase."""
        knobs = self._knobs
        if max(self._by_time, self._by_bytes) > knobs.fast:
            beyond = min(self._by_time, self._by_bytes) - knobs.fast
            step = beyond * knobs.hyper if beyond > 0 else knobs.additive
            self.target = min(self.target + step * self._line, self._line)
        self.rate = (self.rate + self.target) / 2
        if self.rate > (1 - knobs.least) * self._line:
            self.rate = self._line
