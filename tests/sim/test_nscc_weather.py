"""NSCC in any weather: its window obeys its bounds at every instant, and no QP is ever stuck behind it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.flight import OVERHEAD
from mrcnet.mrc.nscc import Knobs, Nscc
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.window import Feedback
from tests.sim.test_any_weather import MEMORY, check, payloads, starts, storms
from tests.support.weather import Weather
from tests.support.wire import DELAY, Pair

PLANES = 3


def knobs_of(payload: int, rate_bps: int, *, trimming: bool) -> Knobs:
    return Knobs.for_path(rate_bps, 2 * DELAY, payload + OVERHEAD, trimming=trimming)


@given(
    storms(),
    payloads,
    starts,
    st.lists(st.integers(1, 9_000), min_size=1, max_size=8),
    st.sampled_from([1_000, 100_000_000, 10_000_000_000]),  # a BDP of one packet, of 1 250 bytes, of many
    st.booleans(),
    st.sampled_from([None, 0.5]),
    st.integers(0, 1 << 16),
)
def test_every_byte_once(
    weather: Weather,
    payload: int,
    start: int,
    lengths: list[int],
    rate: int,
    trimming: bool,
    pace: float | None,
    seed: int,
) -> None:
    """spec 5: what holds with a fixed window holds with NSCC, however small its window becomes."""
    settings = Settings(
        payload=payload,
        nscc=knobs_of(payload, rate, trimming=trimming),
        base_rtt_ns=4 * DELAY,
        sack_threshold=4_096,
        timeout_exponent=10,
        timeout_ceiling_exponent=12,
    )
    pair = Pair(
        settings, planes=PLANES, uplinks=4, start_psn=start, memory=MEMORY, fate=weather, seed=seed, pace=pace
    )
    at = 0
    for length in lengths:
        pair.write(at, length)
        at += length
    pair.finish()
    check(pair, weather, len(lengths))


words = st.one_of(
    st.tuples(
        st.just("ack"),
        st.integers(-(1 << 31), 1 << 31),
        st.none() | st.integers(0, 1 << 40),
        st.booleans(),
        st.integers(0, 127),
        st.booleans(),
    ),
    st.tuples(st.sampled_from(["trim", "loss"]), st.integers(0, 1 << 31)),
)


@given(st.lists(words, max_size=60), st.sampled_from([1_000, 1_000_000_000, 400_000_000_000]), st.booleans())
def test_always_within_its_bounds(said: list[tuple[object, ...]], rate: int, trimming: bool) -> None:
    """spec 5.5 rule 5: MTU <= cwnd <= Max_wnd whatever a peer says, absurd sizes and times included."""
    controller = Nscc(knobs_of(4_096, rate, trimming=trimming))
    for now, word in enumerate(said):
        match word:
            case ("ack", int(newly), rtt, bool(marked), int(penalty), bool(restore)):
                assert rtt is None or isinstance(rtt, int)
                in_flight = controller.window()
                controller.on_ack(Feedback(newly, rtt, marked, in_flight, penalty, restore), now * 30_000)
            case ("trim", int(size)):
                controller.on_trim(size, controller.window(), now * 30_000)
            case ("loss", int(size)):
                controller.on_loss(size, now * 30_000)
        assert controller.knobs.mtu <= controller.window() <= controller.knobs.max_cwnd
