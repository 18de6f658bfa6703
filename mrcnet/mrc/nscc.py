"""NSCC, the congestion control that MRC takes over from UET (spec 5). One controller a destination.

Two signals steer it: ECN (a SACK's mark) and queueing delay (the RTT less its base). Their quadrants
decide between proportional increase, fair increase, multiplicative decrease and nothing (5.3); quick
adapt reacts to heavy loss or delay within one interval (5.7). All times are fabric nanoseconds, all
sizes nominal bytes. Constants are UET's (5.8): MRC prints none of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from mrcnet.mrc.window import Feedback

REFERENCE_BDP = 150_000  # spec 5.8: 100 Gb/s x 12 us
REFERENCE_RTT_NS = 12_000
DELAY_ABOUT_ZERO_NS = 1_000  # spec 5.5: fast increase when the delay is within 1 us of none
SLOW_RTT_NS = 100_000  # above it UET's tuning for microseconds must not be used literally (spec 5.8)
NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Knobs:
    """The knobs of the API (spec 5.1), and the gains that they leave out."""

    mtu: int  # nominal bytes of a full packet
    base_rtt_ns: int
    target_delay_ns: int
    max_cwnd: int
    initial_cwnd: int
    alpha: float  # bytes per ns: proportional gain
    eta: float  # bytes per adjust period
    fi: float  # bytes: fair increase
    fi_scale: float  # fast increase, share of newly acknowledged bytes
    qa_threshold_ns: int
    adjust_bytes: int
    adjust_period_ns: int
    gamma: float = 0.8
    max_md_jump: float = 0.5
    qa_gate: int = 3
    disable_qa: bool = False
    average_weight: float = 0.0125  # spec 5.4: of a sample in the average delay

    @classmethod
    def for_path(cls, rate_bps: int, base_rtt_ns: int, mtu: int, *, trimming: bool) -> Knobs:
        """UET's defaults (spec 5.8) for a destination reached at `rate_bps` over all planes together."""
        bdp = max(mtu, rate_bps * base_rtt_ns // 8_000_000_000)
        target = max(1, base_rtt_ns * 3 // 4 if trimming else base_rtt_ns)
        if base_rtt_ns > SLOW_RTT_NS:  # spec 5.8, last paragraph: b stays within 0.75 .. 1
            a, b = bdp / (37 * mtu), target / base_rtt_ns
        else:
            a, b = bdp / REFERENCE_BDP, target / REFERENCE_RTT_NS
        return cls(
            mtu=mtu,
            base_rtt_ns=base_rtt_ns,
            target_delay_ns=target,
            max_cwnd=max(mtu, bdp * 3 // 2),
            initial_cwnd=max(mtu, bdp * 3 // 2),
            alpha=4 * a * b * mtu / target,
            eta=0.15 * a * mtu,
            fi=5 * a * mtu,
            fi_scale=0.25 * a,
            qa_threshold_ns=NEVER if trimming else 4 * target,
            adjust_bytes=8 * mtu,
            adjust_period_ns=base_rtt_ns,
        )


class Nscc:
    """A congestion window: the five hooks of `window.Controller`."""

    def __init__(self, knobs: Knobs) -> None:
        self.knobs = knobs
        self.cwnd = float(knobs.initial_cwnd)
        self.average_delay = 0.0
        self.base_rtt = knobs.base_rtt_ns  # spec 5.4: the least of the start value and the samples
        self._increase = 0.0  # bytes x bytes, to be applied (spec 5.5 rule 4)
        self._received = 0  # bytes since increases were last applied
        self._fast = 0  # bytes received without mark or delay
        self._decreased_at = -NEVER
        self._adjusted_at = -NEVER
        self._saved: float | None = None  # the window to restore (spec 5.6)
        self._armed = False  # spec 5.7: a trim asks quick adapt to look
        self._achieved = 0  # bytes received in quick adapt's interval
        self._interval_end: int | None = None
        self._ignored = 0
        self._to_ignore = 0  # what was in flight when quick adapt fired: its bad news is known

    def window(self) -> int:
        return int(self.cwnd)

    def on_send(self, size: int, now: int) -> None: ...

    # ---- SACK (spec 5.5) -----------------------------------------------------------------------

    def on_ack(self, feedback: Feedback, now: int) -> None:
        """spec 5.5, in its order."""
        newly, marked = feedback.newly, feedback.marked
        self._apply_penalty(feedback)
        if newly <= 0:
            return
        self._ignored += newly  # spec 5.5 rule 1
        self._received += newly
        self._achieved += newly
        delay = self._observe(feedback.rtt)
        if self._quick_adapt(delay, marked, feedback.in_flight, now, lossy=False):  # spec 5.5 rule 2
            return
        self._quadrant(newly, delay, marked, now, may_grow=feedback.penalty == 0)
        self._fulfil(now)

    def _observe(self, rtt: int | None) -> float:
        """spec 5.4: queueing delay of this sample (the average, where none could be taken)."""
        if rtt is None:
            return self.average_delay
        self.base_rtt = min(self.base_rtt, rtt)
        delay = float(rtt - self.base_rtt)
        self._average(delay)
        return delay

    def _average(self, delay: float) -> None:
        self.average_delay += self.knobs.average_weight * (delay - self.average_delay)

    def _quadrant(self, newly: int, delay: float, marked: bool, now: int, *, may_grow: bool) -> None:
        """spec 5.3, spec 5.5 rule 3: mark and delay decide between four actions."""
        knobs, target = self.knobs, self.knobs.target_delay_ns
        about_zero = not marked and delay < DELAY_ABOUT_ZERO_NS
        if not about_zero:
            self._fast = 0
        if marked:
            if delay >= target:
                self._decrease(now)
        elif may_grow:
            if delay >= target:
                self._increase += knobs.fi * newly
                return
            self._increase += knobs.alpha * newly * (target - delay)
            if about_zero:
                self._fast += newly
                if self._fast > self.cwnd:
                    self._set(self.cwnd + newly * knobs.fi_scale)

    def _decrease(self, now: int) -> None:
        """Multiplicative, by the average delay, at most once a base RTT."""
        knobs, average = self.knobs, self.average_delay
        if average > knobs.target_delay_ns and now - self._decreased_at > self.base_rtt:
            factor = 1 - knobs.gamma * (average - knobs.target_delay_ns) / average
            self._set(self.cwnd * max(factor, knobs.max_md_jump))
            self._decreased_at = now

    def _fulfil(self, now: int) -> None:
        """spec 5.5 rule 4: increases add up and are applied in portions."""
        period_over = now - self._adjusted_at >= self.knobs.adjust_period_ns
        if not period_over and self._received <= self.knobs.adjust_bytes:
            return
        grown = self.cwnd + self._increase / self.cwnd
        if period_over:
            grown += self.knobs.eta
            self._adjusted_at = now
        self._set(grown)
        self._increase = 0.0
        self._received = 0

    def _apply_penalty(self, feedback: Feedback) -> None:
        """spec 5.6: the receiver asks for less, and later for what was before."""
        if feedback.penalty > 0:
            if feedback.restore and self._saved is None:
                self._saved = self.cwnd
            cut = feedback.penalty * max(feedback.newly, 0) / 128
            self._set(min(self.cwnd, float(feedback.in_flight)) - cut)
        elif feedback.restore and self._saved is not None:
            self._set(self._saved)
            self._saved = None

    # ---- quick adapt (spec 5.7) ----------------------------------------------------------------

    def _quick_adapt(self, delay: float, marked: bool, in_flight: int, now: int, *, lossy: bool) -> bool:
        """True if it fired, or is still absorbing the marks of what was sent before it fired."""
        knobs = self.knobs
        if knobs.disable_qa:
            return False
        if marked and self._ignored < self._to_ignore:
            self._increase = 0.0
            self._received = 0
            return True
        if self._interval_end is not None and now < self._interval_end:
            return False
        asked = self._armed or lossy or delay > knobs.qa_threshold_ns
        short = self._achieved < knobs.max_cwnd / 2**knobs.qa_gate
        fires = self._interval_end is not None and asked and short  # the first interval only starts the clock
        if fires:
            self._set(float(self._achieved))
            self._to_ignore = in_flight
            self._ignored = 0
            self._armed = False
        self._achieved = 0
        self._interval_end = now + self.base_rtt + knobs.target_delay_ns
        return fires

    # ---- NACK and loss (spec 5.5) --------------------------------------------------------------

    def on_trim(self, size: int, in_flight: int, now: int) -> None:
        """spec 5.5: TRIMMED or TRIMMED_LASTHOP. Counts as a sample of one base RTT, as loss and as a mark."""
        if size <= 0:  # a packet whose loss is known
            return
        self._average(float(self.knobs.base_rtt_ns))
        self._ignored += size
        self._armed = True
        if not self._quick_adapt(self.average_delay, True, in_flight, now, lossy=True):
            self._set(self.cwnd - size)

    def on_loss(self, size: int, now: int) -> None:  # noqa: ARG002
        """spec 5.5: inferred loss or timeout. (A timeout's silence leaves quick adapt to the next SACK.)"""
        self._ignored += size
        self._set(self.cwnd - size)

    def _set(self, cwnd: float) -> None:
        """spec 5.5 rule 5: MTU <= cwnd <= Max_wnd always."""
        self.cwnd = min(max(cwnd, float(self.knobs.mtu)), float(self.knobs.max_cwnd))
