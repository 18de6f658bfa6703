"""Flows: what a source posts and when, and what a sink believes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.workload.ends import make_content
from mrcnet.workload.flow import Flow
from tests.unit.workload.ends import START, Ends

SLOTS = 64  # for small messages
SECOND = 1_000_000_000


def flow(size: int | None = None, message: int = 1_000, rate: int | None = None, number: int = 0) -> Flow:
    return Flow(number, "h0", "h1", size, message, rate)


def finish(ends: Ends, now: int = START) -> None:
    """Carry and complete whatever is posted, until nothing more comes."""
    done = 0
    ends.source.step(now)
    while done < len(ends.posts):
        ends.carry(done)
        ends.source.on_completed(done, now)
        done += 1
        ends.source.step(now)


@given(st.integers(1, 20_000), st.integers(1, 3_000))
def test_a_flow_is_its_size(size: int, message: int) -> None:
    """Messages add up to the flow's size: all of the given length, the last one as short as need be."""
    ends = Ends(flow(size, message))
    finish(ends)
    lengths = [length for _, _, length, _, _ in ends.posts]
    assert size == sum(lengths)
    assert {message} >= set(lengths[:-1])
    assert 1 <= lengths[-1] <= message
    assert (size, size) == (ends.source.completed_bytes, ends.sink.verified_bytes)
    assert ends.source.done
    assert [] == ends.sink.wrong


def test_messages_differ_everywhere() -> None:
    """Neighbours in a flow, and the same message of other flows, have other bytes: a mix-up shows."""
    content = make_content(4_096, 1)
    begins = [
        flow(None, 4_096, number=number).content_at(k, len(content)) for number in range(8) for k in range(8)
    ]
    assert len(begins) == len(set(begins))
    pieces = [content[at : at + 4_096] for at in begins]
    shared = [np.mean(one == other) for n, one in enumerate(pieces) for other in pieces[:n]]
    assert max(shared) < 0.02  # random bytes agree once in 256


def test_content_is_the_seeds() -> None:
    """Two processes make the same content from a seed, and another from another."""
    assert np.array_equal(make_content(100, 3), make_content(100, 3))
    assert not np.array_equal(make_content(100, 3), make_content(100, 4))


@pytest.mark.parametrize("message", [1, 64, 4_096, 1 << 20, (1 << 20) + 1])
def test_content_holds_every_message(message: int) -> None:
    """However far a flow runs, its messages lie inside the content."""
    one = flow(None, message, number=991)
    size = len(make_content(message, 1))
    assert all(0 <= one.content_at(k, size) <= size - message for k in (0, 1, 1_000, 10**6, 10**9))


def test_qp_numbers_are_the_flows_own() -> None:
    """No two ends of any flows share a QP number, and none is the node's own, 1."""
    flows = [flow(number=number) for number in range(1_000)]
    numbers = {qpn for one in flows for qpn in (one.src_qpn, one.dst_qpn)}
    assert 2_000 == len(numbers)
    assert min(numbers) > 1


def test_never_more_than_the_slots() -> None:
    """A message is not posted before the place that it will be written to is free."""
    ends = Ends(flow())
    ends.source.step(START)
    ends.source.step(START + SECOND)
    assert SLOTS == len(ends.posts)
    assert SLOTS == len({address for *_, address, _ in ends.posts})
    assert ends.source.next_timer() is None
    ends.source.on_completed(0, START + SECOND)
    ends.source.step(START + SECOND)
    assert SLOTS + 1 == len(ends.posts)
    assert ends.posts[0][3] == ends.posts[SLOTS][3]


def test_slots_lie_in_the_sinks_memory() -> None:
    """Every write lies in the region that the sink opened, under its key."""
    ends = Ends(flow(10_000))
    finish(ends)
    region = ends.sink.region
    for _, _, length, address, rkey in ends.posts:
        assert region.address <= address
        assert address + length <= region.address + len(region.data)
        assert rkey == region.rkey


@pytest.mark.parametrize(("message", "slots"), [(1_000, 64), (1 << 20, 4), (1 << 30, 4), (1 << 18, 16)])
def test_slots_bound_what_is_under_way(message: int, slots: int) -> None:
    """4 MiB of a flow may be under way, in no fewer than 4 messages and no more than 64."""
    assert slots == flow(None, message).slots


def test_nothing_before_the_start() -> None:
    """No message leaves before the instant at which all hosts begin."""
    ends = Ends(flow())
    ends.source.step(START - 1)
    assert [] == ends.posts
    assert START == ends.source.next_timer()
    ends.source.step(START)
    assert ends.posts
    assert START == ends.source.started_at


def test_pacing() -> None:
    """At 8 Mbit/s a message of 1000 bytes goes every millisecond, and the next one's time is known."""
    ends = Ends(flow(rate=8_000_000))
    sent = []
    for now in range(START, START + 10_000_000, 100_000):
        before = len(ends.posts)
        ends.source.step(now)
        for number in range(before, len(ends.posts)):
            sent.append(now)
            ends.source.on_completed(number, now)
    assert [START + k * 1_000_000 for k in range(10)] == sent
    assert START + 10_000_000 == ends.source.next_timer()


def test_pacing_makes_up_for_a_stall() -> None:
    """The offered load is kept: what a stall delayed follows as soon as there are slots."""
    ends = Ends(flow(rate=8_000_000))
    ends.source.step(START + 2_500_000)
    assert 3 == len(ends.posts)


def test_durations_count_from_the_post() -> None:
    """A message's time runs from its posting to its completion; the flow's from first post to last."""
    ends = Ends(flow(2_000))
    ends.source.step(START + 10)
    ends.source.on_completed(0, START + 40)
    ends.source.on_completed(1, START + 90)
    assert [30, 80] == ends.source.durations
    assert (START + 10, START + 90) == (ends.source.started_at, ends.source.ended_at)


def test_stopping() -> None:
    """A flow without end posts nothing new once stopped, and is done when what was posted is complete."""
    ends = Ends(flow())
    ends.source.step(START)
    ends.source.stopping = True
    assert not ends.source.done
    for number in range(SLOTS):
        ends.source.on_completed(number, START + 1)
        ends.source.step(START + 1)
    assert SLOTS == len(ends.posts)
    assert ends.source.done
    assert ends.source.next_timer() is None


def test_failure_ends_a_flow() -> None:
    """When its QP has failed a source posts nothing and waits for nothing."""
    ends = Ends(flow())
    ends.source.step(START)
    ends.source.failure = "retry counter exceeded"
    ends.source.on_completed(0, START + 1)
    ends.source.step(START + 1)
    assert SLOTS == len(ends.posts)
    assert ends.source.done
    assert ends.source.next_timer() is None


@given(st.integers(0, 999), st.integers(0, 2))
def test_one_wrong_byte_is_noticed(damage: int, number: int) -> None:
    """Whichever byte of whichever message differs, that message is named and its bytes do not count."""
    ends = Ends(flow(3_000))
    ends.source.step(START)
    for each in range(3):
        ends.carry(each, damage if each == number else None)
    assert [number] == ends.sink.wrong
    assert 2_000 == ends.sink.verified_bytes


def test_a_byte_beyond_a_short_message_does_not_count() -> None:
    """Only the message's own bytes are compared, not what an earlier one left behind it in the slot."""
    ends = Ends(flow(1_000 * SLOTS + 10))
    finish(ends)
    assert [] == ends.sink.wrong
    assert 1_000 * SLOTS + 10 == ends.sink.verified_bytes


def test_the_previous_message_is_not_taken_for_the_next() -> None:
    """A slot that still holds the message before the last round is seen to be wrong, not old but good."""
    ends = Ends(flow(1_000 * (SLOTS + 1)))
    ends.source.step(START)
    for number in range(SLOTS):
        ends.carry(number)
    ends.sink.on_arrived(SLOTS, START)  # announced, but nothing was written
    assert [SLOTS] == ends.sink.wrong
