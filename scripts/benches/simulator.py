"""How fast the simulator is: data packets of one pair per second of one core."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benches.figure import ROOT, Figure, figure
from mrcnet.mrc.settings import Settings
from mrcnet.plan.build import build_plan
from mrcnet.sim.fit import fit
from mrcnet.sim.run import Sim, SimRun
from mrcnet.topology.load import load_text
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.summary import TrafficResult, record, summarise

SHAPE = ROOT / "topologies" / "4p-2t0-4t1.yaml"
SIZE = 256 << 20
RUNS = 5


def sim_pps() -> Iterator[Figure]:
    """sim-pps: h0 to h4 at line rate, host to host over three switches, 4 096 B of real bytes, all checked.

    Processor time of the one process, so that other work on the machine does not count; the setting up of
    fabric and hosts does not either. ICRCs are made and checked.
    """
    plan = build_plan(load_text(SHAPE.read_text(), str(SHAPE)))
    flow = Flow(0, "h0", "h4", SIZE, 1 << 20, None)
    job = fit(Job("bench", plan, (flow,), Settings(), 1, 1_000_000))
    rates: list[float] = []
    walls: list[float] = []
    results: list[TrafficResult] = []
    for _ in range(RUNS):
        run = SimRun(job, Sim())
        wall, processor = time.perf_counter(), time.process_time()
        run.watch(None)
        report = run.finish()
        rates.append(1 / (time.process_time() - processor))
        walls.append(1 / (time.perf_counter() - wall))
        results.append(summarise(record(job, run.start_at, [report])))
    packets = [result.packets.delivered for result in results]
    yield figure(
        "sim-pps",
        [rate * count for rate, count in zip(rates, packets, strict=True)],
        "packets/s",
        50_000,
        at_most=False,
        sound=all(result.verified for result in results) and len(set(packets)) == 1,
        digits=0,
        turn_ns=run.turn_ns,
        goodput_gbps=round(results[0].goodput_bps / 1e9, 1),
        per_wall_second=[round(rate * count) for rate, count in zip(walls, packets, strict=True)],
    )
