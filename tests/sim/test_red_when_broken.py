"""A drill that should fail does: for every measure that can be expected, a fabric that breaks the promise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from mrcnet.drill.fabric import Live
from mrcnet.drill.job import plan_job
from mrcnet.drill.load import load_drill
from mrcnet.drill.model import Drill, Moment
from mrcnet.drill.names import FIELDS, MEASURES
from mrcnet.drill.result import DrillResult
from mrcnet.drill.runner import run_drill
from mrcnet.drill.verdict import FAILED, PASSED, spell
from mrcnet.drill.virtual import SimFabric, VirtualLive
from mrcnet.plan.build import build_plan, undilated
from mrcnet.sim.model import Impairment
from mrcnet.sim.run import SimRun
from mrcnet.topology.load import load_text
from mrcnet.topology.model import End
from mrcnet.workload.ends import Sink
from mrcnet.workload.job import Job
from mrcnet.workload.rank import Inlet
from mrcnet.workload.summary import Recording

SHAPE = """
fabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}
defaults: {rate: 100Gbps, delay: 500ns, mtu: 9000}
ports: {}
"""
PLAN = undilated(build_plan(load_text(SHAPE, "shape.yaml")))
LINK = "p0-t0-0:p0-t1-0"
POSTED = "duration: 400us"
ROUNDS = "size: 1MiB, iterations: 4"  # of a collective of two ranks
SIZED = "size: 8MiB"

QUIET = f'{{at: 100us, do: delay, target: "{LINK}", delay: 1ns}}'  # a fault that nobody can feel
CUT = f'{{at: 100us, do: cut, target: "{LINK}", silent: true}}'
HEALED = CUT + f'\n  - {{at: 200us, do: heal, target: "{LINK}"}}'
DEAD = "\n  - ".join(
    f'{{at: 100us, do: blackhole, target: "h0:eth{port}", for: 2ms}}' for port in (1, 2)
)  # all that h0 sends, until long after
ELSEWHERE_TOO = QUIET + '\n  - {at: 150us, do: cut, target: "p1-t0-0:p1-t1-*", silent: true}'
FLAPS = f'{{at: 60us, do: flap, target: "{LINK}", silent: true, period: 100us, duty: 30%, count: 3}}'
LOSSY = '{at: 0us, do: loss, target: "*:*", share: 2%}'
LOSSY_LATER = '{at: 100us, do: loss, target: "*:*", share: 2%}'
THIN = '{at: 0us, do: degrade, target: "h0:eth1", share: 20%}'
STALLED = "\n  - ".join(f'{{at: 100us, do: blackhole, target: "h0:eth{port}", for: 60us}}' for port in (1, 2))
ALSO = "also: [{pattern: pair, hosts: [h1, h3], rate: 90Gbps}]"
QUIET_LATER = QUIET.replace("100us", "300us")
DENIED = "".join(f'{{at: 150us, do: deny, target: "h0:p{plane}-t0-0", for: 100us}}\n  - ' for plane in (0, 1))
SLOW = '{at: 10us, do: degrade, target: "h0:eth*", share: 10%}'
SLOW_VICTIM = '{at: 0us, do: degrade, target: "h1:eth*", share: 10%}'

# measure: (bound, actions that keep it, actions that break it, traffic); the bound is the same in both runs.
CASES: dict[str, tuple[str, str, str, str]] = {
    "detection_ms": ("at_most: 0.2", CUT, QUIET, POSTED),  # nothing to detect: never
    "detection_rtts": ("at_most: 40", CUT, QUIET, POSTED),
    "detection_rtos": ("at_most: 4", CUT, QUIET, POSTED),
    "respray_ms": ("at_most: 0.2", CUT, QUIET, POSTED),
    "last_loss_ms": ("at_most: 0.2", CUT, QUIET, POSTED),
    "recovery_ms": ("at_most: 0.25", QUIET, DEAD, "duration: 900us, rate: 100Gbps"),
    "longest_gap_ms": ("at_most: 0.03", QUIET, STALLED, POSTED),
    "packets_lost": ("at_most: 0", QUIET, CUT, POSTED),
    "packets_lost_on_dead_evs": ("at_most: 0", QUIET, CUT, POSTED),
    "packets_retransmitted": ("at_most: 0", QUIET, CUT, POSTED),
    "retransmitted_share": ("at_most: 0.001", QUIET, LOSSY, POSTED),
    "lost_share": ("at_most: 0.001", QUIET, LOSSY, POSTED),
    "loss_fall": ("at_least: 10", CUT, LOSSY, POSTED),
    "lost_per_qp_mean": ("at_least: 2", CUT, QUIET, POSTED),
    "lost_per_qp_max": ("at_least: 2", CUT, QUIET, POSTED),
    "lost_per_ev_median": ("at_least: 2", CUT, QUIET, POSTED),
    "lost_per_ev_max": ("at_least: 2", CUT, QUIET, POSTED),
    "lost_per_flap_median": ("at_least: 1", FLAPS, FLAPS.replace(LINK, "h1:p1-t0-0"), POSTED),
    "qps_hit": ("at_most: 0", QUIET, CUT, POSTED),
    "evs_on_link": ("at_least: 1", CUT, CUT.replace(LINK, "h1:p0-t0-0"), POSTED),
    "evs_hit": ("at_most: 0", QUIET, CUT, POSTED),
    "evs_lost": ("at_most: 0", QUIET, CUT, POSTED),
    "evs_lost_elsewhere": ("at_most: 0", CUT, ELSEWHERE_TOO, POSTED),
    "evs_regained": ("at_least: 1", HEALED, CUT, "duration: 900us"),
    "ev_churn": ("at_most: 0", QUIET, CUT, POSTED),
    "goodput_before_bps": ("at_least: 150e9", QUIET, LOSSY.replace("2%", "60%"), POSTED),
    "goodput_during_bps": ("at_least: 150e9", QUIET, DEAD, POSTED),
    "goodput_after_bps": ("at_least: 150e9", QUIET, DEAD, POSTED),
    "goodput_after_share": ("at_least: 0.95", QUIET, DEAD, POSTED),
    "leanest_share": ("at_least: 0.9", QUIET, STALLED, POSTED),
    "plateau_share": ("at_least: 0.9", QUIET, DEAD, POSTED),
    "message_ms_p50": ("at_most: 0.15", QUIET, LOSSY.replace("2%", "30%"), POSTED),
    "message_ms_p99": ("at_most: 0.15", QUIET, STALLED.replace("60us", "250us"), POSTED),
    "message_ms_max": ("at_most: 0.15", QUIET, STALLED.replace("60us", "250us"), POSTED),
    "step_stretch": ("at_most: 3", QUIET, STALLED.replace("60us", "250us"), POSTED),
    "job_inflation": ("at_most: 1.2", QUIET, STALLED.replace("60us", "400us"), SIZED),
    "plane_spread": ("at_most: 0.1", QUIET, THIN, POSTED),
    "line_share": ("at_least: 0.8", QUIET, THIN, POSTED),
    "iteration_ms_p50": ("at_most: 0.15", QUIET, SLOW, ROUNDS),
    "iteration_ms_max": ("at_most: 0.15", QUIET, SLOW, ROUNDS),
    "also_share": ("at_least: 0.7", QUIET, SLOW_VICTIM, f"{POSTED}, {ALSO}"),
    "jain": ("at_least: 0.95", QUIET, SLOW_VICTIM, POSTED),
    "slowest_share": ("at_least: 0.8", QUIET, SLOW_VICTIM, POSTED),
    "trimmed": ("at_most: 0", QUIET, '{at: 50us, do: degrade, target: "p0-t0-1:h2", share: 5%}', POSTED),
    "longest_gap_before_ms": ("at_most: 0.03", QUIET_LATER, DENIED + QUIET_LATER, POSTED),
    "qps_failed": ("at_most: 0", QUIET, DEAD.replace("for: 2ms", "for: 400ms"), POSTED),
}
PATTERNS = {"jain": "permutation", "slowest_share": "permutation"}  # of all hosts; else a pair


def _hidden(what: Impairment) -> Callable[[SimRun], None]:
    """Something is wrong with every port of h0 from the start, and the drill's file does not know."""

    def sabotage(run: SimRun) -> None:
        for end in (End("h0", "eth1"), End("h0", "eth2")):
            run.fabric.impair(end, what)

    return sabotage


# measure: (bound, what is wrong without a word of it in the drill)
SECRET: dict[str, tuple[str, Callable[[SimRun], None]]] = {
    "duplicates": ("at_most: 0", _hidden(Impairment(duplicate=0.05))),
    "false_assumed_bad": ("at_most: 0", _hidden(Impairment(loss=0.05))),
    "rtt_ms": ("at_most: 0.012", _hidden(Impairment(delay_ns=20_000))),
}
SINGLE = {"messages_wrong", "error_ms", "rto_ms"}  # each has a test of its own below


def test_every_measure_has_a_case() -> None:
    """A measure that comes new must be shown to turn red."""
    assert set(FIELDS) == {name for name in CASES if name in FIELDS} | set(SECRET) | SINGLE
    assert set(MEASURES) >= set(CASES)


@dataclass(frozen=True)
class Sabotaged(SimFabric):
    """A fabric in which something is done before the first moment, and whose clock is read with an error."""

    sabotage: Callable[[SimRun], None] = lambda _: None
    error: int = 0

    def run(
        self, drill: Drill, moments: Sequence[Moment], job: Job, meanwhile: Callable[[Live], None]
    ) -> Recording:
        def begin(live: Live) -> None:
            assert isinstance(live, VirtualLive)
            self.sabotage(live._run)
            if self.error:
                strike = live.apply
                live.apply = lambda moment: (strike(moment)[0], self.error)  # type: ignore[method-assign]
            meanwhile(live)

        return super().run(drill, moments, job, begin)


def run(
    measure: str,
    bound: str,
    actions: str = QUIET,
    traffic: str = POSTED,
    fabric: SimFabric | None = None,
    transport: str = "",
) -> DrillResult:
    pattern = "pattern: " + PATTERNS.get(measure, "pair, hosts: [h0, h2]")
    if traffic == ROUNDS:
        pattern = "collective: all-reduce, hosts: [h0, h2]"
    text = (
        f"name: x\ntopology: shape.yaml\nseed: 1\nbin: 2us\ntransport: {{backup_share: 0.5{transport}}}\n"
        f"traffic: {{{pattern}, message: 16KiB, {traffic}}}\n"
        f"actions:\n  - {actions}\nexpect:\n  - {{measure: {measure}, {bound}}}\n"
    )
    drill = load_drill(text, "drill.yaml", {})
    return run_drill(drill, plan_job(drill, PLAN, "x"), fabric or SimFabric())


def check_green(result: DrillResult) -> None:
    assert [] == [spell(judgement) for judgement in result.judgements if not judgement.met]
    assert PASSED == result.verdict, result.reasons


def check_red(result: DrillResult, measure: str) -> None:
    """It failed, and says that this measure is why."""
    (judgement,) = result.judgements
    assert FAILED == result.verdict
    assert spell(judgement).startswith(f"{measure} ")
    assert spell(judgement).endswith("NOT MET")


@pytest.mark.parametrize("measure", CASES)
def test_a_broken_promise_is_red(measure: str) -> None:
    """The same bound is met where nothing breaks it, and fails the drill where the fabric is sabotaged."""
    bound, kept, broken, traffic = CASES[measure]
    check_green(run(measure, bound, kept, traffic))
    check_red(run(measure, bound, broken, traffic), measure)


@pytest.mark.parametrize("measure", SECRET)
def test_a_promise_broken_in_secret_is_red(measure: str) -> None:
    """The same drill is green on a whole fabric, and red where something is wrong that it does not tell."""
    bound, sabotage = SECRET[measure]
    check_green(run(measure, bound))
    check_red(run(measure, bound, fabric=Sabotaged(sabotage=sabotage)), measure)


def test_the_promise_of_right_bytes_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte that changes in the sink's memory before it is checked turns the verdict red."""
    check_green(run("messages_wrong", "at_most: 0"))
    check = Sink.on_arrived

    def meddle(sink: Sink, message: int, at: int) -> None:
        sink.region.data[message % sink.flow.slots * sink.flow.message + 100] ^= message == 3
        check(sink, message, at)

    monkeypatch.setattr(Sink, "on_arrived", meddle)
    check_red(run("messages_wrong", "at_most: 0"), "messages_wrong")


def test_the_promise_of_right_elements_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    """An element that changes in a rank's memory once its message is there turns the verdict red."""
    check_green(run("messages_wrong", "at_most: 0", traffic=ROUNDS))
    check = Inlet.on_arrived

    def meddle(inlet: Inlet, message: int, at: int) -> None:
        check(inlet, message, at)
        inlet.region.data[0] ^= message == 0

    monkeypatch.setattr(Inlet, "on_arrived", meddle)
    check_red(run("messages_wrong", "at_most: 0", traffic=ROUNDS), "messages_wrong")


def test_the_promise_of_an_error_bar_is_red() -> None:
    """A fault whose instant is known badly turns the verdict red where the bound is tighter."""
    check_green(run("error_ms", "at_most: 0.0005"))
    check_red(run("error_ms", "at_most: 0.0005", fabric=Sabotaged(error=1_000)), "error_ms")


def test_the_promise_of_a_timeout_is_red() -> None:
    """End points that are more patient than is wanted turn the verdict red."""
    check_green(run("rto_ms", "at_most: 0.2", transport=", timeout_exponent: 6"))
    check_red(run("rto_ms", "at_most: 0.2", transport=", timeout_exponent: 12"), "rto_ms")


def test_unsteady_traffic_is_red() -> None:
    """A drill that asks for steady traffic fails, and says why, if goodput strays before its first fault."""
    text = (
        "name: x\ntopology: shape.yaml\nbin: 1us\nsteady: 15%\ntransport: {backup_share: 0}\n"
        f"traffic: {{pattern: pair, hosts: [h0, h2], message: 16KiB, {POSTED}}}\n"
        "actions:\n  - {at: 30us, do: port-status-off, target: h1}\n"
        f'  - {{at: 300us, do: cut, target: "{LINK}"}}\n'
    )
    steady = load_drill(text, "drill.yaml", {})
    assert PASSED == run_drill(steady, plan_job(steady, PLAN, "x"), SimFabric()).verdict
    stray = load_drill(
        text.replace(
            "hosts: [h0, h2]",
            "hosts: [h0, h2], also: [{pattern: pair, hosts: [h1, h3], rate: 90Gbps, stop: 120us}]",
        ),
        "drill.yaml",
        {},
    )
    result = run_drill(stray, plan_job(stray, PLAN, "x"), SimFabric())
    assert FAILED == result.verdict
    assert result.reasons[-1].startswith("goodput was not steady before the first fault: it strayed ")


def test_actions_that_are_not_taken_are_red() -> None:
    """Traffic that ends before the last action fails the drill."""
    text = (
        "name: x\ntopology: shape.yaml\nbin: 1us\n"
        "traffic: {pattern: pair, hosts: [h0, h2], message: 16KiB, size: 1MiB}\n"
        f'actions:\n  - {{at: 20us, do: cut, target: "{LINK}"}}\n  - {{at: 1s, do: heal, target: "{LINK}"}}\n'
    )
    drill = load_drill(text, "drill.yaml", {})
    result = run_drill(drill, plan_job(drill, PLAN, "x"), SimFabric())
    assert (FAILED, ("1 actions were not taken",)) == (result.verdict, result.reasons)
