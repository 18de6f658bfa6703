"""Drills in labs of their own: time goes as slowly as the machine needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mrcnet.api import drills
from mrcnet.api.drills import Stage
from mrcnet.api.topologies import Source
from mrcnet.drill.result import DrillResult, conclude
from mrcnet.kernel import calibration
from mrcnet.kernel.calibration import Calibration
from mrcnet.workload.dilation import friendly
from mrcnet.workload.fidelity import Fidelity
from mrcnet.workload.job import Job
from tests.unit.drill.recordings import recording
from tests.unit.drill.test_runner import DRILL

AUTO = Source("name: d\nfabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 1}\ndilation: auto\n", "auto.yaml")


class Machine:
    """Carries a fabric from a dilation of `enough` on; `jobs` ran, `downs` were taken down."""

    def __init__(self, enough: int) -> None:
        self.enough = enough
        self.jobs: list[Job] = []
        self.downs: list[str] = []

    @property
    def dilations(self) -> list[int]:
        return [job.plan.topology.dilation for job in self.jobs]

    def run(self, drill: Any, job: Job, *_: Any, allow_unfaithful: bool) -> DrillResult:
        self.jobs.append(job)
        slow = job.plan.topology.dilation >= self.enough
        needed = friendly(job.plan.topology.dilation * 1.1)
        found = Fidelity("", slow, () if slow else ("late",), needed, (1.0,), 1.0, 9.0, 1.0, 0.0, 0, 0)
        done = replace(recording(), fidelity=found)
        return conclude(replace(drill, steps=()), "kernel", done, (), allow_unfaithful=allow_unfaithful)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """One that was calibrated when it was faster: `auto` is 100, and takes 500."""
    machine = Machine(enough=500)
    monkeypatch.setattr(drills, "run_on_fabric", machine.run)
    monkeypatch.setattr(drills.lab, "down", machine.downs.append)
    monkeypatch.setattr(calibration, "recall", lambda: Calibration(1, 150_000, 1, 1))
    return machine


def ran(stage: Stage, source: Source = AUTO) -> DrillResult:
    """Its drill, once."""
    return stage.run(DRILL, stage.job(DRILL, source), source)


def test_a_machine_that_is_slower_than_once(machine: Machine) -> None:
    """A run that tells of the machine is made anew in slower time, and says so; later runs begin there."""
    stage = Stage()
    first, second = ran(stage), ran(stage)
    begin, middle, *rest = machine.dilations
    assert begin < middle < 500
    assert [500, 500] == rest
    assert [f"made anew in slower time: at dilation {one} late" for one in (begin, middle)] == list(
        first.warnings
    )
    assert () == second.warnings
    assert [] == machine.downs


def test_a_machine_that_is_never_slow_enough(machine: Machine) -> None:
    """After two attempts more it is enough, and the drill fails with the reason."""
    machine.enough = 1 << 62
    assert "unfaithful: late" in ran(Stage()).reasons[-1]
    assert 3 == len(machine.dilations) == len(set(machine.dilations))


def test_a_lab_that_is_kept(machine: Machine) -> None:
    """One that stays up goes down before the next comes up, the last stays; and traces stay on."""
    stage = Stage(keep=True)
    job = stage.job(DRILL, AUTO)
    stage.run(DRILL, replace(job, settings=replace(job.settings, trace=True)), AUTO)
    assert ["x"] * 2 == machine.downs
    assert {True} == {job.settings.trace for job in machine.jobs}


@pytest.mark.parametrize(
    ("stage", "dilation"),
    [(Stage(allow_unfaithful=True), "auto"), (Stage(), "100")],
    ids=["judged anyhow", "dilation given"],
)
def test_not_ours_to_choose(stage: Stage, dilation: str, machine: Machine) -> None:
    """A dilation that the file says stays, and who allows an unfaithful run gets it judged at once."""
    ran(stage, replace(AUTO, text=AUTO.text.replace("auto", dilation)))
    assert 1 == len(machine.jobs)
