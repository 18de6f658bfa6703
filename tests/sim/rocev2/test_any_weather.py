"""Whatever the network does, bytes arrive once and in order, or the QP fails with a reason."""

from __future__ import annotations

import random

from hypothesis import event, given, settings
from hypothesis import strategies as st

from mrcnet.mrc.events import MessageArrived, MessageCompleted, QpFailed
from mrcnet.mrc.requestor import NEVER
from mrcnet.rocev2.settings import Roce
from tests.support.effort import EFFORT
from tests.support.roce import RocePair
from tests.support.weather import Outage, Weather, to_plane
from tests.support.wire import DELAY

WRAP = 1 << 24
MEMORY = 1 << 17


@st.composite
def storms(draw: st.DrawFn) -> Weather:
    """Loss of up to 30 % both ways, reordering, duplication, corruption, dying planes."""
    outages = []
    if draw(st.booleans()):
        begin = draw(st.integers(0, 8 * DELAY)) + 1_000_000
        plane = draw(st.integers(0, 2))
        outages.append(Outage(to_plane(plane), begin, begin + draw(st.integers(1, 1 << 26))))
    share = st.sampled_from([0.0, 0.01, 0.1, 0.3])
    return Weather(
        seed=draw(st.integers(0, 1 << 16)),
        loss=draw(share),
        control_loss=draw(share),
        duplicate=draw(share),
        corrupt=draw(st.sampled_from([0.0, 0.05])),
        jitter=draw(st.sampled_from([0, 1_000, DELAY, 10 * DELAY])),
        outages=outages,
    )


@given(
    storms(),
    st.sampled_from([64, 256, 1_000, 1_021]),
    st.sampled_from([0, 100, WRAP - 1, WRAP - 40, WRAP // 2]),
    st.lists(st.integers(1, 9_000) | st.integers(1, 3), min_size=1, max_size=8),
    st.sampled_from([1, 2, 5, 16]),
    st.sampled_from([1, 5_000, 1 << 20]),
    st.sampled_from([0, 3, 7]),
    st.sampled_from([None, 0.5]),
    st.integers(0, 1 << 16),
)
@settings(max_examples=150 * EFFORT)
def test_every_byte_once(
    weather: Weather,
    payload: int,
    start: int,
    lengths: list[int],
    qps: int,
    window: int,
    retry_cnt: int,
    pace: float | None,
    seed: int,
) -> None:
    """Messages of any length through any weather: bytes, completions and books are right."""
    roce = Roce(qps=qps, window_bytes=window, retry_cnt=retry_cnt, timeout_exponent=7)
    pair = RocePair(
        roce, payload, planes=3, uplinks=4, start_psn=start, memory=MEMORY, fate=weather, seed=seed, pace=pace
    )
    rng = random.Random(seed)
    at = 0
    for length in lengths:
        at += rng.randrange(5)
        pair.write(rng.randrange(MEMORY - length), length, to=at)
        at += length
    pair.finish()
    check(pair, weather, len(lengths))


def check(pair: RocePair, weather: Weather, messages: int) -> None:
    """What must hold after any run."""
    qps = pair.roce.qps
    done = [e.message for e in pair.seen(MessageCompleted)]
    arrived = [e.message for e in pair.seen(MessageArrived)]
    for place in range(qps):  # in order, and once, on each QP
        mine = list(range(place, messages, qps))
        for told in (done, arrived):
            here = [message for message in told if message % qps == place]
            assert mine[: len(here)] == here
    assert set(done) <= set(arrived)
    if pair.connection.failed:
        event("failed")
        (failed,) = pair.seen(QpFailed, 0)
        assert failed.reason.startswith("retry counter exceeded")
        wrong = pair.target.data != pair.image
        assert not pair.target.data[wrong].any()  # what is not as it shall be is untouched
    else:
        event("complete")
        assert list(range(messages)) == sorted(done)
        assert pair.whole
        assert NEVER == pair.ends[0].next_timer()
    books, sent = pair.ends[1].taken(0x101), pair.ends[0].sent(0x100)
    assert books.arrived == books.delivered + books.duplicates + books.out_of_window
    refused = sum(pair.ends[1].drops.values())
    if not pair.connection.failed:  # nothing is under way any more
        assert sent.sent + weather.repeated == books.arrived + refused + weather.dropped
    assert sent.lost >= sent.retransmitted or pair.connection.failed
