"""The simulator: virtual links and time, no lab, no privilege; the same seed gives the same output."""

from __future__ import annotations

from pathlib import Path

from mrcnet.api.drills import Stage
from mrcnet.api.place import Place, Progress
from mrcnet.api.quantities import share
from mrcnet.api.telling import Tell, silent
from mrcnet.api.topologies import load_plan
from mrcnet.drill.result import DrillResult
from mrcnet.sim.fit import fit
from mrcnet.sim.run import run_traffic
from mrcnet.units import parse_share
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording


class Sim(Place):
    """The fabric of a topology: a file, a folder, a shipped name; None: that of the working directory.

    `loss`: the share of the packets that hosts send, in all planes, that is lost. InputError with the place
    in the file if there is something wrong with it.
    """

    def __init__(
        self, topology: str | Path | None = None, *, loss: float | str = 0.0, note: Tell = silent
    ) -> None:
        plan = load_plan(topology, note)
        super().__init__(plan.topology.name, plan)
        self.loss = share("loss", loss, parse_share) if loss else 0.0

    def run_job(
        self, job: Job, duration_ns: int | None = None, progress: Progress | None = None
    ) -> Recording:
        """See `Place`."""
        lossy = (lambda run: run.lose(self.loss)) if self.loss else None
        return run_traffic(fit(job), duration_ns, progress, lossy)

    def drill(self, file: str | Path, *, seed: int | None = None, **variables: str) -> DrillResult:
        """Run a drill over this fabric, whatever topology its file names; see `run_drill`."""
        return Stage("sim", plan=self.plan).run_file(file, seed, variables)
