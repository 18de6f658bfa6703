"""Where traffic runs: a lab or the simulator, behind the same verbs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from mrcnet.api.telling import Tell, silent
from mrcnet.plan.model import Plan

if TYPE_CHECKING:  # a lab comes up without the end points' libraries
    from mrcnet.api.collective import Collective
    from mrcnet.api.load import Load
    from mrcnet.api.step import Step, StepResult
    from mrcnet.workload.collective import CollectiveResult
    from mrcnet.workload.job import Job
    from mrcnet.workload.summary import Recording, TrafficResult

Progress = Callable[[int], None]


class Place(ABC):
    """A fabric on which end points can meet. `name` is the lab's, or the topology's where there is none."""

    loss: float = 0.0  # the share of the packets that hosts send that is lost, in all planes

    def __init__(self, name: str, plan: Plan) -> None:
        self.name = name
        self.plan = plan

    def run(self, load: Load) -> TrafficResult:
        """Run traffic to its end; every byte is checked where it arrives (`verified`).

        InputError for a load that makes no sense here.
        """
        from mrcnet.workload.summary import summarise

        return summarise(self.record(load))

    def record(self, load: Load, *, trace: bool = False, progress: Progress | None = None) -> Recording:
        """The same, with all that was recorded; `progress` gets the payload bytes delivered so far."""
        return self.run_job(load.job(self.plan, self.name, trace=trace), load.duration_ns, progress)

    def collective(self, ask: Collective, *, progress: Tell = silent) -> CollectiveResult:
        """Run a collective, size after size; its `rows` are nccl-tests' table: time, algbw, busbw, #wrong.

            found = lab.collective(Collective("all-reduce", "64KiB..1MiB", algorithm="tree"))
            assert found.verified  # ranks' memories hold what NumPy computes
            print([row.busbw for row in found.rows], "GB/s")

        `progress` is told of each size. InputError for what makes no sense here.
        """
        return ask.run(self, progress)

    def step(self, ask: Step) -> StepResult:
        """Run what a training step sends, once.

            found = lab.step(Step("megatron", layout=Layout(tensor=4, data=2)))
            assert found.verified  # ranks' memories hold what NumPy computes
            print(found.time_us, "us of fabric time")

        InputError for what makes no sense here.
        """
        return ask.run(self)

    @abstractmethod
    def run_job(
        self, job: Job, duration_ns: int | None = None, progress: Progress | None = None
    ) -> Recording:
        """Run what was decided: for `duration_ns` of fabric time, or until its bytes are through."""
