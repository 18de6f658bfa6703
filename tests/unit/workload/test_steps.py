"""Training steps: sizes by the model, calls in the frameworks' order, and NumPy's result whatever arrives
first.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from mrcnet.errors import InputError
from mrcnet.workload.steps import Layout, Model, megatron, step_program, zero3
from tests.unit.workload.ensemble import HOSTS, Ensemble

SMALL = Model(layers=2, hidden=16, heads=2, vocab=40, batch=1, sequence=4)


def test_sizes_follow_from_the_model() -> None:
    """A layer has 12 h^2 + 13 h parameters, activations batch x sequence x hidden; GPT-3's come to 175e9."""
    gpt3 = Model(layers=96, hidden=12_288, heads=96, vocab=50_257, batch=1, sequence=2_048)
    parameters = (96 * gpt3.layer_bytes + gpt3.embedding_bytes) / 2
    assert 174e9 < parameters < 175e9
    assert 2 * 2_048 * 12_288 == gpt3.activation_bytes


def test_zero3_gathers_twice_and_scatters_once() -> None:
    """Each layer and the embedding are gathered forward and backward; a reduce-scatter waits for its gather
    only.
    """
    score = zero3(SMALL, Layout(), 4)
    kinds = [call.kind for call in score.calls]
    assert ["all-gather"] * 3 + ["all-gather", "reduce-scatter"] * 3 == kinds
    for call in score.calls[3::2]:
        assert (call.number,) == score.calls[call.number + 1].after


def test_megatron_keeps_its_groups() -> None:
    """Tensor ranks are next to each other, stages and replicas apart: two all-reduces a layer each way."""
    score = megatron(SMALL, Layout(tensor=2, pipeline=2, data=2), 8)
    groups = Counter((call.kind, call.lane, call.ranks) for call in score.calls)
    assert 4 == groups["all-reduce", 0, (0, 1)]  # one layer, forward and backward
    assert 1 == groups["broadcast", 1, (0, 2)] == groups["broadcast", 1, (2, 0)]
    assert 1 == groups["all-reduce", 2, (0, 4)]


@pytest.mark.parametrize(
    ("step", "layout", "ranks"),
    [
        ("zero-3", Layout(), 3),
        ("megatron", Layout(2, 2, 2, 2), 8),
        ("megatron", Layout(4, 1, 2), 8),
        ("megatron", Layout(1, 2, 1, 3), 2),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_every_order_of_arrival_ends_alike(step: str, layout: Layout, ranks: int, seed: int) -> None:
    """Whatever arrives first, all ranks get through all calls with what NumPy computes."""
    ensemble = Ensemble(step_program(step, SMALL, layout, HOSTS[:ranks], 256))
    chance = np.random.default_rng(seed)
    ensemble.run(lambda most: int(chance.integers(most)))
    for rank in ensemble.ranks:
        report = rank.report()
        assert 0 == sum(report.wrong)
        assert None not in report.ends


@pytest.mark.parametrize(
    ("layout", "ranks", "said"),
    [
        (Layout(4, 1, 1), 8, "are 4 ranks, not 8"),
        (Layout(1, 4, 1), 4, "do not spread over 4 stages"),
        (Layout(), 1, "nothing is sent"),
    ],
)
def test_a_layout_that_does_not_fit(layout: Layout, ranks: int, said: str) -> None:
    """Ranks, stages and layers must fit each other."""
    with pytest.raises(InputError, match=said):
        step_program("megatron", SMALL, layout, HOSTS[:ranks], 256)


@pytest.mark.parametrize(("wrong", "said"), [({"dtype": "bf17"}, "bf17"), ({"heads": 3}, "do not divide")])
def test_a_model_that_cannot_be(wrong: dict[str, str | int], said: str) -> None:
    """Unknown types and heads that do not divide the hidden size are wrong input."""
    values: dict[str, int] = {"layers": 1, "hidden": 16, "heads": 2, "vocab": 4, "batch": 1, "sequence": 4}
    with pytest.raises(InputError, match=said):
        Model(**{**values, **wrong})  # type: ignore[arg-type]
