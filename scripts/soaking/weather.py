"""What a lab goes through in a round: edits, short runs, a long one with faults, somebody who looks."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen

from mrcnet.api.bringing import bring_up
from mrcnet.api.faults import Faults
from mrcnet.api.load import Load
from mrcnet.api.topologies import Source
from mrcnet.kernel import lab
from mrcnet.kernel.processes import register_run
from mrcnet.kernel.status import State, status
from mrcnet.mrc.events import EvChanged
from mrcnet.nic.engine import Run
from mrcnet.nic.traffic import run_traffic
from mrcnet.plan.crossings import Crossings, name_of
from mrcnet.plan.model import Plan
from mrcnet.topology.model import Link
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording, summarise
from mrcnet.workload.transport import warm
from soaking.census import descendants
from soaking.verdict import Conduct

MRCNET = [sys.executable, "-m", "mrcnet.cli.main"]
DILATION = 20_000  # a stall of 0.3 s, beside other work, is no timeout; ports of 100 Gb/s send 5 Mb/s
BASE = f"""\
name: soak
fabric: {{planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}}
dilation: {DILATION}
"""
EDITS = (  # of the topology, one a round; links come and go in turn, so that their numbers do
    'links: [{endpoints: ["p0-t0-0", "p0-t1-0"], rate: 50Gbps}]\n',
    'omit: ["p0-t0-1:p0-t1-0"]\n',
    'links: [{endpoints: ["p1-t0-1", "p1-t1-1"], delay: 2us}]\n',
    'omit: ["p1-t0-0:p1-t1-1"]\n',
    'omit: ["p0-t0-0:p0-t1-1", "p1-t0-1:p1-t1-0"]\n',
)
SLOWER = 'links: [{endpoints: ["p1-t0-0", "p1-t1-0"], rate: 80Gbps}]\n'  # while a run is under way
SHORT = Load(pattern="ring", size="128KiB", message="32KiB")
RATE, MESSAGE = "20Gbps", "32KiB"  # of a flow of the long run
ACTS = ("silent", "loss", "flap", "cut", "edit", "delay")
_BEGIN, _END = 0.08, 0.92  # shares of the long run's time within which it is struck
_LASTS = 0.6  # of an act's time
_WATCHER_WITHIN_S = 60.0
_TURN_NS = 20_000_000


@dataclass(slots=True)
class Struck:
    """A link to which something was done between two readings of the clock, wall ns; `until` None: still is.

    An `edit` is not of that link, and breaks nothing.
    """

    act: str
    link: Link
    since: int
    until: int | None = None


class Weather:
    """A lab of its own, in which round after round passes. A context manager: it goes down at the end."""

    def __init__(self, name: str, seed: int, conduct: Conduct) -> None:
        self.name = name
        self.conduct = conduct
        self._dice = random.Random(seed)
        self._plan: Plan
        self._watchers: dict[str, subprocess.Popen[str]] = {}
        self._metrics = ""

    def __enter__(self) -> Weather:
        try:
            self._edit("")
            warm(SHORT.job(self._plan, self.name))  # what is compiled in the first round is no growth
            self._watch("metrics", "--listen", "127.0.0.1:0", stderr=subprocess.PIPE)
            self._watch("capture", "h0:eth1", "--snaplen", "128", "-w", "-")
            told = self._watchers["metrics"].stderr
            assert told is not None
            self._metrics = told.readline().split()[-1]  # serving http://...
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        for watcher in self._watchers.values():
            watcher.terminate()
        for watcher in self._watchers.values():
            watcher.wait()
            if watcher.stderr is not None:
                watcher.stderr.close()
        if self.name in lab.labs():
            lab.down(self.name)

    def roles(self) -> Mapping[int, str]:
        """Our processes by id: this one, those that watch, a run's workers."""
        found = {os.getpid(): "soak", **{one.pid: name for name, one in self._watchers.items()}}
        workers = [pid for pid in descendants(os.getpid()) if pid not in found]
        return found | {pid: f"worker {number}" for number, pid in enumerate(workers)}

    def round(self, number: int, seconds: float, sample: Callable[[], None]) -> None:
        """One of them, the long run lasting `seconds` of wall time; `sample` is called near its end.

        MrcnetError for what a command would end in.
        """
        self._edit(EDITS[number % len(EDITS)])
        for _ in range(2):
            self._run(SHORT, lambda _run: None, [])
        self._look()
        self._edit("")
        struck: list[Struck] = []
        load = Load(
            pattern="ring", rate=RATE, message=MESSAGE, duration=round(seconds * 1e9 / DILATION),
            seed=number + 1,
        )  # fmt: skip
        self._run(load, lambda run: self._storm(run, round(seconds * 1e9), struck, sample), struck)
        self._faults.heal_all()

    def _edit(self, more: str) -> None:
        """`up` of the topology with this added."""
        self._plan = bring_up(Source(BASE + more, "soak.yaml"), self.name).plan
        self.conduct.edits += 1

    @property
    def _faults(self) -> Faults:
        return Faults(self._plan, self.name)

    # ---- runs ----------------------------------------------------------------------------------

    def _run(self, load: Load, meanwhile: Callable[[Run], None], struck: list[Struck]) -> None:
        job = load.job(self._plan, self.name)
        with register_run(self.name):
            recording = run_traffic(job, load.duration_ns, meanwhile=meanwhile)  # type: ignore[arg-type]
        result = summarise(recording)
        self.conduct.runs += 1
        self.conduct.evs_lost += result.evs_lost
        doubted = result.fidelity is not None and result.fidelity.faithful is False
        self.conduct.unfaithful += doubted
        number = f"run {self.conduct.runs}"
        for text in result.problems:
            kind = self.conduct.unbalanced if text in result.unsound else self.conduct.troubles
            kind.append(f"{number}: {text}")
        late = f"a worker was away for {result.longest_turn_ms:.0f} ms at most"
        losses = self.conduct.doubtful if doubted else self.conduct.unexplained
        losses += [f"{number}: {text}; {late}" for text in unexplained(recording, struck)]

    def _storm(self, run: Run, wall_ns: int, struck: list[Struck], sample: Callable[[], None]) -> None:
        """Break something, mend it, break the next."""
        each = (_END - _BEGIN) / len(ACTS)
        for number, act in enumerate(self._dice.sample(ACTS, len(ACTS))):
            begin = _BEGIN + number * each
            run.watch(run.start_at + run.clock.fabric(round(begin * wall_ns)))
            link = self._dice.choice(self._plan.topology.links)
            struck.append(Struck(act, link, run.clock.wall(run.clock.now())))
            self._strike(act, name_of(self._plan, link))
            run.watch(run.start_at + run.clock.fabric(round((begin + _LASTS * each) * wall_ns)))
            if act == "edit":
                self._edit("")
            else:
                self._faults.heal(name_of(self._plan, link))
            struck[-1].until = run.clock.wall(run.clock.now())
        run.watch(run.start_at + run.clock.fabric(round(_END * wall_ns)))
        self._scrape(run)
        sample()

    def _strike(self, act: str, link: str) -> None:
        self.conduct.strikes += 1
        match act:
            case "silent" | "cut":
                self._faults.cut(link, silent=act == "silent")
            case "loss":
                self._faults.loss(link, "2%")
            case "flap":
                self._faults.flap(link, "100us", down="20us")
            case "delay":
                self._faults.delay(link, "1us")
            case _:
                self._edit(SLOWER)

    # ---- who looks -----------------------------------------------------------------------------

    def _watch(self, verb: str, *words: str, stderr: int = subprocess.DEVNULL) -> None:
        """A command that watches all the time."""
        line = [*MRCNET, verb, self.name, *words]
        self._watchers[verb] = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=stderr, text=True)

    def _scrape(self, run: Run) -> None:
        """The metrics, from a thread: this one has the run answer."""
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(self._metrics_of_now)
            while not asked.done():
                run.watch(run.clock.now() + run.clock.fabric(_TURN_NS))
        if b"mrcnet_run_delivered_bytes_total{" not in asked.result():
            self.conduct.troubles.append("metrics: nothing of the run that is under way")

    def _metrics_of_now(self) -> bytes:
        with urlopen(self._metrics, timeout=_WATCHER_WITHIN_S) as answer:
            return bytes(answer.read())

    def _look(self) -> None:
        """`status`, a short `capture`, whether those that watch still do."""
        states = {one.lab: one.state for one in status()}
        if states.get(self.name) is not State.UP:
            self.conduct.troubles.append(f"status: the lab is {states.get(self.name)}")
        line = [*MRCNET, "capture", self.name, "h1:eth1", "--seconds", "0.2", "-w", os.devnull, "--json"]
        done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=_WATCHER_WITHIN_S)
        self.conduct.captures += 1
        if done.returncode:
            self.conduct.troubles.append(f"capture exits with {done.returncode}: {done.stderr[-300:]}")
        for name, watcher in self._watchers.items():
            if (code := watcher.poll()) is not None:
                self.conduct.troubles.append(f"{name} has ended with {code}")


def unexplained(recording: Recording, struck: list[Struck]) -> list[str]:
    """Changes of EVs to ASSUMED_BAD while no link of theirs was broken, nor had been a timeout before."""
    job = recording.job
    late = _patience(job)
    flow_of = {flow.src_qpn: flow for flow in job.flows}
    crossings = Crossings(job.plan)
    found = []
    for _, event in recording.events:
        if not isinstance(event, EvChanged) or event.new != "ASSUMED_BAD" or event.qpn not in flow_of:
            continue
        flow, dilation = flow_of[event.qpn], job.plan.topology.dilation
        meant = [
            one
            for one in struck
            if one.since <= event.at * dilation
            and (one.until is None or (event.at - late) * dilation <= one.until)
        ]
        if event.ev not in crossings.evs(
            flow.src, flow.dst, [one.link for one in meant if one.act != "edit"]
        ):
            at = (event.at - recording.start_at) / 1e3
            acts = ", ".join(f"{one.act} {name_of(job.plan, one.link)}" for one in meant) or "nothing"
            name = f"EV {event.ev:#010x} from {flow.src} to {flow.dst}"
            found.append(f"{name}: {event.cause} at {at:.1f} us, under {acts}")
    return found


def _patience(job: Job) -> int:
    """Fabric ns after which a packet is known to be lost at the latest: a timeout that has grown to its most
    (spec 1.3), and the way there and back.
    """
    return 1_024 * 2**job.settings.timeout_ceiling_exponent + 2 * job.settings.base_rtt_ns
