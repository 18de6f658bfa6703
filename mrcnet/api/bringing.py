"""Bring a lab up from the text of a topology."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from mrcnet.api.dilation import settled
from mrcnet.api.telling import Tell, silent
from mrcnet.api.topologies import Source, plan_of, refuse_errors
from mrcnet.errors import InputError
from mrcnet.kernel import lab
from mrcnet.kernel.lab import UpResult
from mrcnet.plan.model import Plan
from mrcnet.render.model import Nos, Wish


@dataclass(frozen=True, slots=True)
class Brought:
    """The plan of a lab at its dilation, what `up` did, and how long planning took, wall seconds."""

    plan: Plan
    result: UpResult
    plan_seconds: float


def bring_up(
    source: Source,
    lab_name: str | None = None,
    *,
    dilation: int | None = None,
    allow_degraded: bool = False,
    dry_run: bool = False,
    wish: Wish | None = None,
    note: Tell = silent,
    progress: Tell = silent,
) -> Brought:
    """Make the kernel hold what a topology says, in the lab of that name, or of the topology's.

    `dilation` comes before what the text says; a `wish` has containerlab make the nodes. Raises what
    `kernel.lab.up` and `kernel.containers.up` do, and InputError for a topology that cannot work.
    """
    if wish is not None and wish.nos is Nos.CUMULUS:
        raise InputError(
            "Cumulus is a virtual machine, which takes its files from a person",
            remedy="`mrcnet render --nos cumulus`, and its README.md",
        )
    begun = monotonic()
    progress(f"planning {source.file}")
    plan = plan_of(source)
    refuse_errors(plan, source, note)
    name = lab_name or plan.topology.name
    plan = settled(plan, name, source.text, dilation, dry=dry_run, note=note)
    planned = monotonic() - begun
    progress(f"{len(plan.nodes)} nodes, {len(plan.topology.links)} links")
    if wish is None:
        result = lab.up(plan, name, source.file, source.text, dry_run=dry_run, allow_degraded=allow_degraded)
    else:
        from mrcnet.kernel import containers  # what renders is not loaded without

        progress("containerlab deploys")
        result = containers.up(plan, name, source.file, source.text, wish, allow_degraded=allow_degraded)
        plan = lab.plan_of(lab.load(name))  # with the MACs that its switches have
    for lack in result.degraded:
        note(f"the lab goes without {lack}")
    return Brought(plan, result, planned)
