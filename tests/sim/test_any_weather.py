"""Whatever the network does, bytes land exactly where they belong, once, or the QP fails with a reason."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st

from mrcnet.mrc.events import MessageArrived, MessageCompleted, QpFailed
from mrcnet.mrc.requestor import NEVER
from mrcnet.mrc.settings import Settings
from tests.support.effort import EFFORT
from tests.support.weather import Outage, Weather, to_plane, writes_on
from tests.support.wire import DELAY, Pair, ev_paths

WRAP = 1 << 24
MEMORY = 1 << 17


@st.composite
def storms(draw: st.DrawFn) -> Weather:
    """Loss of up to 30 % both ways, reordering, duplication, corruption, dying EVs and planes."""
    start = st.integers(0, 8 * DELAY)
    evs = [path.ev for path in ev_paths(3, 4)]
    outages = [
        Outage(writes_on(draw(st.sampled_from(evs))), draw(start)) for _ in range(draw(st.integers(0, 4)))
    ]
    if draw(st.booleans()):
        begin = draw(start)
        outages.append(
            Outage(to_plane(draw(st.integers(0, 2))), begin, begin + draw(st.integers(1, 1 << 28)))
        )
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


payloads = st.sampled_from([64, 256, 1_000, 1_021])
starts = st.sampled_from([0, 1, 100, WRAP - 1, WRAP - 40, WRAP // 2])


@given(
    storms(),
    payloads,
    starts,
    st.lists(st.integers(1, 9_000) | st.integers(1, 3), min_size=1, max_size=8),
    st.sampled_from([1, 2, 8]),
    st.sampled_from([1, 5_000, 1 << 20]),
    st.sampled_from([0.0, 0.5]),
    st.sampled_from([None, 0.5]),
    st.integers(0, 1 << 16),
)
@settings(max_examples=600 * EFFORT)
def test_every_byte_once(
    weather: Weather,
    payload: int,
    start: int,
    lengths: list[int],
    mpr_units: int,
    window: int,
    backup: float,
    pace: float | None,
    seed: int,
) -> None:
    """Messages of any length through any weather: bytes, completions, windows and books are right."""
    knobs = Settings(
        payload=payload,
        mpr_units=mpr_units,
        window_bytes=window,
        backup_share=backup,
        base_rtt_ns=4 * DELAY,
        sack_threshold=4_096,
        timeout_exponent=10,
        timeout_ceiling_exponent=12,
    )
    pair = Pair(
        knobs, planes=3, uplinks=4, start_psn=start, memory=MEMORY, fate=weather, seed=seed, pace=pace
    )
    rng = random.Random(seed)
    at = 0
    for length in lengths:
        at += rng.randrange(5)  # neighbours, or nearly
        pair.write(rng.randrange(MEMORY - length), length, to=at)
        at += length
    pair.finish()
    check(pair, weather, len(lengths))


def check(pair: Pair, weather: Weather, messages: int) -> None:
    """What must hold after any run."""
    sender, receiver = pair.qp.requestor, pair.peer_qp.responder
    done = [e.message for e in pair.seen(MessageCompleted)]
    arrived = [e.message for e in pair.seen(MessageArrived)]
    assert list(range(len(done))) == done
    assert list(range(len(arrived))) == arrived
    assert len(done) <= len(arrived) <= messages
    if sender.failed:
        event("failed")
        assert ["retry counter exceeded"] == [e.reason for e in pair.seen(QpFailed)]
        wrong = pair.target.data != pair.image
        assert not pair.target.data[wrong].any()  # what is not as it shall be is untouched
    else:
        event("complete")
        assert messages == len(done) == len(arrived)
        assert not (pair.target.data != pair.image).any()
        assert 0 == sender.in_flight
        assert NEVER == sender.next_timer()
        assert receiver.cack == sender.next_psn - 1
    books = receiver.counters
    assert books.arrived == books.delivered + books.duplicates + books.out_of_window
    refused = sum(pair.ends[1].drops.values())
    sent = sender.counters.sent + weather.repeated
    if not sender.failed:  # nothing is under way any more
        # a corrupt outer header may look like one that a switch trimmed
        assert sent == books.arrived + books.trimmed + refused + weather.dropped
    assert weather.corrupted >= refused
    assert int(pair.qp.evs.sent.sum()) == sender.counters.sent
    assert int(pair.qp.evs.lost.sum()) == sender.counters.lost
    assert sender.counters.lost + sender.counters.nacked >= sender.counters.retransmitted


@settings(max_examples=10 * EFFORT)
@given(
    st.integers(0, 1 << 16),
    st.integers(1 << 20, 5 << 20),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.001, 0.02]),
    starts,
    st.sampled_from([None, 0.5]),
)
def test_several_mebibytes(
    seed: int, length: int, planes: int, loss: float, start: int, pace: float | None
) -> None:
    """Large messages, odd lengths: in place, and balanced over the planes within 2 % while all are up."""
    # unpaced, packets of an EV leave at one instant: jitter would reorder them, and cost the EV (spec 4.5)
    weather = Weather(seed=seed, loss=loss, control_loss=loss, jitter=1_000 if pace else 0)
    pair = Pair(planes=planes, uplinks=8, start_psn=start, memory=5 << 20, fate=weather, seed=seed, pace=pace)
    pair.write(0, length)
    pair.finish()
    check(pair, weather, 1)
    if loss < 0.01:  # so few losses leave every plane most of its EVs
        per_plane = np.bincount(pair.qp.evs.plane, pair.qp.evs.sent, planes)
        queue = 8 if pace else 0  # what the ports hold may differ by half a queue
        assert per_plane.max() - per_plane.min() <= 0.02 * per_plane.mean() + 1 + queue


@settings(max_examples=10 * EFFORT)
@given(st.integers(0, 1 << 16), st.integers(1, 200_000), st.integers(1, 200_000), st.sampled_from([0.0, 0.1]))
def test_both_directions(seed: int, there: int, back: int, loss: float) -> None:
    """Both sides write to each other over one QP: two independent directions (spec 1.1)."""
    weather = Weather(seed=seed, loss=loss, control_loss=loss, duplicate=loss, jitter=DELAY)
    pair = Pair(Settings(payload=1_024, timeout_exponent=10), fate=weather, seed=seed)
    home = pair.ends[0].register(np.zeros(1 << 18, np.uint8), 0x5000)
    gift = np.random.default_rng(seed).integers(0, 256, 1 << 18, dtype=np.uint8)
    source = pair.ends[1].register(gift, 0x9000)
    pair.write(0, there)
    pair.ends[1].post_write(0x101, source, 0, back, home.address, home.rkey)
    pair.finish()
    pair.run(until=pair.now + 10_000_000_000, steps=400_000)
    assert not (pair.target.data != pair.image).any()
    assert (home.data[:back] == gift[:back]).all()
    assert not home.data[back:].any()
    for host in (0, 1):
        assert [0] == [e.message for e in pair.seen(MessageArrived, host)]
        assert [0] == [e.message for e in pair.seen(MessageCompleted, host)]
