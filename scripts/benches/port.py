"""A port's rate, what its program costs, and whether its counters are what the sender sees."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

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
RATE_RUNS = 5
RATE_SECONDS = 2.0
FRAME = 4_238
COST_SECONDS = 2.0
COST_RUNS = 7
AGREEMENT_RUNS = 3


def port_rate_error() -> Iterator[Figure]:
    """port-rate-error: how far a port's rate is from the configured one, from 10 Mb/s to 1 Gb/s, the worst.

    Frames of 4 238 B are forced on a host's port; its own byte counter is read twice, some seconds apart.
    """
    errors: dict[int, list[float]] = {rate: [] for rate in RATES}
    for rate in RATES * RATE_RUNS:
        text = (
            "name: rate\nfabric: {planes: 1, t0: 1, t1: 0, hosts_per_t0: 2}\n"
            f"defaults: {{rate: {rate}Mbps}}\nports: {{}}\n"
        )
        with _lab(text):
            errors[rate].append(_achieved() / (rate * 1e6) - 1)
    worst = max(errors.values(), key=lambda found: abs(median(found)))
    yield figure(
        "port-rate-error",
        [abs(error) for error in worst],
        "of the rate",
        0.01,
        at_most=True,
        digits=5,
        by_mbps={rate: [round(error, 5) for error in found] for rate, found in errors.items()},
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


def mark_trim_agreement() -> Iterator[Figure]:
    """mark-trim-agreement: frames that ports marked or trimmed, less the m bits and NACKs that senders saw.

    Over a shaped 7:1 incast. Only the last hop marks, so that no frame is trimmed after its mark, and what
    trimming leaves is longer than a probe, which nobody would answer with a NACK.
    """
    text = (
        "name: incast\nfabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 4}\ndilation: 5000\n"
        "ports: {trim_size: 138, ecn: off, roles: {t0-down: {ecn: on}}}\n"
    )
    found: list[tuple[int, int, int, int]] = []
    sound = True
    with _lab(text), tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.jsonl"
        words = ("--pattern", "incast", "--size", "2MiB", "--congestion", "nscc", "--events", str(events))
        for seed in range(1, AGREEMENT_RUNS + 1):
            run = mrcnet("traffic", LAB, *words, "--seed", str(seed), check=False)
            ports = run["fabric"]["ports"]
            seen = Counter(map(_seen, events.read_text().splitlines()))
            marked, trimmed = (sum(port[name] for port in ports) for name in ("marked", "trimmed"))
            found.append((marked, seen["mark"], trimmed, seen["nack"]))
            sound &= run["verified"] and not run["ring_drops"] and marked > 0 and trimmed > 0
    yield figure(
        "mark-trim-agreement",
        [abs(marked - marks) + abs(trimmed - nacks) for marked, marks, trimmed, nacks in found],
        "frames",
        0,
        at_most=True,
        sound=sound,
        marked_marks_trimmed_nacks=found,
    )


def _seen(line: str) -> str:
    """What an event says of a frame of the sender's."""
    event = json.loads(line)
    if event["event"] == "sack_received" and event["mark"] == "SKIP_ONCE":
        return "mark"
    return "nack" if event.get("reason") in ("TRIMMED", "TRIMMED_LASTHOP") else ""


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
