"""A collective over a range of sizes, as nccl-tests runs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mrcnet.api.load import hosts_of, one_of
from mrcnet.api.programs import run_program
from mrcnet.api.quantities import Quantity, whole
from mrcnet.api.telling import Tell
from mrcnet.errors import InputError
from mrcnet.units import format_size, parse_size
from mrcnet.workload import collective
from mrcnet.workload.collective import CollectiveResult, program_of, row_of
from mrcnet.workload.collectives import KINDS
from mrcnet.workload.congestion import FIXED, choices
from mrcnet.workload.program import TYPES
from mrcnet.workload.transport import CHOICES, MRC

if TYPE_CHECKING:
    from mrcnet.api.place import Place


@dataclass(frozen=True, slots=True)
class Collective:
    """The collective `kind` over `size` bytes, or over all sizes of a range, "64KiB..16MiB", each `factor`
    times the one before.

    `algorithm`: "ring" or "tree" where there is a choice; `ranks`: a host for each, in order (none named:
    all). Each size is run `iterations` times after `warmup` that do not count. Elements are of `type`; no
    message is longer than `message` bytes, and no more than `outstanding` of them from a rank to a peer wait
    for their acknowledgement (None: no limit). `seed` decides values and paths.
    """

    kind: str = "all-reduce"
    size: Quantity = 1 << 20
    factor: int = 4
    algorithm: str = ""
    ranks: Sequence[str] = ()
    iterations: int = 5
    warmup: int = 1
    type: str = "int32"
    message: Quantity = 256 << 10
    outstanding: int | None = None
    transport: str = MRC
    congestion: str = FIXED
    seed: int = 1

    def run(self, place: Place, progress: Tell) -> CollectiveResult:
        """See `Place.collective`."""
        self._check()
        plan = place.plan
        message = whole("message", self.message, parse_size)
        hosts = tuple(hosts_of(plan, self.ranks, "ranks"))
        ask = collective.Collective(
            self.kind,
            self.algorithm,
            hosts,
            self.type,
            self.iterations,
            self.warmup,
            message,
            self.seed,
            self.outstanding,
        )
        rows = []
        for size in self._sizes():
            progress(f"{self.kind}, {format_size(size)}")
            program = program_of(ask, size)
            recording = run_program(place, program, self.transport, self.congestion, self.seed)
            rows.append(row_of(ask, size, recording))
        return CollectiveResult(
            lab=place.name,
            collective=self.kind,
            algorithm=program.graph.calls[0].algorithm,
            ranks=hosts,
            iterations=self.iterations,
            warmup=self.warmup,
            outstanding=self.outstanding,
            transport=self.transport,
            congestion=self.congestion,
            loss=place.loss,
            seed=self.seed,
            dilation=plan.topology.dilation,
            rows=tuple(rows),
            verified=all(row.verified for row in rows),
        )

    def _check(self) -> None:
        one_of("collective", self.kind, KINDS)
        one_of("transport", self.transport, CHOICES)
        one_of("congestion", self.congestion, choices())
        one_of("type", self.type, TYPES)
        for name, value, least in (
            ("factor", self.factor, 2),
            ("iterations", self.iterations, 1),
            ("warmup", self.warmup, 0),
            ("outstanding", self.outstanding, 1),
        ):
            if value is not None and value < least:
                raise InputError(f"{name} must be {least} at least, not {value}")

    def _sizes(self) -> Iterator[int]:
        first, _, last = str(self.size).partition("..")
        size, end = (whole("size", text, parse_size) for text in (first, last or first))
        if size > end:
            raise InputError(f"size: {self.size!r} is no range of sizes", remedy="the smaller comes first")
        while size <= end:
            yield size
            size *= self.factor
