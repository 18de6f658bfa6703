"""Find broken links of a lab from inside."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from mrcnet.api.load import hosts_of
from mrcnet.plan.crossings import name_of
from mrcnet.plan.model import Plan
from mrcnet.plan.prefixes import need_srv6
from mrcnet.prober.agent import Prober
from mrcnet.prober.controller import Controller
from mrcnet.prober.detect import Rules
from mrcnet.prober.report import Named, ProbeResult, named, result

Found = Callable[[Named], None]
Rounds = Callable[[int, int], None]


def probe(
    lab_name: str,
    plan: Plan,
    hosts: Sequence[str],
    rate: float,
    duration_ns: int | None,
    *,
    deny: bool,
    found: Found,
    progress: Rounds,
) -> ProbeResult:
    """See `Lab.probe`; for `duration_ns` of wall time, or without end."""
    need_srv6(plan, "probe")
    prober = Prober(plan, hosts_of(plan, hosts, "hosts"), rate, Rules())
    detector = prober.detector
    until = None if duration_ns is None else time.monotonic_ns() + duration_ns
    changes = []
    with ExitStack() as stack:
        controller = stack.enter_context(Controller(lab_name)) if deny else None
        for change in prober.watch(lab_name, lambda: until is not None and time.monotonic_ns() >= until):
            if change is not None:
                changes.append(change)
                found(named(plan, change))
                continue
            progress(detector.rounds, len(detector.broken))
            if controller is not None:
                controller.want(name_of(plan, link) for link in detector.broken)
    return replace(result(prober, changes), denials=controller.denials if controller else ())
