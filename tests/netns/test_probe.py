"""Agents on real labs: what is cut is named, and nothing else."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import lab as labs
from mrcnet.kernel.faults import cut, heal
from mrcnet.kernel.portfaults import strike
from mrcnet.nic import desk
from mrcnet.plan.model import Plan
from mrcnet.port.model import FaultSpec
from mrcnet.prober.agent import Prober
from mrcnet.prober.detect import LinkChange, Rules
from mrcnet.prober.report import result
from mrcnet.verify.run import verify
from tests.netns.fabric import ALONE, bring_up, new_name, running
from tests.netns.traffic import mrcnet, runs, start, wait_for
from tests.unit.plan.fabrics import ROOT

pytestmark = ALONE
PATIENCE_S = 30.0
RATE = 100.0
# Of a machine that has other things to do: what it loses by itself must not look like a link's fault.
RULES = Rules(missed=5, window=20, back=30)


def prober_of(plan: Plan, hosts: Iterable[str] | None = None, rules: Rules = RULES) -> Prober:
    return Prober(plan, tuple(hosts or plan.hosts), RATE, rules)


def probe_rounds(lab: str, prober: Prober, rounds: int) -> list[LinkChange]:
    """Probe so many rounds more; what changed meanwhile."""
    end = prober.detector.rounds + rounds
    return [change for change in prober.watch(lab, lambda: prober.detector.rounds >= end) if change]


def probe_until_change(lab: str, prober: Prober) -> LinkChange:
    """Probe until the first change."""
    deadline = time.monotonic() + PATIENCE_S
    rounds = prober.watch(lab, lambda: time.monotonic() > deadline)
    found = next(change for change in rounds if change)
    rounds.close()
    return found


def names(prober: Prober, changes: Iterable[LinkChange]) -> list[tuple[str, str, str]]:
    return [(one.link, one.kind, one.state) for one in result(prober, changes).changes]


def test_a_whole_lab_has_no_broken_link() -> None:
    """All 16 links of a whole lab are watched, and none is named."""
    with running() as (lab, plan):
        prober = prober_of(plan)
        assert [] == probe_rounds(lab, prober, 60)
        found = result(prober, [])
        assert (16, True, (), ()) == (found.links, found.ok, found.broken, found.hidden)


@pytest.mark.parametrize(
    ("link", "kind"), [("h1:p1-t0-0", "NIC-T0"), ("p0-t0-1:p0-t1-0", "T0-T1")], ids=["nic-t0", "t0-t1"]
)
@pytest.mark.parametrize("silent", [True, False], ids=["silent", "loud"])
def test_a_cut_link_is_named_and_comes_back(link: str, kind: str, silent: bool) -> None:
    """A link that dies while it is watched is named, no other is, and so it is when it heals."""
    with running() as (lab, plan):
        prober = prober_of(plan)
        probe_rounds(lab, prober, 20)
        died = cut(plan, lab, link, silent=silent)
        change = probe_until_change(lab, prober)
        assert [(link, kind, "broken")] == names(prober, [change])
        assert died.at_ns - died.error_ns <= change.at_ns
        assert [] == probe_rounds(lab, prober, 20)
        heal(plan, lab, link)
        assert [(link, kind, "whole")] == names(prober, [probe_until_change(lab, prober)])
        assert () == prober.detector.broken


def test_one_agent_finds_a_link_of_another_t0() -> None:
    """An agent on one host alone names a dead link between a T1 and the T0 of others."""
    with running() as (lab, plan):
        cut(plan, lab, "p1-t0-1:p1-t1-0", silent=True)
        prober = prober_of(plan, ["h0"])
        assert ["p1-t0-1:p1-t1-0"] == [name for name, *_ in names(prober, [probe_until_change(lab, prober)])]
        assert 2 + 8 == len(prober.detector.links)


def test_a_lossy_host_link_is_named() -> None:
    """A host's link that loses a third of its frames is named, and none of those behind it."""
    with running() as (lab, plan):
        strike(plan, lab, FaultSpec("loss", share=0.3), "h2:p0-t0-1")
        prober = prober_of(plan)
        changes = probe_rounds(lab, prober, 100)
        assert {("h2:p0-t0-1", "NIC-T0")} == {name[:2] for name in names(prober, changes)}


def test_verify_may_go_on_meanwhile() -> None:
    """Probing and verifying do not take each other's port or packets."""
    with running() as (lab, plan):
        prober = prober_of(plan)
        rounds = prober.watch(lab, lambda: False)
        for _ in range(3):
            assert next(rounds) is None
        assert verify(lab, plan).ok
        rounds.close()


def test_a_taken_port_is_said() -> None:
    """Two commands cannot probe from the same host at once: the second is told so."""
    with running() as (lab, plan):
        rounds = prober_of(plan).watch(lab, lambda: False)
        next(rounds)
        with pytest.raises(EnvironmentFault, match=r"UDP port \d+ of h0 in lab .* is taken"):
            next(prober_of(plan).watch(lab, lambda: False))
        rounds.close()
        again = prober_of(plan).watch(lab, lambda: False)
        assert next(again) is None
        again.close()


def test_the_command_line() -> None:
    """`probe` ends with 0 in a whole lab, with 1 and the link's name in a broken one."""
    with running() as (lab, plan):
        words = ["probe", lab, "--duration", "1s", "--rate", "30"]
        code, found, _ = mrcnet(*words)
        assert (0, True, []) == (code, found["ok"], found["changes"])
        for target in ("p0-t0-0:p0-t1-0", "p0-t0-1:p0-t1-0"):
            cut(plan, lab, target, silent=True)
        code, found, _ = mrcnet(*words)
        assert (1, ["p0-t0-0:p0-t1-0", "p0-t0-1:p0-t1-0"]) == (code, sorted(found["broken"]))
        assert ["p0-t1-0"] == found["switches"]
        code, _, said = mrcnet("probe", lab, "--hosts", "h0,h9")
        assert (2, True) == (code, "'h9' is no host of this lab" in said)


def test_runs_deny_what_agents_find_and_allow_what_heals() -> None:
    """Under `--deny` a run's EVs over a lossy host link are DENIED; they are allowed again when it ends."""
    with running() as (lab, plan):
        load = ["--hosts", "h0,h3", "--duration", "300s", "--rate", "20Mbps"]
        traffic = start("traffic", lab, *load)
        wait_for(lambda: desk.ask(lab, "h0", "h3"), 100)
        strike(plan, lab, FaultSpec("loss", share=0.3), "h0:p0-t0-0")
        probing = start("probe", lab, "--deny", "--watch", "--rate", "100")
        wait_for(lambda: {"DENIED"} == states(lab)[0])
        assert {"GOOD"} == states(lab)[1]
        probing.send_signal(signal.SIGINT)
        assert 130 == probing.wait(20)
        assert "DENIED" not in states(lab)[0]
        traffic.send_signal(signal.SIGINT)
        traffic.wait(60)


def states(lab: str) -> list[set[str]]:
    """The states of the EVs from h0 to h3, by plane."""
    rows = desk.ask(lab, "h0", "h3") or []
    return [{row.state for row in rows if row.plane == plane} for plane in (0, 1)]


def test_a_cold_start_with_a_denylist() -> None:
    """With a dead link denied beforehand a run loses nothing on it; without, it has to find out."""
    with running() as (lab, plan):
        cut(plan, lab, "p0-t0-0:p0-t1-0", silent=True)
        words = ["traffic", lab, "--hosts", "h0,h3", "--size", "4MiB", "--backup-share", "0"]
        _, with_list, _ = mrcnet(*words, "--deny", "p0-t0-0:p0-t1-0")
        _, without, _ = mrcnet(*words)
        assert (0, True) == (with_list["packets"]["lost"], with_list["verified"])
        assert (True, True) == (without["packets"]["lost"] > 0, without["verified"])
        code, _, said = mrcnet(*words, "--deny", "h0:h3")
        assert (2, True) == (code, "no link to 'h3'" in said)


DRILL = """name: prober
topology: {topology}
traffic: {{pattern: pair, hosts: [h0, h3], message: 16KiB, rate: 20Mbps, duration: 2500ms}}
prober: {{rate: 100, deny: true}}
actions:
  - {{at: 500ms, do: loss, target: "h0:p0-t0-0", share: 30%}}
expect:
  - {{measure: qps_failed, at_most: 0}}
"""


def test_a_drill_has_a_prober_of_its_own(tmp_path: Path) -> None:
    """What agents beside a drill find stands in its story, and the run's EVs over it were denied."""
    file = tmp_path / "drill.yaml"
    file.write_text(DRILL.format(topology=ROOT / "topologies" / "2p-2t0-2t1.yaml"), encoding="utf-8")
    name = new_name()
    source = ROOT / "topologies" / "2p-2t0-2t1.yaml"
    bring_up(name, source.read_text(encoding="utf-8"))
    try:
        _, found, said = mrcnet("drill", str(file), "--lab", name)
        assert found, said
        told = [event["text"] for event in found["events"] if event["kind"] == "prober"]
        assert ["h0:p0-t0-0 (NIC-T0) broken"] == [text.partition(",")[0] for text in told]
        denied = [event["text"] for event in found["events"] if "-> DENIED" in event["text"]]
        assert 4 == len(denied)
        assert all("plane 0" in text for text in denied)
        assert [] == runs(name)
    finally:
        labs.down(name)
