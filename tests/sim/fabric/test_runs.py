"""Whole runs on the simulator: transport, patterns and drills as on the kernel's fabric, and repeatable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from mrcnet.drill.job import plan_job
from mrcnet.drill.load import load_drill
from mrcnet.drill.runner import run_drill
from mrcnet.drill.virtual import SimFabric
from mrcnet.errors import InputError
from mrcnet.mrc.settings import Settings
from mrcnet.plan.build import build_plan
from mrcnet.plan.model import Plan
from mrcnet.sim.fit import fit
from mrcnet.sim.model import TRIMMING, Impairment, PortModel
from mrcnet.sim.run import Sim, SimRun, run_traffic
from mrcnet.topology.load import load_text
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.patterns import pairs
from mrcnet.workload.summary import TrafficResult, summarise
from tests.sim.fabric.parts import end

ROOT = Path(__file__).parents[3]
SHAPE = "4p-2t0-4t1"
MIB = 1 << 20


def plan_of(name: str = SHAPE) -> Plan:
    return build_plan(load_text((ROOT / "topologies" / f"{name}.yaml").read_text(), name))


def job_of(
    pattern: str = "pair",
    size: int | None = 2 * MIB,
    seed: int = 1,
    settings: Settings | None = None,
    **load: int,
) -> Job:
    plan = plan_of()
    hosts = plan.hosts if pattern != "pair" else ("h0", "h4")
    flows = tuple(
        Flow(number, src, dst, size, load.get("message", MIB), load.get("rate"))
        for number, (src, dst) in enumerate(pairs(pattern, hosts, seed))
    )
    return fit(Job("x", plan, flows, settings or Settings(), seed, 1_000_000))


def run(job: Job, sim: Sim | None = None) -> TrafficResult:
    return summarise(run_traffic(job, None, sim=sim))


@pytest.mark.parametrize("pattern", ["pair", "ring", "permutation", "incast", "all-to-all"])
def test_every_pattern(pattern: str) -> None:
    """Every byte of every flow arrives, and every frame is accounted for."""
    result = run(job_of(pattern, MIB))
    assert () == result.problems
    assert len(result.flows) * MIB == result.bytes
    assert result.fabric is not None
    assert result.fabric.balanced
    assert 0 == result.fabric.in_flight


def test_a_pair_fills_its_links() -> None:
    """Goodput of one pair is the links' rate less headers, the same on every plane, and nothing is lost."""
    result = run(job_of(size=16 * MIB))
    line_rate = 4 * 100e9 * 4_096 / (4_096 + 142)
    assert 0.97 * line_rate < result.goodput_bps <= line_rate
    assert 0 == result.packets.lost == result.packets.retransmitted
    shares = [plane.bytes for plane in result.planes]
    assert max(shares) - min(shares) <= 0.02 * max(shares)


def test_base_rtt() -> None:
    """What the transport measures is the fabric's RTT, rounded up to turns of hosts."""
    job = job_of(size=MIB)
    fabric_rtt = SimRun(job, Sim()).fabric.table.base_rtt / 1e3
    for turn in (200, 1_000):
        measured = run(job, Sim(turn_ns=turn)).flows[0].base_rtt_us
        assert fabric_rtt - 0.4 <= measured <= fabric_rtt + 2 * turn / 1e3


def test_timers_and_probes_are_as_asked() -> None:
    """However many flows a run has, virtual NICs keep up: nothing waits longer for their sake."""
    made, asked = job_of("all-to-all").settings, Settings()
    assert (asked.probe_floor_ns, asked.probe_rtts, asked.reverse_probe_ns, asked.timeout_exponent) == (
        made.probe_floor_ns,
        made.probe_rtts,
        made.reverse_probe_ns,
        made.timeout_exponent,
    )


def command(words: list[str], hash_seed: str) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "mrcnet.cli.main", *words],
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    """JSON and events are the same, byte for byte, in another process; those of another seed differ."""
    outputs = []
    for hash_seed, seed in (("1", "1"), ("2", "1"), ("1", "2")):
        events = tmp_path / f"{hash_seed}{seed}.jsonl"
        words = [
            "traffic",
            "--on",
            "sim",
            "-t",
            SHAPE,
            "--pattern",
            "permutation",
            "--size",
            "1MiB",
            "--json",
        ]
        out = command([*words, "--seed", seed, "--events", str(events)], hash_seed)
        outputs.append((out, events.read_bytes()))
    assert json.loads(outputs[0][0])["verified"]
    assert outputs[0] == outputs[1]
    assert outputs[0][0] != outputs[2][0]


def test_bad_links_repeat_too() -> None:
    """Loss, duplication, changed bytes and late frames are drawn from the run's seed."""
    results = []
    for seed in (1, 1, 2):
        sim = SimRun(job_of(size=2 * MIB, seed=seed), Sim())
        for port in ("p0-t0-1:eth1", "h0:eth2", "p2-t0-1:eth1"):
            sim.fabric.impair(end(port), Impairment(0.2, 0.2, 0.2, 0.2, 20_000))
        sim.watch(None)
        sim.stop()
        report = sim.finish()
        assert report.sources[0].done
        assert [] == report.sinks[0].wrong
        assert report.fabric is not None
        assert report.fabric.balanced
        assert report.fabric.dropped
        results.append(json.dumps([asdict(report.fabric), report.drops, report.sources[0].durations]))
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_corrupt_frames_are_refused() -> None:
    """Frames whose bytes changed are refused by the end points, and the bytes that arrive are right."""
    sim = SimRun(job_of(size=2 * MIB), Sim())
    sim.fabric.impair(end("p0-t0-1:eth1"), Impairment(corrupt=1.0))
    sim.watch(None)
    report = sim.finish()
    assert report.sources[0].done
    assert [] == report.sinks[0].wrong
    assert report.fabric is not None
    corrupted = sum(port.corrupted for port in report.fabric.ports)
    # one whose outer header changed may still be a sound packet: it is checked inside only
    assert 0 < sum(report.drops.values()) <= corrupted


def test_lost_packets_agree_with_the_fabric() -> None:
    """The data packets that the transport counts as lost are those that the fabric dropped."""
    sim = SimRun(job_of(size=4 * MIB), Sim())
    sim.fabric.impair(end("p0-t0-1:eth1"), Impairment(loss=0.5))
    sim.watch(None)
    report = sim.finish()
    assert report.fabric is not None
    drops = report.fabric.drops
    assert {"p0-t0-1:eth1"} == {drop.place for drop in drops}
    never_came = report.sources[0].sent - report.sinks[0].arrived
    # what the port dropped besides are probes
    assert 0 < never_came <= drops[0].frames <= never_came + report.sources[0].probes


def test_trimming() -> None:
    """Where switches trim, an incast loses nothing silently, and costs fewer EVs than where they drop."""
    job = job_of("incast", MIB, settings=Settings())
    job = replace(job, settings=replace(job.settings, window_bytes=4 * job.settings.window_bytes))
    dropping, trimming = run(job), run(job, Sim(ports=TRIMMING))
    assert dropping.fabric is not None
    assert trimming.fabric is not None
    assert dropping.fabric.dropped > 0
    assert 0 == trimming.fabric.dropped
    assert 0 < sum(port.trimmed for port in trimming.fabric.ports) <= trimming.packets.retransmitted
    assert () == trimming.problems
    assert trimming.evs_lost < dropping.evs_lost


def test_marks_reach_the_sender() -> None:
    """CE marks that switches make come back as SKIPs, and cost no EV."""
    quiet = run(job_of("permutation", MIB), Sim(ports=PortModel(ecn_min=50, ecn_max=60, drop=100)))
    job = job_of("permutation", MIB, settings=Settings(trace=True))
    marking = summarise(recording := run_traffic(job, None, sim=Sim(ports=PortModel(0.01, 0.02, drop=100))))
    assert quiet.fabric is not None
    assert marking.fabric is not None
    assert (
        0
        == sum(port.marked for port in quiet.fabric.ports)
        < sum(port.marked for port in marking.fabric.ports)
    )
    causes = {getattr(event, "cause", None) for _, event in recording.events}
    assert "SACK SKIP_ONCE" in causes
    assert 0 == marking.evs_lost


def test_cut_under_traffic() -> None:
    """A cut at an instant strikes at that instant; the run survives it, and its EV comes back when healed."""
    sim = SimRun(job_of(size=None, message=16 << 10, rate=2_000_000_000), Sim())
    assert not sim.watch(3_000_001)
    assert 3_000_001 == sim.cut("p0-t0-0:p0-t1-1", silent=True) == sim.now
    with pytest.raises(InputError, match="cut already"):
        sim.cut("p0-t1-1:p0-t0-0")
    sim.watch(40_000_000)
    sim.heal("p0-t0-0:p0-t1-1")
    with pytest.raises(InputError, match="not cut"):
        sim.heal("p0-t0-0:p0-t1-1")
    sim.watch(120_000_000)
    assert sim.stop()
    report = sim.finish()
    assert report.sources[0].failure is None
    assert [] == report.sinks[0].wrong
    assert report.fabric is not None
    assert {"blackhole"} == {drop.cause for drop in report.fabric.drops}
    states = {row.ev: row.state for row in report.sources[0].evs}
    assert {"GOOD", "SKIP"} >= set(states.values())


def test_a_dead_pair_ends() -> None:
    """With every link of a host down the QP fails with its reason, and the run comes to an end."""
    sim = SimRun(job_of(size=MIB, settings=Settings(timeout_exponent=10, timeout_ceiling_exponent=10)), Sim())
    sim.watch(10_000)
    for plane in range(4):
        sim.cut(f"h0:p{plane}-t0-0")
    assert sim.watch(None)
    report = sim.finish()
    assert "retry counter exceeded" == report.sources[0].failure
    assert report.fabric is not None
    assert {"port down"} == {drop.cause for drop in report.fabric.drops}


def test_duration() -> None:
    """A run of a given length posts so long, and ends when what was posted is through."""
    recording = run_traffic(job_of(size=None, message=64 << 10), 500_000)
    source = recording.sources[0]
    assert source.ended_at is not None
    assert 500_000 <= source.ended_at < 600_000
    assert source.done
    assert np.isclose(recording.delivered.sum(), recording.sinks[0].verified_bytes)


@pytest.mark.parametrize("kind", ["loud", "silent"])
def test_shipped_drills_pass(kind: str) -> None:
    """The drills of labs/, shortened to a tenth, pass on the simulator and lose what the cut took only."""
    file = ROOT / "labs" / f"{kind}-cut" / "drill.yaml"
    drill = load_drill(file.read_text(), str(file), {})
    steps = tuple(replace(step, at_ns=step.at_ns // 10) for step in drill.steps)
    traffic = replace(drill.traffic, duration_ns=drill.traffic.duration_ns // 10)
    short = replace(drill, steps=steps, traffic=traffic)
    job = plan_job(short, plan_of(), drill.name)
    result = run_drill(short, job, SimFabric())
    assert ("passed", "sim") == (result.verdict, result.on)
    assert result.measures is not None
    assert 0 == result.measures.error_ms
    assert result.traffic is not None
    assert result.traffic.fabric is not None
    assert ("blackhole" if kind == "silent" else "port down") in {
        d.cause for d in result.traffic.fabric.drops
    }
    assert {"p0-t0-0:eth6", "p0-t1-1:eth1"} >= {drop.place for drop in result.traffic.fabric.drops}
