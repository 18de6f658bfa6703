"""Synthetic recordings: a drill of known deliveries, losses and EV changes, on 2p-2t0-2t1.

h0 writes to h3 and h1 to h2. The cut link is p0-t0-0:p0-t1-1, which EV 2 crosses in both flows: 2 EVs of 8.
Traffic begins at 0 and is posted until 1 s; the cut is at 400 ms, the heal at 800 ms.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mrcnet.drill.model import Done, Op, Step
from mrcnet.errors import Where
from mrcnet.mrc.events import EvChanged, PacketsLost
from mrcnet.mrc.settings import Settings
from mrcnet.plan.paths import paths
from mrcnet.plan.target import find_link
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.report import EvRow, RunReport, SinkReport, SourceReport, Told
from mrcnet.workload.summary import Recording, record
from tests.unit.plan.fabrics import shipped

MS = 1_000_000
CUT, HEAL, END = 400 * MS, 800 * MS, 1_000 * MS
LINK = "p0-t0-0:p0-t1-1"
DEAD = 0x00000002  # plane 0, uplink 2
OTHER = 0x00010001
PLAN = shipped("2p-2t0-2t1")
FLOWS = (Flow(0, "h0", "h3", None, 1_000, None), Flow(1, "h1", "h2", None, 1_000, None))
JOB = Job("lab", PLAN, FLOWS, Settings(), 7, 1_000_000)
DOWN = Op("down", find_link(PLAN, LINK))
STEADY = 1_000  # bytes that each plane delivers in a bin


def step(action: str, target: str = LINK, at: int = 0, silent: bool = False) -> Step:
    return Step(at, action, target, silent, Where("drill.yaml", 1, 1))


def faults(error: int = 0, healed: bool = True) -> tuple[Done, ...]:
    """The cut, with its error bar, and the heal."""
    done = [Done(step("cut"), CUT, error, did=(DOWN,)), Done(step("heal"), HEAL, 0, undid=(DOWN,))]
    return tuple(done if healed else done[:1])


def steady() -> np.ndarray[Any, np.dtype[np.int64]]:
    """Deliveries (2 planes, 1000 bins) of a run that nothing disturbs."""
    return np.full((2, 1_000), STEADY, np.int64)


def change(at: int, ev: int, old: str, new: str, flow: int = 0) -> tuple[str, Told]:
    return FLOWS[flow].src, EvChanged(at, FLOWS[flow].src_qpn, ev, ev >> 16, old, new, "loss inferred")


def lost(at: int, ev: int, *sent_at: int, flow: int = 0) -> tuple[str, Told]:
    """Packets found lost at `at` on an EV, each by the time at which it was sent."""
    values = [path.ev for path in paths(PLAN, FLOWS[flow].src, FLOWS[flow].dst)]
    count = len(sent_at)
    columns = (np.arange(count), np.full(count, values.index(ev)), np.array(sent_at))
    return FLOWS[flow].src, PacketsLost(at, FLOWS[flow].src_qpn, "loss inferred", *columns)


def _source(flow: Flow) -> SourceReport:
    rows = [EvRow(path.ev, path.plane, "GOOD", True, 0, 0, "") for path in paths(PLAN, flow.src, flow.dst)]
    return SourceReport(
        flow=flow.number,
        completed_bytes=10,
        sent=1_000,
        retransmitted=0,
        lost=0,
        probes=0,
        durations=[1],
        started_at=0,
        ended_at=END,
        base_rtt=50_000,
        done=True,
        failure=None,
        evs=rows,
    )


def _sink(flow: Flow) -> SinkReport:
    arrivals = np.arange(0, END + 1, MS)
    return SinkReport(flow.number, 10, [], 1_000, 1_000, 0, 0, arrivals)


def recording(
    *events: tuple[str, Told],
    delivered: np.ndarray[Any, np.dtype[np.int64]] | None = None,
    source: dict[str, Any] | None = None,
    sink: dict[str, Any] | None = None,
    **rest: Any,
) -> Recording:
    """A recording with some events; `source` and `sink` change the reports of the first flow."""
    report = RunReport(
        sources=[replace(_source(FLOWS[0]), **(source or {})), _source(FLOWS[1])],
        sinks=[replace(_sink(FLOWS[0]), **(sink or {})), _sink(FLOWS[1])],
        events=list(events),
        delivered=steady() if delivered is None else delivered,
        **rest,
    )
    return record(JOB, 0, [report])
