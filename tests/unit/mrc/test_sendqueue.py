"""Messages on their way out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.mrc.memory import Region
from mrcnet.mrc.sendqueue import SendQueue

PAYLOAD, START = 100, 7
SOURCE = Region(np.zeros(1, np.uint8), 0, 1)
lengths = st.lists(st.integers(1, 5 * PAYLOAD), min_size=1, max_size=8)


def queue_of(lengths: list[int], *, immediates: bool = False) -> SendQueue:
    queue = SendQueue(START, PAYLOAD)
    for number, length in enumerate(lengths):
        assert number == queue.post(SOURCE, 0, length, 0, 1, number if immediates else None)
    return queue


@given(lengths, st.lists(st.integers(1, 7), max_size=40))
def test_every_packet_is_cut_once(lengths: list[int], steps: list[int]) -> None:
    """However the sending is divided, each PSN belongs to one message, in order, without a gap."""
    queue = queue_of(lengths)
    here, pieces = START, []
    for step in [*steps, queue.end]:
        stop = min(here + step, queue.end)
        pieces += list(queue.cut(here, stop))
        here = stop
    assert [START, queue.end] == [pieces[0][1], pieces[-1][2]]
    assert all(before[2] == after[1] for before, after in pairwise(pieces))
    assert all(message.first <= begin < end <= message.last + 1 for message, begin, end in pieces)


@given(lengths, st.integers(-1, 50))
def test_completions_come_in_posting_order(lengths: list[int], packets: int) -> None:
    """What a cumulative acknowledgement covers is complete, whole messages only; the rest stays open."""
    queue = queue_of(lengths, immediates=True)
    last = [queue.message(number).last for number in range(len(lengths))]
    cack = START + packets
    done = list(queue.acknowledge(cack))
    assert [number for number, psn in enumerate(last) if psn <= cack] == done
    assert len(lengths) - len(done) == len(queue) == queue.immediates
    assert list(range(len(done), len(lengths))) == queue.abandon()
    assert [0, 0] == [len(queue), queue.immediates]


def test_only_so_many_immediates_are_open() -> None:
    """spec 4.4: packets behind the first WriteIMM above the limit have to wait."""
    queue = queue_of([3 * PAYLOAD] * 4, immediates=True)
    assert [START + 6, queue.end] == [queue.limit(2), queue.limit(4)]
