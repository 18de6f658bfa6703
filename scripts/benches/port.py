"""A port's rate, what its program costs, and whether its counters are what the sender sees."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benches.ceiling import SHAPE, blast
from benches.figure import Figure, figure, mrcnet
from mrcnet.kernel import netns, portfaults
from mrcnet.kernel.ports import open_ports
from mrcnet.plan.build import build_plan
from mrcnet.plan.model import Plan
from mrcnet.port import bpf
from mrcnet.topology.load import load_text
from mrcnet.topology.model import End

LAB = "bench-port"
RATES = (10, 30, 100, 300, 1_000)  # Mb/s
RATE_SECONDS = 3.0
FRAME = 4_238
COST_SECONDS = 2.0
COST_RUNS = 7


def port_rate_error() -> Iterator[Figure]:
    """port-rate-error: how far a port's rate is from the configured one, from 10 Mb/s to 1 Gb/s, the worst.

    Frames of 4 238 B are forced on a host's port; its own byte counter is read twice, some seconds apart.
    """
    errors = {}
    for rate in RATES:
        text = (
            "name: rate\nfabric: {planes: 1, t0: 1, t1: 0, hosts_per_t0: 2}\n"
            f"defaults: {{rate: {rate}Mbps}}\nports: {{}}\n"
        )
        with _lab(text):
            errors[rate] = _achieved() / (rate * 1e6) - 1
    worst = max(errors.values(), key=abs)
    yield figure(
        "port-rate-error",
        [abs(worst)],
        "of the rate",
        0.01,
        at_most=True,
        digits=5,
        by_mbps={rate: round(error, 5) for rate, error in errors.items()},
    )


def _achieved() -> float:
    """Bit/s that leave h0 when more is offered."""
    with netns.inside(netns.path_of(LAB, "h0")):
        out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        out.bind(("eth1", 0))
        frame = bytes(12) + b"\x86\xdd\x60" + bytes(FRAME - 15)
        out.settimeout(1.0)
        _push(out, frame, 0.5)
        begin, before = time.perf_counter(), _sent_bytes()
        _push(out, frame, RATE_SECONDS)
        end, after = time.perf_counter(), _sent_bytes()
        out.close()
    return (after - before) * 8 / (end - begin)


def _push(out: socket.socket, frame: bytes, seconds: float) -> None:
    """Keep the port's queue full: the socket's buffer makes the sender wait."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        out.send(frame)


def _sent_bytes() -> int:
    """What the device, behind the shaper, has sent."""
    lines = Path("/proc/thread-self/net/dev").read_text().splitlines()
    return next(int(line.split()[9]) for line in lines if line.strip().startswith("eth1:"))


def port_cost() -> Iterator[Figure]:
    """port-cost: what the program costs a forwarded frame where it counts and passes on.

    Of the speed without program and hook. Pre-built frames over three switches; in one lab, with and without
    in turn, for two labs of the same shape are not equally fast.
    """
    plan = build_plan(load_text(SHAPE.read_text(), str(SHAPE)))
    speeds: dict[bool, list[float]] = {False: [], True: []}
    counted = True
    mrcnet("up", str(SHAPE), "--lab", LAB)
    try:
        for run in range(COST_RUNS):
            for borne in (False, True) if run % 2 else (True, False):
                if borne:
                    portfaults.prepare(plan, LAB, [str(link.a) for link in plan.topology.links])
                else:
                    _unhook(plan)
                speeds[borne].append(blast(plan, LAB, COST_SECONDS))
                counted &= borne == _counts(plan)
    finally:
        mrcnet("down", LAB)
    yield figure(
        "port-cost",
        [1 - mine / other for mine, other in zip(speeds[True], speeds[False], strict=True)],
        "of the speed",
        0.05,
        at_most=True,
        sound=counted,
        bare_pps=[round(speed) for speed in speeds[False]],
        counting_pps=[round(speed) for speed in speeds[True]],
    )


def _unhook(plan: Plan) -> None:
    """Take the program off every port."""
    for node in plan.nodes.values():
        with netns.inside(netns.path_of(LAB, node.name)):
            for port in node.ports:
                index = socket.if_nametoindex(port.name)
                for number in bpf.attached(index):
                    descriptor = bpf.program_by_id(number)
                    bpf.detach(descriptor, index)
                    os.close(descriptor)


def _counts(plan: Plan) -> bool:
    """Whether the program is on all ports and sees the frames."""
    ports = open_ports(LAB)
    first = plan.nodes["h0"].ports[0].name
    return ports is not None and ports.whole and ports.counters()[End("h0", first)].sent > 1_000


@contextmanager
def _lab(text: str) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "topology.yaml"
        file.write_text(text)
        mrcnet("up", str(file), "--lab", LAB)
        try:
            yield
        finally:
            mrcnet("down", LAB)
