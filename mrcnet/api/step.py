"""A training step: what it sends, run once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mrcnet.api.load import hosts_of, one_of
from mrcnet.api.programs import run_program
from mrcnet.api.quantities import Quantity, whole
from mrcnet.units import parse_size
from mrcnet.workload.collective import check_memory
from mrcnet.workload.congestion import FIXED, choices
from mrcnet.workload.steps import STEPS, Layout, Model, step_program
from mrcnet.workload.summary import summarise
from mrcnet.workload.transport import CHOICES, MRC

if TYPE_CHECKING:
    from mrcnet.api.place import Place

SMALL = Model(layers=2, hidden=256, heads=8, vocab=1024, batch=1, sequence=128)


@dataclass(frozen=True, slots=True)
class Step:
    """The step `kind`, "zero-3" or "megatron", of a `model`, from which sizes follow.

    `layout`: how Megatron deals the ranks. `ranks`: a host for each, in order (none named: all). No message
    is longer than `message` bytes. `seed` decides values and paths.
    """

    kind: str = "zero-3"
    model: Model = SMALL
    layout: Layout = field(default_factory=Layout)
    ranks: Sequence[str] = ()
    message: Quantity = 256 << 10
    transport: str = MRC
    congestion: str = FIXED
    seed: int = 1

    def run(self, place: Place) -> StepResult:
        """See `Place.step`."""
        one_of("step", self.kind, STEPS)
        one_of("transport", self.transport, CHOICES)
        one_of("congestion", self.congestion, choices())
        plan = place.plan
        message = whole("message", self.message, parse_size)
        hosts = tuple(hosts_of(plan, self.ranks, "ranks"))
        program = step_program(self.kind, self.model, self.layout, hosts, message, self.seed)
        check_memory(program)
        recording = run_program(place, program, self.transport, self.congestion, self.seed)
        result = summarise(recording)
        ranks = [rank for report in recording.reports for rank in report.ranks]
        ends = [end for rank in ranks for end in rank.ends]
        known = [end for end in ends if end is not None]
        return StepResult(
            lab=place.name,
            step=self.kind,
            model=self.model,
            ranks=hosts,
            transport=self.transport,
            congestion=self.congestion,
            seed=self.seed,
            dilation=plan.topology.dilation,
            calls=tuple(Counter(call.kind for call in program.graph.calls).items()),
            messages=len(program.graph.messages),
            bytes=sum(flow.size or 0 for flow in program.flows),
            time_us=(max(known) - recording.start_at) / 1e3 if len(known) == len(ends) else None,
            wrong=sum(sum(rank.wrong) for rank in ranks),
            verified=result.verified,
            problems=tuple(result.problems),
        )


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of a step. `calls`: how many collectives of each kind; `messages` of them and `bytes` went
    between hosts. `time_us`: fabric time until the last rank was through; None if one never was. `wrong`:
    elements that differ from what NumPy computes; `verified`: none does, and no QP failed.
    """

    lab: str
    step: str
    model: Model
    ranks: tuple[str, ...]
    transport: str
    congestion: str
    seed: int
    dilation: int
    calls: tuple[tuple[str, int], ...]
    messages: int
    bytes: int
    time_us: float | None
    wrong: int
    verified: bool
    problems: tuple[str, ...]
