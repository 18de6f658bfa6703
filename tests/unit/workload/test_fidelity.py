"""Fidelity: a run is held against the fabric's own measure, and what broke it is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mrcnet.mrc.settings import Settings
from mrcnet.nic.lateness import Lateness
from mrcnet.plan.build import dilated
from mrcnet.workload.books import FULL, Books, Drop
from mrcnet.workload.fidelity import Machine, Queues, judge, late_within
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.report import HostFrames, RunReport
from tests.unit.plan.fabrics import shipped

FLOWS = (Flow(0, "h0", "h3", None, 1 << 20, None),)
SECOND = 1_000_000_000
BUSY = Machine((1.0,), 0.0, SECOND)


def job(dilation: int) -> Job:
    return Job("lab", dilated(shipped("2p-2t0-2t1"), dilation), FLOWS, Settings(), 1, 1)


def report(late_ns: int = 1_000, **changed: Any) -> RunReport:
    """A worker whose work was all `late_ns` late, with one host of two ports."""
    late = Lateness()
    for _ in range(1_000):
        late.note(late_ns)
    plain = {"sent": (5, 5), "sent_bytes": (0, 0), "refused": (0, 0), "overrun": (0, 0), "dry_ns": (0, 0)}
    host = HostFrames(
        **{"host": "h0", "ports": ("eth1", "eth2"), "arrived": 0, "ring_drops": 0, **plain, **changed}
    )
    return RunReport([], [], [], np.zeros((2, 1)), late=late.counts, cpu_ns=SECOND // 2, hosts=[host])


def test_a_machine_that_kept_up() -> None:
    """Nothing late, dry or lost: faithful, at the dilation there is."""
    found = judge(job(1_000), [report()], Machine((0.5, 0.9), 0.25, SECOND))
    assert ("faithful", True, ()) == (found.status, found.faithful, found.reasons)
    assert (1_000, (0.5, 0.9)) == (found.dilation_needed, found.cores)
    assert 0.75 == found.cpu_seconds


@pytest.mark.parametrize(
    ("late", "changed", "word"),
    [
        (50_000_000, {}, "late"),
        (1_000, {"dry_ns": (0, 30_000_000)}, "idle"),
        (1_000, {"ring_drops": 3}, "3 frames came faster"),
        (1_000, {"overrun": (4, 0), "refused": (4, 0)}, "4 frames were more"),
    ],
)
def test_a_machine_that_did_not(late: int, changed: dict[str, Any], word: str) -> None:
    """Each sign of a bottleneck is named, and a greater dilation with it."""
    found = judge(job(1_000), [report(late, **changed)], BUSY)
    assert ("unfaithful", False) == (found.status, found.faithful)
    assert [True] == [word in reason for reason in found.reasons]
    assert found.dilation_needed > 1_000


@pytest.mark.parametrize(
    ("queues", "word"), [(Queues(1.02, 0), "102.0%"), (Queues(0.99, 17), "17 frames apart")]
)
def test_ports_that_did_not_keep_to_their_model(queues: Queues, word: str) -> None:
    """A port faster than its rate, or a shaper that holds other frames than its model, is a reason."""
    found = judge(job(1_000), [report()], Machine((1.0,), 0.0, SECOND, queues))
    assert [True] == [word in reason for reason in found.reasons]
    assert judge(job(1_000), [report()], Machine((1.0,), 0.0, SECOND, Queues(1.0, 3))).faithful


def test_what_is_due_to_the_fabric_is_no_reason() -> None:
    """A port that is down refuses frames; that tells nothing of the machine."""
    assert judge(job(1_000), [report(refused=(9, 0))], BUSY).faithful


def test_what_a_fault_eats_at_a_host_is_no_overrun() -> None:
    """The kernel refuses a frame that a silent cut of the host's own port eats as if the port were full."""
    books = Books(10, 0, 6, 0, (Drop("h0:eth1", "blackhole", 4), Drop("h0:eth2", FULL, 2)), ())
    eaten = replace(report(overrun=(4, 0), refused=(4, 0)), fabric=books)
    full = replace(report(overrun=(0, 2), refused=(0, 2)), fabric=books)
    assert [True, False] == [judge(job(1_000), [one], BUSY).faithful for one in (eaten, full)]


def test_without_rates_there_is_nothing_to_hold_it_against() -> None:
    """An unshaped lab is neither faithful nor unfaithful, however busy the machine was."""
    found = judge(job(1), [report(50_000_000, ring_drops=3)], BUSY)
    assert ("unshaped", None, (), 1) == (found.status, found.faithful, found.reasons, found.dilation_needed)


def test_lateness_is_told_within_a_fifth() -> None:
    """The 99 % quantile lies in the right bucket: never below, at most 20 % above."""
    late = Lateness()
    for number in range(1, 1_001):
        late.note(number * 1_000)
    found = late_within([RunReport([], [], [], np.zeros((1, 1)), late=late.counts)], 0.99)
    assert 990_000 <= found <= 1.2 * 990_000
