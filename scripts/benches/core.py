"""One core's packets per second in each role of the transport, without any network.

A requestor and a responder sit in one process; the requestor's batch of frames is handed to the responder as
it is, and the SACKs come back the same way. Only the calls of one role are timed at a time, in CPU seconds of
this thread; 4 096 B payloads are copied out of one region and into another, ICRCs computed and checked.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import numpy as np

from benches.figure import Figure, figure
from mrcnet.mrc.endpoint import Endpoint
from mrcnet.mrc.events import MessageCompleted
from mrcnet.mrc.evs import EvPath
from mrcnet.mrc.qp import LocalPort, QpSpec
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.frames import RxBatch, TxBatch

PLANES, UPLINKS = 4, 16
QPN = 0x100
PAYLOAD = 4_096
MESSAGE = 1 << 20
BATCH = 64
UNDER_WAY = 4  # messages posted and not complete
ROUNDS = 2_000
RUNS = 5
BAR = 400_000
RTT = 20_000  # virtual ns between two batches


def core() -> Iterator[Figure]:
    """core-requester, core-responder: packets a second of CPU time, one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        _run(RUNS)  # loops are compiled, caches warm
        runs = [_run(seed) for seed in range(RUNS)]
    finally:
        os.sched_setaffinity(0, cores)
    note = {"batch": BATCH, "payload": PAYLOAD, "packets_a_run": BATCH * ROUNDS}
    for name, column in (("core-requester", 0), ("core-responder", 1)):
        values = [run[column] for run in runs]
        yield figure(name, values, "packets/s", BAR, at_most=False, digits=0, **note)


def _run(seed: int) -> tuple[float, float]:
    """Packets a second of the requestor, and of the responder. SystemExit if a byte is wrong."""
    settings = Settings(payload=PAYLOAD, backup_share=0.0, window_bytes=1 << 30)
    ends = [_endpoint(host, settings, seed) for host in (0, 1)]
    content = np.random.default_rng(seed).integers(0, 256, MESSAGE, dtype=np.uint8)
    source = ends[0].register(content, 0)
    target = ends[1].register(np.zeros(MESSAGE, np.uint8), 1 << 32)
    room = np.full(PLANES, BATCH // PLANES, np.int64)  # 64 packets a call, in equal parts
    spent = [0, 0]  # CPU ns of each role
    moved = posted = completed = 0
    now = 1_000_000
    while moved < BATCH * ROUNDS:
        while posted - completed < UNDER_WAY:
            ends[0].post_write(QPN, source, 0, MESSAGE, target.address, target.rkey)
            posted += 1
        begin = time.thread_time_ns()
        out = ends[0].frames_to_send(now, room)
        middle = time.thread_time_ns()
        ends[1].receive(_handed_over(out), now + RTT // 2)
        back = ends[1].frames_to_send(now + RTT // 2, room)
        end = time.thread_time_ns()
        moved += out.count
        spent[1] += end - middle
        again = time.thread_time_ns()
        now += RTT
        ends[0].receive(_handed_over(back), now)
        spent[0] += middle - begin + time.thread_time_ns() - again
        completed += sum(isinstance(event, MessageCompleted) for event in ends[0].events())
        ends[1].events()
    lost = ends[0].qps[QPN].requestor.counters.lost
    if lost or any(end.drops for end in ends) or not completed or not np.array_equal(target.data, content):
        raise SystemExit(f"core: {lost} lost, drops {[end.drops for end in ends]}, {completed} messages")
    return moved * 1e9 / spent[0], moved * 1e9 / spent[1]


def _handed_over(out: TxBatch) -> RxBatch:
    """What one side sends as what the other receives: the same memory."""
    count = out.count
    return RxBatch(out.buffer[:count], 0, out.length[:count], out.port[:count])


def _endpoint(host: int, settings: Settings, seed: int) -> Endpoint:
    ports = [
        LocalPort(plane, bytes((2, 0, 0, 0, host, plane)), bytes(6), _address(host, plane))
        for plane in range(PLANES)
    ]
    paths = tuple(
        EvPath(plane << 16 | uplink, plane, plane, bytes((0xFC, plane, uplink)) + bytes(13))
        for plane in range(PLANES)
        for uplink in range(1, UPLINKS + 1)
    )
    end = Endpoint(ports, settings, np.random.default_rng((seed, host)))
    peer = {plane: _address(1 - host, plane) for plane in range(PLANES)}
    end.connect(QpSpec(QPN + host, QPN + 1 - host, 0, 0, peer, paths))
    return end


def _address(host: int, plane: int) -> bytes:
    return bytes((0xFD, 0, 0, plane, 0, host)) + bytes(9) + b"\1"
