"""Training steps as collectives whose sizes follow from a model: ZeRO-3, and Megatron's three kinds of
parallel. Pure.

Only what is sent is here, in the order in which the frameworks send it; computing takes no time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mrcnet.errors import InputError
from mrcnet.workload.graph import Score
from mrcnet.workload.program import Program

WIDTHS = {"fp32": 4, "bf16": 2, "fp16": 2, "fp8": 1}  # bytes
_ITEM = 4  # bytes of the elements that stand for the model's


@dataclass(frozen=True, slots=True)
class Model:
    """A transformer. `batch`: sequences of one microbatch; `sequence`: tokens of each; `dtype`: of all that
    is sent.

    InputError for a width that is not known, or heads that do not divide the hidden size.
    """

    layers: int
    hidden: int
    heads: int
    vocab: int
    batch: int
    sequence: int
    dtype: str = "bf16"

    def __post_init__(self) -> None:
        if self.dtype not in WIDTHS:
            raise InputError(f"model: unknown dtype {self.dtype!r}", remedy=f"there are {', '.join(WIDTHS)}")
        if min(self.layers, self.hidden, self.heads, self.vocab, self.batch, self.sequence) < 1:
            raise InputError("model: every size is at least 1")
        if self.hidden % self.heads:
            raise InputError(f"model: {self.heads} heads do not divide a hidden size of {self.hidden}")

    @property
    def layer_bytes(self) -> int:
        """A layer's parameters: attention 4 h^2 + 4 h, MLP 8 h^2 + 5 h, two norms 4 h."""
        return (12 * self.hidden**2 + 13 * self.hidden) * WIDTHS[self.dtype]

    @property
    def embedding_bytes(self) -> int:
        """The token embedding."""
        return self.vocab * self.hidden * WIDTHS[self.dtype]

    @property
    def activation_bytes(self) -> int:
        """What goes from layer to layer for a microbatch."""
        return self.batch * self.sequence * self.hidden * WIDTHS[self.dtype]


@dataclass(frozen=True, slots=True)
class Layout:
    """How Megatron deals ranks: `tensor` next to each other, then `pipeline` stages, then `data` replicas."""

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    microbatches: int = 1

    def rank(self, tensor: int, stage: int, replica: int) -> int:
        """The rank at a place."""
        return tensor + self.tensor * (stage + self.pipeline * replica)


def _elements(size: int) -> int:
    return max(1, -(-size // _ITEM))


def zero3(model: Model, layout: Layout, ranks: int) -> Score:
    """Every rank holds a part of every layer: gathered for the forward pass and again for the backward one,
    whose gradients are scattered. The next layer is gathered while a layer's gradients are under way.
    `layout` is moot.
    """
    del layout
    score = Score(ranks)
    layers = [model.embedding_bytes, *[model.layer_bytes] * model.layers]
    sizes = [max(ranks, _elements(size)) for size in layers]
    before: tuple[int, ...] = ()
    for size in sizes:
        before = (score.add("all-gather", size, after=before),)
    for size in reversed(sizes):
        before = (score.add("all-gather", size, after=before),)
        score.add("reduce-scatter", size, after=before, lane=1)
    return score


def megatron(model: Model, layout: Layout, ranks: int) -> Score:
    """Forward and backward for each microbatch: two all-reduces a layer among a stage's tensor ranks,
    activations from stage to stage; at the end, gradients round the data replicas.
    """
    wanted = layout.tensor * layout.pipeline * layout.data
    if wanted != ranks:
        raise InputError(
            f"tp {layout.tensor} x pp {layout.pipeline} x dp {layout.data} are {wanted} ranks, not {ranks}",
            remedy="name as many hosts, or another layout",
        )
    if model.layers % layout.pipeline:
        raise InputError(f"{model.layers} layers do not spread over {layout.pipeline} stages")
    score = Score(ranks)
    layers = model.layers // layout.pipeline
    stages = range(layout.pipeline)
    for _ in range(layout.microbatches):
        for replica in range(layout.data):
            for stage in stages:
                _stage(score, model, layout, replica, stage, layers)
                _hand_on(score, model, layout, replica, stage, stage + 1)
            for stage in reversed(stages):
                _stage(score, model, layout, replica, stage, layers)
                _hand_on(score, model, layout, replica, stage, stage - 1)
    if layout.data > 1:
        size = _elements(layers * model.layer_bytes // layout.tensor)
        for stage in stages:
            for tensor in range(layout.tensor):
                ring = [layout.rank(tensor, stage, replica) for replica in range(layout.data)]
                score.add("all-reduce", max(size, len(ring)), ring, lane=2)
    return score


def _stage(score: Score, model: Model, layout: Layout, replica: int, stage: int, layers: int) -> None:
    if layout.tensor == 1:
        return
    group = [layout.rank(tensor, stage, replica) for tensor in range(layout.tensor)]
    for _ in range(2 * layers):
        score.add("all-reduce", max(_elements(model.activation_bytes), len(group)), group)


def _hand_on(score: Score, model: Model, layout: Layout, replica: int, src: int, dst: int) -> None:
    """Every tensor rank sends its part of the activations, or of their gradients, to the same of another
    stage.
    """
    if dst not in range(layout.pipeline):
        return
    size = max(2, _elements(model.activation_bytes // layout.tensor))
    for tensor in range(layout.tensor):
        pair = [layout.rank(tensor, stage, replica) for stage in (src, dst)]
        score.add("broadcast", size, pair, lane=1)


STEPS: dict[str, Callable[[Model, Layout, int], Score]] = {"zero-3": zero3, "megatron": megatron}


def step_program(
    step: str, model: Model, layout: Layout, hosts: Sequence[str], piece: int, seed: int = 1
) -> Program:
    """A step over hosts, one rank on each; `piece`: bytes of the longest message."""
    score = STEPS[step](model, layout, len(hosts))
    if not score.calls:
        raise InputError("nothing is sent: one rank of each kind", remedy="more than one of tp, pp or dp")
    return Program(0, score.graph(max(1, piece // _ITEM)), tuple(hosts), "int32", seed)
