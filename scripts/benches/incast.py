"""A 7:1 incast with a flow beside it, over shaped ports that trim and over the same ones that do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from benches.figure import Figure, figure
from mrcnet.api.dilation import settled
from mrcnet.kernel import lab
from mrcnet.kernel.processes import register_run
from mrcnet.mrc.events import PacketsLost
from mrcnet.mrc.evs import Cause
from mrcnet.mrc.settings import Settings
from mrcnet.nic.traffic import run_traffic
from mrcnet.plan.build import build_plan
from mrcnet.plan.model import Plan
from mrcnet.topology.load import load_text
from mrcnet.workload.congestion import NSCC, controlled
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job, bin_ns
from mrcnet.workload.summary import Recording, TrafficResult, summarise

LAB = "bench-incast"
# Ten hosts, five at a T0, as many uplinks. Seven hosts write to h0; the victim comes from the other T0.
TEXT = """\
name: incast
fabric: {planes: 2, t0: 2, t1: 5, hosts_per_t0: 5}
defaults: {rate: 100Gbps, delay: 500ns}
dilation: auto
"""
PORTS = {"off": "ports: {trim: off}\n", "on": "ports: {}\n"}
SINK, SOURCES, VICTIM = "h0", ("h2", "h3", "h4", "h5", "h6", "h7", "h8"), ("h9", "h1")
MESSAGE = 64 << 10
QPS = 8  # of each source
NEVER = 1 << 20  # base RTTs of silence before a probe
INCAST_BYTES = 128 << 10  # of each of them
VICTIM_NS = 200_000
RUNS = 3


@dataclass(frozen=True)
class Seen:
    """One run: timeouts of the incast's flows, the victim's goodput, all that came of it."""

    timeouts: int
    victim_bps: float
    result: TrafficResult


def trim_incast() -> Iterator[Figure]:
    """trim-incast: the victim's goodput beside a 7:1 incast over that of itself alone, trimming on, NSCC on.

    Sources write on eight QPs each, so that together their least windows are more than the queue holds; for
    windows so small the SACK threshold is 4 096 B (spec 3.3). MRC's reliability probes stand in for NACKs
    where nothing trims (spec 4.7), and leave no timeouts to be seen: they are off here, with trimming and
    without. The note has runs with them, too.
    Sound if the incast times out without trimming and never with it, and all runs are faithful and balance.
    """
    seen = {trimming: _runs(trimming) for trimming in PORTS}
    runs = [run for found in seen.values() for three in found for run in three]
    timeouts = {trimming: [loaded.timeouts for _, loaded, _ in found] for trimming, found in seen.items()}
    probed = {trimming: [probing.timeouts for *_, probing in found] for trimming, found in seen.items()}
    yield figure(
        "trim-incast",
        [loaded.victim_bps / alone.victim_bps for alone, loaded, _ in seen["on"]],
        "of alone",
        0.95,
        at_most=False,
        sound=sum(timeouts["off"]) > 0
        and max(timeouts["on"]) == 0
        and all(run.result.verified and run.result.fidelity and run.result.fidelity.faithful for run in runs),
        timeouts_off=timeouts["off"],
        timeouts_on=timeouts["on"],
        timeouts_with_probes=probed,
        victim_off=[round(loaded.victim_bps / alone.victim_bps, 3) for alone, loaded, _ in seen["off"]],
        faithful=[run.result.fidelity is not None and run.result.fidelity.faithful for run in runs],
        problems=sorted({problem for run in runs for problem in run.result.problems}),
    )


def _runs(trimming: str) -> list[tuple[Seen, Seen, Seen]]:
    """The victim alone, beside the incast, and beside one whose sources probe."""
    text = TEXT + PORTS[trimming]
    plan = settled(build_plan(load_text(text, "incast.yaml")), LAB, text)
    lab.up(plan, LAB, "incast.yaml", text)
    try:
        return [
            (_run(plan, seed, ()), _run(plan, seed, SOURCES), _run(plan, seed, SOURCES, probes=True))
            for seed in range(1, RUNS + 1)
        ]
    finally:
        lab.down(LAB)


def _run(plan: Plan, seed: int, sources: tuple[str, ...], *, probes: bool = False) -> Seen:
    victim = Flow(0, *VICTIM, None, MESSAGE, None)
    incast = (
        Flow(number, src, SINK, INCAST_BYTES, MESSAGE, None) for number, src in enumerate(sources * QPS, 1)
    )
    settings = Settings(payload=plan.topology.transport.payload, backup_share=0.0)
    settings = controlled(settings, plan, NSCC)
    if not probes:
        settings = replace(settings, silence_rtts=NEVER)
    settings = replace(settings, sack_threshold=settings.payload)
    job = Job(LAB, plan, (victim, *incast), settings, seed, bin_ns(plan))
    with register_run(LAB):
        recording = run_traffic(job, VICTIM_NS)
    result = summarise(recording)
    goodput = next(flow.goodput_bps for flow in result.flows if (flow.src, flow.dst) == VICTIM)
    return Seen(_timeouts(recording), goodput, result)


def _timeouts(recording: Recording) -> int:
    """Timeouts of the flows of the incast."""
    return sum(
        isinstance(event, PacketsLost) and event.cause == Cause.TIMEOUT and event.qpn != 0x100
        for _, event in recording.events
    )
