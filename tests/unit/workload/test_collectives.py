"""Collectives as message graphs: what they wait for, and that every order of arrival ends with NumPy's
result.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnet.errors import InputError
from mrcnet.workload.collectives import KINDS
from mrcnet.workload.graph import Graph, Message, Op, Score
from tests.unit.workload.ensemble import Ensemble, program

WAYS = [(kind, algorithm) for kind, row in KINDS.items() for algorithm in row.algorithms]


def overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def before(graph: Graph) -> list[set[int]]:
    """For each message, all that have arrived when it is sent, within its call."""
    found: list[set[int]] = []
    for message in graph.messages:
        found.append(set(message.after).union(*(found[number] for number in message.after)))
    return found


def reads(message: Message) -> tuple[int, int]:
    return message.source, message.source + message.count


def writes(message: Message) -> tuple[int, int]:
    return message.target, message.target + message.count


@pytest.mark.parametrize(("kind", "algorithm"), WAYS)
@pytest.mark.parametrize("ranks", [2, 3, 5, 8])
def test_a_rank_waits_for_its_own(kind: str, algorithm: str, ranks: int) -> None:
    """What a message waits for comes earlier in the graph and arrives where the message is sent from."""
    graph = program(kind, ranks, 4_000, algorithm, piece=256).graph
    for message in graph.messages:
        assert message.src != message.dst
        for number in message.after:
            assert number < message.number
            assert message.src == graph.messages[number].dst


@pytest.mark.parametrize(("kind", "algorithm"), WAYS)
@pytest.mark.parametrize("ranks", [2, 3, 5, 8])
def test_nothing_is_overwritten_while_it_is_sent(kind: str, algorithm: str, ranks: int) -> None:
    """What lands in elements that a rank sends comes before they are sent, or after they have arrived; and
    two that land in the same elements are added, or have an order.
    """
    graph = program(kind, ranks, 4_000, algorithm, piece=256).graph
    earlier = before(graph)
    for one in graph.messages:
        for other in graph.messages:
            if one is other:
                continue
            if other.dst == one.src and overlap(reads(one), writes(other)):
                assert other.number in earlier[one.number] or one.number in earlier[other.number]
            if other.dst == one.dst and overlap(writes(one), writes(other)):
                ordered = other.number in earlier[one.number] or one.number in earlier[other.number]
                assert ordered or one.op is other.op is Op.ADD


@given(
    st.sampled_from(WAYS),
    st.integers(2, 9),
    st.integers(9, 200),
    st.integers(1, 64),
    st.sampled_from(["int32", "float32"]),
    st.integers(1, 3),
    st.data(),
)
@settings(deadline=None, max_examples=150)
def test_every_order_of_arrival_ends_alike(
    way: tuple[str, str], ranks: int, count: int, piece: int, dtype: str, iterations: int, data: st.DataObject
) -> None:
    """Whatever arrives first, every rank ends with what NumPy computes, in every iteration."""
    made = program(way[0], ranks, 4 * count, way[1], piece=4 * piece, dtype=dtype, iterations=iterations)
    ensemble = Ensemble(made)
    chance = np.random.default_rng(data.draw(st.integers(0, 1 << 32)))
    ensemble.run(lambda most: int(chance.integers(most)))
    assert len(made.graph.messages) == len(ensemble.order)
    for rank in ensemble.ranks:
        report = rank.report()
        assert (0,) * iterations == report.wrong
        assert None not in report.ends
        assert list(report.ends) == sorted(end or 0 for end in report.ends)


@pytest.mark.parametrize("limit", [1, 3])
def test_sends_wait_for_acknowledgements(limit: int) -> None:
    """With a limit a rank has no more messages to a peer under way, reaches the limit, and ends as ever."""
    ensemble = Ensemble(program("all-gather", 4, 4_096, piece=128, outstanding=limit))
    most = 0
    while ensemble.under_way:
        flows = [flow for flow, _, _ in ensemble.under_way]
        most = max(most, *(flows.count(flow) for flow in flows))
        ensemble.arrive(0)
    assert limit == most
    assert {(0,)} == {rank.report().wrong for rank in ensemble.ranks}


@pytest.mark.parametrize(("kind", "algorithm"), WAYS)
def test_a_wrong_element_is_counted(kind: str, algorithm: str) -> None:
    """Whatever is lost shows: if nothing had arrived, ranks would not hold what they should."""
    ensemble = Ensemble(program(kind, 4, 4_096, algorithm))
    assert 0 < sum(sum(rank.report().wrong) for rank in ensemble.ranks)


def test_all_reduce_moves_what_it_must() -> None:
    """A ring moves 2 (n - 1) / n of the buffer from each rank to the next, and nowhere else."""
    made = program("all-reduce", 8, 1 << 16)
    assert {(f"h{rank}", f"h{(rank + 1) % 8}") for rank in range(8)} == {
        (flow.src, flow.dst) for flow in made.flows
    }
    assert {(1 << 16) * 2 * 7 // 8} == {flow.size for flow in made.flows}


def test_a_tree_is_shallow() -> None:
    """A message of a tree waits for a chain of 2 log2 n others, not of 2 (n - 1)."""
    graph = program("all-reduce", 16, 1 << 12, "tree").graph
    depth: list[int] = []
    for message in graph.messages:
        depth.append(1 + max((depth[number] for number in message.after), default=0))
    assert max(depth) <= 8 < 2 * 15


def test_iterations_follow_each_other_on_each_rank() -> None:
    """A rank posts nothing of an iteration before it is through with the one before."""
    ensemble = Ensemble(program("all-to-all", 3, 3 << 10, iterations=2))
    assert 6 == len(ensemble.under_way)
    first, second = set(range(6)), set(range(6, 12))
    for _ in range(5):
        ensemble.arrive(len(ensemble.under_way) - 1)
        waits = [rank.report().ends[0] is None for rank in ensemble.ranks]
        posted = {ensemble.number_of(flow, number) for flow, number, _ in ensemble.under_way}
        begun = {ensemble.program.graph.messages[number].src for number in posted & second}
        assert not any(waits[rank] for rank in begun)
    ensemble.run(lambda _: 0)
    assert first | second == set(ensemble.order)


def test_groups_share_places_but_not_elements() -> None:
    """Calls of disjoint groups take the same places in their ranks' memories; a rank's own never do."""
    score = Score(4)
    score.add("all-reduce", 100, [0, 1])
    score.add("all-reduce", 100, [2, 3])
    score.add("all-gather", 40, [1, 2])
    graph = score.graph(1 << 20)
    assert [0, 0, 100] == [call.at for call in graph.calls]
    assert [(), (), (0, 1)] == [call.after for call in graph.calls]
    assert 140 == graph.span


@pytest.mark.parametrize(
    ("kind", "algorithm", "ranks", "size", "said"),
    [
        ("all-reduce", "spiral", 4, 1 << 10, "no algorithm 'spiral'"),
        ("all-gather", "", 1, 1 << 10, "needs two ranks"),
        ("all-to-all", "", 8, 16, "4 elements over 8 ranks"),
    ],
)
def test_what_cannot_be_is_refused(kind: str, algorithm: str, ranks: int, size: int, said: str) -> None:
    """An unknown algorithm, one rank, and fewer elements than ranks are wrong input."""
    with pytest.raises(InputError, match=said):
        program(kind, ranks, size, algorithm)
