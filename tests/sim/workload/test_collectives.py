"""Collectives over virtual links: right under every transport, slower under loss, ended by a QP that dies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mrcnet.mrc.settings import Settings
from mrcnet.plan.build import build_plan
from mrcnet.sim.fit import fit
from mrcnet.sim.run import SimRun, run_traffic
from mrcnet.topology.load import load_text
from mrcnet.workload.collective import Collective, Row, program_of, row_of
from mrcnet.workload.collectives import KINDS
from mrcnet.workload.job import Job
from mrcnet.workload.steps import Layout, Model, step_program
from mrcnet.workload.summary import summarise
from mrcnet.workload.transport import over

PLAN = build_plan(
    load_text(
        "name: small\nfabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}\nports: {drop: 32bdp}\n",
        "small.yaml",
    )
)
SIZE = 128 << 10


def row(kind: str, algorithm: str = "", transport: str = "mrc", loss: float = 0.0, size: int = SIZE) -> Row:
    """A collective of four ranks, twice."""
    ask = Collective(kind, algorithm, PLAN.hosts, iterations=2, warm_up=0)
    program = program_of(ask, size)
    job = Job("small", PLAN, program.flows, Settings(), 1, 1_000, programs=(program,))
    recording = run_traffic(fit(over(job, transport)), None, meanwhile=lambda run: run.lose(loss))
    return row_of(ask, size, recording)


@pytest.mark.parametrize(
    ("kind", "algorithm"), [(kind, way) for kind, known in KINDS.items() for way in known.algorithms]
)
def test_every_collective_is_right(kind: str, algorithm: str) -> None:
    """Every rank ends with what NumPy computes, and no collective beats its ports."""
    found = row(kind, algorithm)
    assert (0, True, ()) == (found.wrong, found.verified, found.problems)
    assert found.busbw is not None
    assert 0 < found.busbw < 2 * 100e9 / 8e9  # two ports of 100 Gb/s


@pytest.mark.parametrize("transport", ["rocev2", "rocev2x16", "spray"])
def test_every_transport_carries_them(transport: str) -> None:
    """The same graph over other transports ends with the same elements."""
    assert row("all-reduce", transport=transport).verified


def test_loss_costs_time_and_no_element() -> None:
    """At 1 % of loss all elements are right, some packets went twice, and it took longer."""
    clean, lossy = row("all-reduce"), row("all-reduce", loss=0.01)
    assert (True, 0) == (lossy.verified, lossy.wrong)
    assert 0 == clean.retransmitted < lossy.retransmitted
    assert clean.time_us is not None
    assert lossy.time_us is not None
    assert clean.time_us < lossy.time_us


def test_a_dead_qp_ends_the_run() -> None:
    """When a QP dies, ranks that wait for it do not wait for ever, and the row says that it failed."""
    ask = Collective("all-reduce", "", PLAN.hosts, iterations=1, warm_up=0)
    program = program_of(ask, SIZE)
    job = Job("small", PLAN, program.flows, Settings(), 1, 1_000, programs=(program,))

    def break_host(run: SimRun) -> None:
        run.cut("h0:p0-t0-0", silent=True)
        run.cut("h0:p1-t0-0", silent=True)

    job = fit(over(job, "rocev2"))
    assert job.roce is not None
    job = replace(job, roce=replace(job.roce, retry_cnt=2))
    found = row_of(ask, SIZE, run_traffic(job, None, meanwhile=break_host))
    assert (None, None, False) == (found.time_us, found.busbw, found.verified)
    assert any("QP went to ERROR" in problem for problem in found.problems)
    assert any("never ended" in problem for problem in found.problems)


@pytest.mark.parametrize("step", ["zero-3", "megatron"])
def test_a_step_is_right(step: str) -> None:
    """All calls of a training step end, in groups and lanes of their own, with what NumPy computes."""
    model = Model(layers=1, hidden=64, heads=2, vocab=64, batch=1, sequence=32)
    program = step_program(step, model, Layout(2, 1, 2), PLAN.hosts, 16 << 10)
    job = Job("small", PLAN, program.flows, Settings(), 1, 1_000, programs=(program,))
    recording = run_traffic(fit(job), None)
    assert () == summarise(recording).problems
    assert 4 == sum(len(report.ranks) for report in recording.reports)


def test_two_jobs_share_a_fabric() -> None:
    """Programs on the same hosts have QPs and memories of their own; both end right, and later than alone."""
    ask = Collective("all-reduce", "", PLAN.hosts, iterations=1, warm_up=0)
    first = program_of(ask, 1 << 20)
    second = replace(program_of(ask, 1 << 20), number=1, first_flow=len(first.flows))
    ends = []
    for programs in ((first,), (first, second)):
        flows = tuple(flow for program in programs for flow in program.flows)
        job = fit(Job("small", PLAN, flows, Settings(), 1, 1_000, programs=programs))
        recording = run_traffic(job, None)
        assert () == summarise(recording).problems
        ranks = [rank for report in recording.reports for rank in report.ranks]
        assert 4 * len(programs) == len(ranks)
        ends.append(max(rank.ends[0] or 0 for rank in ranks))
    assert 0 < ends[0] < ends[1]
