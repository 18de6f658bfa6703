"""A lab: a fabric that is up on this machine, from the first namespace to the last."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Self

from mrcnet.api.bringing import bring_up
from mrcnet.api.labs import running_plan, the_lab
from mrcnet.api.place import Place, Progress
from mrcnet.api.quantities import Quantity, maybe
from mrcnet.api.telling import Tell, silent
from mrcnet.api.topologies import find
from mrcnet.drill.interrupt import undisturbed
from mrcnet.errors import InputError
from mrcnet.kernel import lab
from mrcnet.plan.model import Plan
from mrcnet.render.model import Wish
from mrcnet.units import parse_duration

if TYPE_CHECKING:  # a lab comes up without the end points' libraries
    from mrcnet.api.capturing import Capture
    from mrcnet.api.evs import Evs
    from mrcnet.api.faults import Faults
    from mrcnet.api.load import Load
    from mrcnet.api.ports import Port
    from mrcnet.api.watching import Watch
    from mrcnet.drill.result import DrillResult
    from mrcnet.kernel.status import LabStatus
    from mrcnet.prober.report import Named, ProbeResult
    from mrcnet.verify.model import VerifyResult
    from mrcnet.workload.job import Job
    from mrcnet.workload.summary import Recording, TrafficResult


class Lab(Place):
    """A running lab. As a context, it goes down at the end if `up` made it; one that was there stays.

    `plan` is what it was made of; `degraded` what this machine could not give it. A program of an ordinary
    user calls `mrcnet.api.enter()` first: EnvironmentFault where there is no privilege.
    """

    def __init__(self, name: str, plan: Plan, *, mine: bool = False) -> None:
        super().__init__(name, plan)
        self._mine = mine

    @classmethod
    def up(
        cls,
        topology: str | Path | None = None,
        name: str | None = None,
        *,
        dilation: int | None = None,
        allow_degraded: bool = False,
        wish: Wish | None = None,
        note: Tell = silent,
    ) -> Self:
        """Bring a topology up: a file, a folder, a shipped name; None: that of the working directory.

        `name`: of the lab; None: the topology's. A lab of that name, if up, becomes what the topology says.
        With a `wish` containerlab makes the nodes. Raises what `mrcnet up` ends in.
        """
        before = lab.labs()
        brought = bring_up(
            find(topology, note),
            name,
            dilation=dilation,
            allow_degraded=allow_degraded,
            wish=wish,
            note=note,
        )
        found = brought.result.lab
        return cls(found, brought.plan, mine=found not in before)

    @classmethod
    def attach(cls, name: str | None = None, *, note: Tell = silent) -> Self:
        """A lab that is up: of this name, or MRCNET_LAB, or the only one. InputError if there is none."""
        found = the_lab(name, note)
        return cls(found, running_plan(found))

    def down(self) -> tuple[str, ...]:
        """Remove the lab and all that belongs to it; the names of its namespaces."""
        self._mine = False
        return lab.down(self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        if self._mine and self.up_still:
            with undisturbed():
                self.down()

    @property
    def up_still(self) -> bool:
        """Whether there is a lab of this name, whole or not."""
        return self.name in lab.labs()

    @property
    def degraded(self) -> tuple[str, ...]:
        """The parts of its ports' model that the lab goes without, each with the reason."""
        return lab.degraded(self.name)

    def status(self) -> LabStatus:
        """Its nodes and links, and whether they are as planned. InputError if it is gone."""
        from mrcnet.kernel.status import status_of

        if not self.up_still:
            raise lab.unknown(self.name)
        return status_of(self.name)

    @cached_property
    def fault(self) -> Faults:
        """What breaks links and ports, and heals them."""
        from mrcnet.api.faults import Faults

        return Faults(self.plan, self.name)

    def verify(
        self, *, sample: int = 32, progress: Callable[[int, int], None] = lambda _, __: None
    ) -> VerifyResult:
        """Send a packet over every EV of every ordered pair; `ok`, or the broken paths with their hops.

        `sample` healthy paths are also captured hop by hop; `progress` gets how many paths are proved, and
        of how many. InputError for a fabric without SRv6.
        """
        from mrcnet.plan.prefixes import need_srv6
        from mrcnet.verify.run import verify

        need_srv6(self.plan, "verify")
        return verify(self.name, self.plan, sample=sample, progress=progress)

    @contextmanager
    def running(self, load: Load) -> Iterator[Future[TrafficResult]]:
        """Run traffic beside the block, which begins when that is on; its end waits for the run's.

            with lab.running(Load("pair", duration="5s")) as run:
                lab.fault.cut("p0-t0-0:p0-t1-1", silent=True)
            assert run.result().verified

        Raises what `run` does.
        """
        from mrcnet.workload.summary import summarise

        begun = Event()
        with ThreadPoolExecutor(1) as pool:
            run = pool.submit(lambda: summarise(self.record(load, progress=lambda _: begun.set())))
            run.add_done_callback(lambda _: begun.set())
            begun.wait()
            if run.done():
                run.result()
            yield run

    @cached_property
    def evs(self) -> Evs:
        """The EVs of runs that are on: their table, and what denies and allows them."""
        from mrcnet.api.evs import Evs

        return Evs(self.plan, self.name)

    def probe(
        self,
        *,
        hosts: Sequence[str] = (),
        rate: float = 50.0,
        duration: Quantity | None = "2s",
        deny: bool = False,
        found: Callable[[Named], None] = lambda _: None,
        progress: Callable[[int, int], None] = lambda _, __: None,
    ) -> ProbeResult:
        """Find broken links by probes that agents on `hosts` (none named: all) send to themselves.

            lab.fault.cut("p0-t0-0:p0-t1-1", silent=True)
            assert lab.probe().broken == ("p0-t0-0:p0-t1-1",)

        `rate` rounds of them a second for `duration`, both of wall time; None: until the program is
        interrupted. `deny`: meanwhile runs deny the EVs that cross what is broken. `found` gets each change
        as it is known, `progress` how many rounds were judged and how many links are broken. InputError for a
        fabric without SRv6; EnvironmentFault if nodes are missing.
        """
        from mrcnet.api.probing import probe

        duration_ns = maybe("duration", duration, parse_duration)
        return probe(
            self.name, self.plan, hosts, rate, duration_ns, deny=deny, found=found, progress=progress
        )

    def port(self, target: str) -> Port:
        """A port that counts: `look()` is what it is told, counts, holds and plays now; see `Port`.

        print(lab.port("p0-t0-0:eth3").look().counters.trimmed, "frames trimmed")
        """
        from mrcnet.api.ports import Port

        return Port(self.plan, self.name, target)

    def watch(self) -> Watch:
        """Look at all ports and at runs, again and again until the block ends; see `Watch`.

        with lab.watch() as watch:
            print(len(watch.look().runs), "runs are on")
        """
        from mrcnet.api.watching import Watch

        return Watch(self.name)

    def metrics(self) -> str:
        """One look at what ports and runs count, as Prometheus reads it."""
        with self.watch() as watch:
            return watch.metrics()

    @contextmanager
    def capture(self, target: str, file: str | Path, *, snaplen: int | None = None) -> Iterator[Capture]:
        """Write what a port sends and receives beside the block to a file, as pcapng; see `Capture`.

            with lab.capture("h0:eth1", "h0.pcapng") as capture:
                lab.run(Load("pair", size="1MiB"))
            print(capture.taken, "frames,", capture.missed, "missed")

        EnvironmentFault if the file cannot be written.
        """
        from mrcnet.api.capturing import Capture
        from mrcnet.report.stream import Stream

        ended = Event()
        with (
            Capture(self.plan, self.name, target, snaplen=snaplen) as capture,
            closing(Stream(Path(file))) as stream,
            ThreadPoolExecutor(1) as pool,
        ):
            writing = pool.submit(capture.write, stream, ended.is_set)
            try:
                yield capture
            finally:
                ended.set()
            writing.result()

    def run_job(
        self, job: Job, duration_ns: int | None = None, progress: Progress | None = None
    ) -> Recording:
        """See `Place`."""
        from mrcnet.kernel.processes import register_run
        from mrcnet.nic.traffic import run_traffic

        with register_run(self.name):
            return run_traffic(job, duration_ns, progress)

    def drill(
        self,
        file: str | Path,
        *,
        seed: int | None = None,
        allow_unfaithful: bool = False,
        note: Tell = silent,
        **variables: str,
    ) -> DrillResult:
        """Run a drill in this lab, whatever topology its file names; see `run_drill`."""
        from mrcnet.api.drills import Stage

        stage = Stage(lab_name=self.name, allow_unfaithful=allow_unfaithful, note=note)
        return stage.run_file(file, seed, variables)

    def exec(self, node: str, *program: str) -> subprocess.CompletedProcess[str]:
        """Run a program on a node to its end; its output and its exit code."""
        from mrcnet.api.nodes import capture, line_of

        if not program:
            raise InputError("which program? give its words, e.g. 'ip', '-6', 'route'")
        return capture(line_of(self.plan, self.name, node, program))
