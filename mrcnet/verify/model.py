"""What is to be proved, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mrcnet.plan.model import Path, Plan
from mrcnet.plan.paths import paths
from mrcnet.plan.walk import Walk, walk

Progress = Callable[[int, int], None]  # (paths proved, paths in all)


@dataclass(frozen=True, slots=True)
class PlannedPath:
    """One EV of one ordered pair of hosts, with its walk through the planned tables."""

    src: str
    dst: str
    path: Path
    walk: Walk


@dataclass(frozen=True, slots=True)
class FailedPath:
    """A broken path. `stopped_at` is the last node at which its packet arrived; `reason` is for people."""

    src: str
    dst: str
    ev: int
    plane: int
    carrier: str
    stopped_at: str
    reason: str


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """The verdict. `paths` were tried, `sampled` of them also hop by hop; `seconds` is wall time."""

    paths: int
    ok: bool
    failed: tuple[FailedPath, ...]
    seconds: float
    sampled: int


def planned_paths(plan: Plan) -> Iterator[PlannedPath]:
    """Every EV of every ordered pair, by source, then destination, then EV."""
    for src in plan.hosts:
        for dst in plan.hosts:
            for path in paths(plan, src, dst):
                yield PlannedPath(src, dst, path, walk(plan, src, dst, path))


def failure(planned: PlannedPath, stopped_at: str, reason: str) -> FailedPath:
    """The report on one planned path."""
    path = planned.path
    return FailedPath(planned.src, planned.dst, path.ev, path.plane, path.carrier, stopped_at, reason)
