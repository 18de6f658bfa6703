"""NSCC's rules, one by one, with numbers reckoned by hand (spec 5.2 to 5.8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mrcnet.mrc.nscc import Knobs, Nscc
from mrcnet.mrc.window import Feedback

MTU = 1_000
BASE = 10_000
TARGET = 10_000
START = 40_000
KNOBS = Knobs(
    mtu=MTU,
    base_rtt_ns=BASE,
    target_delay_ns=TARGET,
    max_cwnd=80_000,
    initial_cwnd=START,
    alpha=0.5,
    eta=100.0,
    fi=2_000.0,
    fi_scale=0.25,
    qa_threshold_ns=4 * TARGET,
    adjust_bytes=8 * MTU,
    adjust_period_ns=BASE,
    disable_qa=True,
    average_weight=0.5,
)


def nscc(**knobs: Any) -> Nscc:
    """A controller without eta and quick adapt, unless they are asked for."""
    return Nscc(replace(KNOBS, **{"eta": 0.0} | knobs))


def ack(
    controller: Nscc, newly: int, delay: int | None, *, marked: bool = False, now: int = 0, **asked: Any
) -> float:
    """A SACK for `newly` bytes after a queueing delay; the window then."""
    rtt = None if delay is None else BASE + delay
    in_flight = asked.pop("in_flight", START)
    controller.on_ack(Feedback(newly, rtt, marked, in_flight, **asked), now)
    return controller.cwnd


# ---- quadrants (spec 5.3) -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marked", "delay", "window"),
    [
        (False, 4_000, START + 0.5 * 8_000 * 6_000 / START),  # proportional: 40 000 + 600
        (False, 10_000, START + 2_000 * 8_000 / START),  # fair: 40 000 + 400
        (False, 30_000, START + 2_000 * 8_000 / START),
        (True, 9_999, START),  # nothing
        (True, 30_000, START * (1 - 0.8 * (15_000 - 10_000) / 15_000)),  # the average is half of the sample
        (True, 10_000, START),  # the average is not above the target
    ],
)
def test_mark_and_delay_decide(marked: bool, delay: int, window: float) -> None:
    """The quadrants of Table 8-1: two increases, a decrease, and nothing (spec 5.3, 5.5)."""
    assert pytest.approx(window) == ack(nscc(), 8_000, delay, marked=marked)


def test_fast_increase() -> None:
    """spec 5.5: a window's worth without mark or delay, then newly x fi_scale on top at every SACK."""
    controller = nscc(alpha=0.0)
    assert START == ack(controller, START, 999)
    assert START + 250 == ack(controller, 1_000, 0)
    assert START + 500 == ack(controller, 1_000, 999)


@pytest.mark.parametrize(("marked", "delay"), [(True, 0), (False, 1_000)])
def test_fast_increase_ends(marked: bool, delay: int) -> None:
    """spec 5.5: a mark or a real delay ends fast increase; it takes a whole window to come back."""
    controller = nscc(alpha=0.0)
    ack(controller, START + 1, 0)
    grown = controller.cwnd
    ack(controller, 1_000, delay, marked=marked)
    assert grown == ack(controller, 30_000, 0)
    assert grown < ack(controller, 30_000, 0)


# ---- delay (spec 5.4) -----------------------------------------------------------------------------


def test_base_rtt_is_the_least_sample() -> None:
    """spec 5.4: a shorter RTT lowers the base, a longer one does not raise it."""
    controller = nscc()
    ack(controller, 1_000, -2_000)
    assert BASE - 2_000 == controller.base_rtt
    ack(controller, 1_000, 5_000)
    assert BASE - 2_000 == controller.base_rtt
    assert 3_500.0 == controller.average_delay  # half of 7 000 over the new base


def test_average_moves_by_its_weight() -> None:
    """spec 5.4: avg += weight x (delay - avg); a SACK that measured nothing leaves it alone."""
    controller = nscc(average_weight=0.0125)
    ack(controller, 1_000, 8_000)
    assert pytest.approx(100.0) == controller.average_delay
    ack(controller, 1_000, None)
    assert pytest.approx(100.0) == controller.average_delay
    ack(controller, 1_000, 8_000)
    assert pytest.approx(198.75) == controller.average_delay


# ---- increase in portions (spec 5.5 rule 4) -------------------------------------------------------


def test_increases_wait_for_enough_bytes() -> None:
    """spec 5.5 rule 4: more than adjust_bytes, or a period, must pass before increases are applied."""
    controller = nscc()
    ack(controller, 1, None, marked=True, now=0)  # starts the period
    assert START == ack(controller, 4_000, 4_000, now=1)
    assert START == ack(controller, 3_999, 4_000, now=2)
    assert START == ack(controller, 1, 4_000, now=3)  # 8 000 in all: not more than adjust_bytes
    portion = 0.5 * 8_001 * 6_000 / START
    assert pytest.approx(START + portion) == ack(controller, 1, 4_000, now=4)


def test_increases_wait_for_the_period() -> None:
    """spec 5.5 rule 4: when the adjust period has elapsed, eta comes on top."""
    controller = nscc(eta=100.0)
    ack(controller, 1, None, marked=True, now=0)
    assert START + 100 == controller.cwnd
    assert START + 100 == ack(controller, 1_000, 4_000, now=BASE - 1)
    grown = START + 100 + 0.5 * 2_000 * 6_000 / (START + 100) + 100
    assert pytest.approx(grown) == ack(controller, 1_000, 4_000, now=BASE)


@pytest.mark.parametrize("newly", [0, -4_096])
def test_nothing_new_changes_nothing(newly: int) -> None:
    """spec 5.2: a SACK that reports no newly received bytes does not move the window or the delay."""
    # spec 5.5 rule 1
    controller = nscc(eta=100.0)
    assert START == ack(controller, newly, 30_000, marked=True)
    assert 0.0 == controller.average_delay


# ---- decrease (spec 5.5 rule 3) -------------------------------------------------------------------


def test_decrease_at_most_once_a_base_rtt() -> None:
    """spec 5.5: a second decrease waits until more than a base RTT has passed."""
    controller = nscc(average_weight=1.0)
    once = START * (1 - 0.8 * 5_000 / 15_000)
    assert pytest.approx(once) == ack(controller, 1_000, 15_000, marked=True, now=0)
    assert pytest.approx(once) == ack(controller, 1_000, 15_000, marked=True, now=BASE)
    twice = once * (1 - 0.8 * 5_000 / 15_000)
    assert pytest.approx(twice) == ack(controller, 1_000, 15_000, marked=True, now=BASE + 1)


def test_decrease_has_a_floor() -> None:
    """spec 5.5: one decrease leaves at least max_md_jump of the window."""
    controller = nscc(average_weight=1.0)
    assert START * 0.5 == ack(controller, 1_000, 1_000_000, marked=True)


# ---- clamp (spec 5.5 rule 5) ----------------------------------------------------------------------


def test_never_above_the_maximum() -> None:
    """spec 5.5 rule 5: no increase, however large, goes beyond Max_wnd."""
    controller = nscc(alpha=1e9)
    assert 80_000 == ack(controller, 1 << 31, 0)
    assert 80_000 == controller.window()


def test_never_below_an_mtu() -> None:
    """spec 5.5 rule 5: losses, trims and penalties leave one MTU, so that a QP can always go on."""
    controller = nscc()
    controller.on_loss(10 * START, 0)
    assert MTU == controller.window()
    controller.on_trim(MTU, 0, 0)
    assert MTU == controller.window()
    assert MTU == ack(controller, 1 << 20, 30_000, penalty=127, in_flight=0)


# ---- loss and trim (spec 5.5, last paragraph) -----------------------------------------------------


def test_loss_takes_its_size() -> None:
    """spec 5.5: an inferred loss or timeout takes the lost bytes from the window."""
    controller = nscc()
    controller.on_loss(3_000, 0)
    assert START - 3_000 == controller.cwnd


def test_trim_takes_its_size_and_counts_as_delay() -> None:
    """spec 5.5: a trim takes its bytes and feeds the average with one configured base RTT."""
    controller = nscc()
    controller.on_trim(3_000, START, 0)
    assert START - 3_000 == controller.cwnd
    assert BASE / 2 == controller.average_delay


def test_trim_of_a_known_loss_is_ignored() -> None:
    """A NACK for a packet that is not in flight any more (size 0) is not congestion once more."""
    controller = nscc()
    controller.on_trim(0, START, 0)
    assert (START, 0.0) == (controller.cwnd, controller.average_delay)


# ---- penalty (spec 5.6) ---------------------------------------------------------------------------


def test_penalty_takes_and_restore_gives_back() -> None:
    """spec 5.6: down to what is in flight less pen x newly / 128; the first window is what comes back."""
    controller = nscc()
    assert 30_000 - 500 == ack(controller, 1_000, 4_000, penalty=64, restore=True, in_flight=30_000)
    assert 29_000 == ack(controller, 1_000, 4_000, penalty=64, restore=True, in_flight=30_000)
    assert START == ack(controller, 0, None, restore=True)


def test_no_restore_unless_asked() -> None:
    """spec 5.6: without r_c the window is neither saved nor restored."""
    controller = nscc(alpha=0.0)
    ack(controller, 1_000, 4_000, penalty=64, in_flight=30_000)
    assert 29_500 == ack(controller, 1_000, 4_000, restore=True)
    ack(controller, 1_000, 4_000, penalty=64, restore=True, in_flight=20_000)
    assert 19_500 == ack(controller, 1_000, 4_000)


def test_penalty_suppresses_increases() -> None:
    """spec 5.5 rule 3: nothing grows while the receiver asks for less."""
    controller = nscc()
    assert 40_000 - 62.5 == ack(controller, 8_000, 0, penalty=1)
    assert pytest.approx(39_937.5 - 1 / 128) == ack(controller, 1, 10_000, penalty=1)


# ---- quick adapt (spec 5.7) -----------------------------------------------------------------------

INTERVAL = BASE + TARGET


def quick(**knobs: Any) -> Nscc:
    return nscc(disable_qa=False, alpha=0.0, fi=0.0, **knobs)


def test_first_interval_only_starts_the_clock() -> None:
    """spec 5.7: nothing fires before an interval has been watched, however bad the delay."""
    controller = quick()
    assert START == ack(controller, 2_000, 100_000, now=0)
    assert START == ack(controller, 2_000, 100_000, now=INTERVAL - 1)
    assert 5_000 == ack(controller, 3_000, 100_000, now=INTERVAL)  # 2 000 + 3 000 since the clock started


@pytest.mark.parametrize(("achieved", "window"), [(9_999, 9_999), (10_000, START)])
def test_fires_only_below_the_gate(achieved: int, window: int) -> None:
    """spec 5.7: only if less than Max_wnd / 2^qa_gate (here 10 000) arrived in the interval."""
    # spec 5.5 rule 2
    controller = quick()
    ack(controller, 1, 0, now=0)
    assert window == ack(controller, achieved, 100_000, now=INTERVAL)


@pytest.mark.parametrize(("delay", "window"), [(4 * TARGET, START), (4 * TARGET + 1, 2_000)])
def test_fires_above_its_threshold(delay: int, window: int) -> None:
    """spec 5.7: delay alone fires above qa_threshold, not at it."""
    controller = quick()
    ack(controller, 1, 0, now=0)
    assert window == ack(controller, 2_000, delay, now=INTERVAL)


def test_a_trim_arms_it() -> None:
    """spec 5.5, 5.7: after a trim the interval's end fires without any delay, once."""
    controller = quick()
    ack(controller, 1, 0, now=0)
    controller.on_trim(1_000, START, 1)
    assert START - 1_000 == controller.cwnd
    assert 2_000 == ack(controller, 2_000, 0, now=INTERVAL)
    assert 2_000 == ack(controller, 1_500, 0, now=2 * INTERVAL)  # disarmed


def test_a_trim_fires_at_the_interval_end() -> None:
    """spec 5.5: a trim that makes quick adapt fire does not take its bytes as well."""
    controller = quick()
    ack(controller, 1, 0, now=0)
    ack(controller, 3_000, 0, now=1)
    controller.on_trim(1_000, START, INTERVAL)
    assert 3_000 == controller.cwnd


def test_absorbs_the_marks_of_what_was_in_flight() -> None:
    """spec 5.7: after firing, marks and trims do nothing until all that was in flight is accounted for."""
    controller = quick(average_weight=1.0)
    ack(controller, 1, 0, now=0)
    fired = ack(controller, 4_000, 100_000, in_flight=10_000, now=INTERVAL)
    assert 4_000 == fired
    assert fired == ack(controller, 6_000, 100_000, marked=True, now=INTERVAL + 1)
    controller.on_trim(3_999, 0, INTERVAL + 2)
    assert fired == controller.cwnd  # 9 999 of 10 000 ignored
    assert 2_000 == ack(controller, 1, 100_000, marked=True, now=INTERVAL + 3)  # a plain decrease again


def test_absorbing_forgets_increases() -> None:
    """spec 5.7: increases gathered before do not survive the absorption."""
    controller = nscc(disable_qa=False, fi=0.0)
    ack(controller, 1, 20_000, now=0)
    ack(controller, 1, 20_000, now=INTERVAL - 1)  # a new adjust period
    ack(controller, 3_999, 100_000, in_flight=10_000, now=INTERVAL)  # fires: the window is 4 000
    ack(controller, 1_000, 0, now=INTERVAL + 1)  # gathers
    ack(controller, 1_000, 0, marked=True, now=INTERVAL + 2)  # absorbs
    assert 4_000 == ack(controller, 1, 100_000, now=INTERVAL + BASE)


def test_without_absorption_increases_count() -> None:
    """The same story without the mark grows: the test above cannot pass by itself."""
    controller = nscc(disable_qa=False, fi=0.0)
    ack(controller, 1, 20_000, now=0)
    ack(controller, 1, 20_000, now=INTERVAL - 1)
    ack(controller, 3_999, 100_000, in_flight=10_000, now=INTERVAL)
    ack(controller, 1_000, 0, now=INTERVAL + 1)
    assert 4_000 < ack(controller, 1, 100_000, now=INTERVAL + BASE)


def test_quick_adapt_can_be_disabled() -> None:
    """spec 5.1: disable_qa leaves the window to the other rules."""
    controller = nscc(alpha=0.0, fi=0.0)
    ack(controller, 1, 0, now=0)
    assert START == ack(controller, 2_000, 100_000, now=INTERVAL)


# ---- defaults (spec 5.8) --------------------------------------------------------------------------


def test_defaults_at_the_reference() -> None:
    """spec 5.8 at 100 Gb/s x 12 us with trimming: a = 1, b = 0.75."""
    knobs = Knobs.for_path(100_000_000_000, 12_000, 4_096, trimming=True)
    assert 9_000 == knobs.target_delay_ns
    assert 225_000 == knobs.max_cwnd == knobs.initial_cwnd
    assert pytest.approx(4 * 0.75 * 4_096 / 9_000) == knobs.alpha
    assert pytest.approx(5 * 4_096) == knobs.fi
    assert pytest.approx(0.25) == knobs.fi_scale
    assert pytest.approx(0.15 * 4_096) == knobs.eta
    assert (0.8, 0.5, 3) == (knobs.gamma, knobs.max_md_jump, knobs.qa_gate)
    assert (8 * 4_096, 12_000) == (knobs.adjust_bytes, knobs.adjust_period_ns)
    assert 1e9 < knobs.qa_threshold_ns  # effectively off


def test_defaults_without_trimming() -> None:
    """spec 5.8: without trimming the target is a whole base RTT, and quick adapt watches four targets."""
    knobs = Knobs.for_path(100_000_000_000, 12_000, 4_096, trimming=False)
    assert 12_000 == knobs.target_delay_ns
    assert 48_000 == knobs.qa_threshold_ns
    assert pytest.approx(4 * 4_096 / 12_000) == knobs.alpha


def test_defaults_for_milliseconds() -> None:
    """spec 5.8, last paragraph: at 100 Mb/s x 5 ms b is 0.75, a = BDP / (37 MTU): no wild gain."""
    knobs = Knobs.for_path(100_000_000, 5_000_000, 4_096, trimming=True)
    a = 62_500 / (37 * 4_096)
    assert pytest.approx(4 * a * 0.75 * 4_096 / 3_750_000) == knobs.alpha
    assert pytest.approx(5 * a * 4_096) == knobs.fi
    assert 93_750 == knobs.max_cwnd
    growth = knobs.alpha * knobs.target_delay_ns  # spec 5.8: at most 4 a b MTU an RTT
    assert growth < knobs.max_cwnd / 8


def test_a_path_shorter_than_a_packet() -> None:
    """A BDP of less than an MTU counts as one MTU: the window still holds a packet."""
    assert 6_144 == Knobs.for_path(1_000_000, 1_000, 4_096, trimming=True).max_cwnd
