"""An 8:1 incast on a shipped topology in the simulator, watched in even steps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.nscc import Knobs, Nscc
from mrcnet.mrc.settings import Settings
from mrcnet.plan.build import build_plan
from mrcnet.sim.model import PortModel
from mrcnet.sim.run import Sim, SimRun
from mrcnet.topology.load import load_text
from mrcnet.topology.model import End
from mrcnet.workload.congestion import NSCC, controlled
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job

TOPOLOGY = "4p-16t0-8t1"
SINK = "h0"
SOURCES = ("h2", "h6", "h10", "h14", "h18", "h22", "h26", "h30")
UET = PortModel(trim=1.0, trim_lasthop=1.5, ecn_lasthop=True)  # spec 5.9: every port marks and trims
MRC = PortModel(trim=1.0, trim_lasthop=1.5)  # spec 6.5: the last hop only trims


@dataclass(frozen=True)
class Watched:
    """What was seen at the end of every step: rows are steps. Windows and queues in bytes, times in ns."""

    knobs: Knobs
    bdp: int  # of one plane
    at: npt.NDArray[np.int64]
    cwnd: npt.NDArray[np.int64]  # (steps, flows)
    delivered: npt.NDArray[np.int64]  # (steps, flows), payload so far
    queue: npt.NDArray[np.int64]  # (steps, planes), the ports to the sink
    marked: npt.NDArray[np.int64]  # (steps,), frames so far
    trimmed: npt.NDArray[np.int64]
    line_bps: int  # of the sink, all planes

    def between(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """Bytes that each flow delivered between two instants."""
        first, last = np.searchsorted(self.at, (start, stop))
        return np.asarray(self.delivered[last] - self.delivered[first])


def jain(shares: npt.NDArray[np.int64]) -> float:
    """Jain's index of fairness: 1 if all are equal, 1/n if one has everything."""
    whole = shares.astype(float)
    return float(whole.sum() ** 2 / (len(whole) * (whole**2).sum()))


def incast(model: PortModel, until: int, step: int, seed: int = 1) -> Watched:
    """Eight hosts on other T0s write to one host as fast as NSCC lets them."""
    root = Path(__file__).parents[2]
    text = (root / "topologies" / f"{TOPOLOGY}.yaml").read_text()
    plan = build_plan(load_text(text, f"{TOPOLOGY}.yaml"))
    settings = controlled(
        Settings(backup_share=0.0, icrc=False), plan, NSCC, trimming=model.trim_lasthop is not None
    )
    flows = tuple(Flow(number, host, SINK, None, 1 << 16, None) for number, host in enumerate(SOURCES))
    run = SimRun(Job("incast", plan, flows, settings, seed, step), Sim(model))
    ends = [End(port.peer_node, port.peer_port) for port in plan.nodes[SINK].ports]
    stations = {host.station.name: host.station for host in run._hosts.values()}
    qps = [stations[flow.src].endpoint.qps[flow.src_qpn] for flow in flows]
    sinks = [stations[SINK].endpoint.qps[flow.dst_qpn].responder for flow in flows]
    at, cwnd, delivered, queue, marked, trimmed = [], [], [], [], [], []
    for now in range(step, until + 1, step):
        run.watch(now)
        books = run.fabric.books()
        at.append(now)
        controllers = [qp.requestor._controller for qp in qps]
        cwnd.append([control.window() for control in controllers if isinstance(control, Nscc)])
        delivered.append([sink.counters.delivered * settings.payload for sink in sinks])
        queue.append([run.fabric.backlog(end, now) for end in ends])
        marked.append(sum(port.marked for port in books.ports))
        trimmed.append(sum(port.trimmed for port in books.ports))
    assert settings.nscc is not None
    return Watched(
        settings.nscc,
        run.fabric.table.bdp[0],
        *(np.array(column, np.int64) for column in (at, cwnd, delivered, queue, marked, trimmed)),
        line_bps=sum(port.rate_bps for port in plan.nodes[SINK].ports),
    )
