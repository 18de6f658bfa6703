"""A drill that should fail does: for every measure that can be expected, a fabric that breaks the promise."""

from __future__ import annotations

import pytest

from mrcnet.drill.job import plan_job
from mrcnet.drill.load import load_drill
from mrcnet.drill.names import FIELDS, MEASURES
from mrcnet.drill.result import DrillResult
from mrcnet.drill.runner import run_drill
from mrcnet.drill.verdict import FAILED, PASSED, spell
from mrcnet.drill.virtual import SimFabric
from mrcnet.plan.build import build_plan, undilated
from mrcnet.topology.load import load_text

SHAPE = """
fabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}
defaults: {rate: 100Gbps, delay: 500ns, mtu: 9000}
ports: {}
"""
PLAN = undilated(build_plan(load_text(SHAPE, "shape.yaml")))
LINK = "p0-t0-0:p0-t1-0"
POSTED = "duration: 400us"
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
    "also_share": ("at_least: 0.7", QUIET, SLOW_VICTIM, f"{POSTED}, {ALSO}"),
    "qps_failed": ("at_most: 0", QUIET, DEAD.replace("for: 2ms", "for: 400ms"), POSTED),
}
# What this kind of sabotage cannot bring about: judged on recordings in tests/unit/drill instead.
ELSEWHERE = {
    *("duplicates", "messages_wrong", "jain", "slowest_share", "trimmed", "false_assumed_bad"),
    *("error_ms", "rtt_ms", "rto_ms", "longest_gap_before_ms"),
}


def test_every_measure_has_a_case() -> None:
    """A measure that comes new must be shown to turn red."""
    assert set(FIELDS) == {name for name in CASES if name in FIELDS} | ELSEWHERE
    assert set(MEASURES) >= set(CASES)


def run(measure: str, bound: str, actions: str, traffic: str) -> DrillResult:
    text = (
        "name: x\ntopology: shape.yaml\nseed: 1\nbin: 2us\ntransport: {backup_share: 0.5}\n"
        f"traffic: {{pattern: pair, hosts: [h0, h2], message: 16KiB, {traffic}}}\n"
        f"actions:\n  - {actions}\nexpect:\n  - {{measure: {measure}, {bound}}}\n"
    )
    drill = load_drill(text, "drill.yaml", {})
    return run_drill(drill, plan_job(drill, PLAN, "x"), SimFabric())


@pytest.mark.parametrize("measure", CASES)
def test_a_broken_promise_is_red(measure: str) -> None:
    """The same bound is met where nothing breaks it, and fails the drill where the fabric is sabotaged."""
    bound, kept, broken, traffic = CASES[measure]
    green = run(measure, bound, kept, traffic)
    assert [] == [spell(judgement) for judgement in green.judgements if not judgement.met]
    assert PASSED == green.verdict, green.reasons
    red = run(measure, bound, broken, traffic)
    (judgement,) = red.judgements
    assert FAILED == red.verdict
    assert spell(judgement).startswith(f"{measure} ")
    assert spell(judgement).endswith("NOT MET")


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
