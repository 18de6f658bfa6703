"""How near the transport comes to what the same path carries of frames that nobody made and nobody reads."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

import numpy as np

from benches.figure import ROOT, Figure, figure, mrcnet
from mrcnet.kernel import bpf, netns
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.frames import HEADROOM, TxBatch
from mrcnet.nic.ring import Ring, port_numbers
from mrcnet.nic.sender import Sender
from mrcnet.plan.build import build_plan
from mrcnet.plan.model import Plan
from mrcnet.topology.load import load_text
from mrcnet.workload.ends import make_content
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.station import Bins, Station

SHAPE = ROOT / "topologies" / "4p-2t0-4t1.yaml"
LAB = "bench-ceiling"
SOURCE, SINK = "h0", "h4"  # on different T0s
SECONDS = 3.0
RUNS = 5
AT_ONCE = 128  # frames a call, as the NIC does


def goodput_over_ceiling() -> Iterator[Figure]:
    """goodput-over-ceiling: a pair's goodput, ICRC on, over the payload of pre-built frames that a receiver
    only counts, on the same path and frame size; both in turn. The note has it with the ICRC left out, too.
    """
    plan = build_plan(load_text(SHAPE.read_text(), str(SHAPE)))
    mrcnet("up", str(SHAPE), "--lab", LAB)
    hosts, duration = f"{SOURCE},{SINK}", f"{SECONDS:g}s"
    words = ("traffic", LAB, "--pattern", "pair", "--hosts", hosts, "--duration", duration)
    ceilings, goodputs, offloaded = [], [], []
    sound = True
    try:
        for _ in range(RUNS):
            ceilings.append(blast(plan, LAB, SECONDS))
            for column, extra in ((goodputs, ()), (offloaded, ("--icrc", "offload"))):
                run = mrcnet(*words, *extra)
                column.append(run["packets"]["delivered"] / run["wall_seconds"])
                sound &= run["verified"] and not run["packets"]["lost"]
    finally:
        mrcnet("down", LAB)
    yield figure(
        "goodput-over-ceiling",
        [mine / most for mine, most in zip(goodputs, ceilings, strict=True)],
        "of the ceiling",
        0.55,
        at_most=False,
        sound=sound,
        stretch=0.85,
        icrc_offload=[round(mine / most, 3) for mine, most in zip(offloaded, ceilings, strict=True)],
        ceiling_pps=[round(most) for most in ceilings],
        mrc_pps=[round(mine) for mine in goodputs],
    )


def blast(plan: Plan, lab: str, seconds: float) -> float:
    """Frames a second from SOURCE to SINK of a lab, made once and sent again and again."""
    job = Job(lab, plan, (Flow(0, SOURCE, SINK, None, 1 << 20, None),), Settings(), 1, 1_000_000)
    path = netns.path_of(lab, SINK)
    ports = [port.name for port in plan.nodes[SINK].ports]
    bpf.shield(path, ports, job.settings.udp_port)
    cores = sorted(os.sched_getaffinity(0))
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    sender = context.Process(target=_send, args=(job, cores[0], theirs), daemon=True)
    try:
        os.sched_setaffinity(0, {cores[-1]})
        with netns.inside(path):
            ring = Ring(job.settings.payload + HEADROOM, 8192, port_numbers(ports))
        sender.start()
        ours.recv()
        ring.drops()
        begin, count = time.perf_counter(), 0
        while (spent := time.perf_counter() - begin) < seconds:
            batch = ring.read(AT_ONCE)
            if batch is not None:
                count += len(batch.length)
                ring.release()
        ring.close()
    finally:
        sender.kill()
        sender.join()
        os.sched_setaffinity(0, cores)
        bpf.unshield(path, ports)
    return count / spent


def _send(job: Job, core: int, pipe: Connection) -> None:
    os.sched_setaffinity(0, {core})
    batch = _frames(job)
    ports = [port.name for port in job.plan.nodes[SOURCE].ports]
    with netns.inside(netns.path_of(job.lab, SOURCE)):
        index_of = {number: index for index, number in port_numbers(ports).items()}
        sender = Sender([index_of[number] for number in range(len(ports))])
    pipe.send(True)
    while True:
        sender.send(batch)


def _frames(job: Job) -> TxBatch:
    """A batch as the end point sends it, over the EVs of all planes."""
    content = make_content(job.message, job.seed)
    station = Station(job, SOURCE, content, Bins(job.plan.topology.planes, 0, job.bin_ns))
    station.open({0: (0, 1)}, 0)
    station.act(1)
    return station.endpoint.frames_to_send(1, np.full(len(job.plan.nodes[SOURCE].ports), AT_ONCE))
