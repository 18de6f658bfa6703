"""A small virtual fabric and frames made by hand, for tests that reckon instants and drops."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.frames import EvFormat, FlowAddress, TxBatch, head
from mrcnet.plan.build import build_plan
from mrcnet.plan.model import Plan
from mrcnet.plan.paths import paths
from mrcnet.sim.fabric import Fabric
from mrcnet.sim.model import PortModel
from mrcnet.topology.load import load_text
from mrcnet.topology.model import End
from mrcnet.workload.job import ev_paths, local_ports

SHAPE = """
name: small
fabric: {planes: 1, t0: 2, t1: 2, hosts_per_t0: 2}
defaults: {rate: 1Gbps, delay: 1us}
"""
FRAME = 1_000  # bytes: 8 us at 1 Gb/s
SMALL = 250  # 2 us
NS = 8  # of a byte at 1 Gb/s
DATA, CONTROL, UNTRIMMABLE = 8 << 2 | 0b10, 46 << 2, 0b10  # traffic classes


def plan_of(text: str = SHAPE) -> Plan:
    return build_plan(load_text(text, "small.yaml"))


class Net:
    """A fabric, a way to put frames in, and the frames that came out: (instant, host, port, frame)."""

    def __init__(
        self, plan: Plan | None = None, model: PortModel | None = None, seed: int = 1, *, ahead: bool = False
    ) -> None:
        self.plan = plan or plan_of()
        self.fabric = Fabric(self.plan, Settings(payload=4096), model or PortModel(), seed, ahead=ahead)
        self.out: list[tuple[int, str, int, bytes]] = []

    def send(
        self,
        src: str,
        dst: str,
        sizes: Iterable[int] = (FRAME,),
        *,
        at: int = 0,
        ev: int = 0,
        traffic_class: int = DATA,
        carrier: bytes | None = None,
    ) -> None:
        """Frames of these sizes, numbered in their last four bytes, on the pair's EV number `ev`."""
        sizes = list(sizes)
        path = ev_paths(self.plan, src, dst)[ev]
        here = local_ports(self.plan.nodes[src])[path.port]
        there = bytes(16)
        flow = FlowAddress(here.mac, here.next_mac, carrier or path.carrier, here.address, there, path.ev)
        batch = TxBatch(max(len(sizes), 1), 4096)
        batch.buffer[:, :114] = np.frombuffer(head(flow, EvFormat(), 4791, traffic_class, 5), np.uint8)
        for row, size in enumerate(sizes):
            batch.buffer[row, size - 4 : size] = np.frombuffer(row.to_bytes(4, "big"), np.uint8)
        batch.length[: len(sizes)] = sizes
        batch.port[: len(sizes)] = path.port
        batch.count = len(sizes)
        self.fabric.send(src, batch, at)

    def run(self, until: int, step: int = 250) -> list[tuple[int, str, int, bytes]]:
        """Advance in steps of so many ns; what comes out in a step counts as come at its end."""
        for now in range(step, until + step, step):
            self.fabric.advance(now)
            for host, batch in self.fabric.collect(now):
                for row, length in enumerate(batch.length.tolist()):
                    frame = batch.buffer[row, :length].tobytes()
                    self.out.append((now, self.plan.hosts[host], int(batch.port[row]), frame))
        return self.out

    def instants(self) -> list[int]:
        return [at for at, _, _, _ in self.out]

    def numbers(self) -> list[int]:
        return [int.from_bytes(frame[-4:], "big") for _, _, _, frame in self.out]

    def drops(self) -> list[tuple[str, str, int]]:
        return [(drop.place, drop.cause, drop.frames) for drop in self.fabric.books().drops]


def end(text: str) -> End:
    """`p0-t0-0:eth1` -> End."""
    node, _, port = text.partition(":")
    return End(node, port)


def evs(plan: Plan, src: str, dst: str) -> int:
    return len(paths(plan, src, dst))
