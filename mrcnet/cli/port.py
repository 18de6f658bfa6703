"""`mrcnet port`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from mrcnet.cli.command import UsesLab, command, wants_json
from mrcnet.cli.labs import running_plan, the_lab
from mrcnet.cli.output import Answer
from mrcnet.errors import EnvironmentFault, InputError
from mrcnet.kernel import lab
from mrcnet.kernel.ports import LabPorts, open_ports
from mrcnet.plan.model import Plan
from mrcnet.plan.queues import Queue
from mrcnet.plan.target import find_end
from mrcnet.port.model import PortCounters, PortFault
from mrcnet.topology.model import End
from mrcnet.units import format_duration, format_rate, format_size

WATCH_S = 0.2


@command(
    "mrcnet port 4p-2t0-4t1 p0-t0-0:eth5",
    "mrcnet port p0-t0-0:eth5 --watch",
    cls=UsesLab,
)
@click.argument("words", nargs=-1, metavar="[LAB] NODE:PORT")
@click.option("--watch", is_flag=True, help="A line every fifth of a second, until Ctrl-C.")
def port_(words: tuple[str, ...], watch: bool) -> Answer:
    """Show a port: what its queue is told, what it counts, what it holds.

    A port of a lab that is not shaped has no queue, and counts only if a fault has put the program there.
    Rates are fabric ones; thresholds are bytes that a frame finds before it.
    """
    if len(words) not in (1, 2):
        raise click.UsageError("write [LAB] NODE:PORT")
    *lab_name, target = words
    name = the_lab(lab_name[0] if lab_name else None)
    plan = running_plan(name)
    end = find_end(plan, target)
    ports = open_ports(name)
    if ports is None or end not in ports.indices:
        if lacks := lab.degraded(name):
            raise EnvironmentFault(f"{end} has no queue: lab {name!r} goes without {'; '.join(lacks)}")
        raise InputError(
            f"{end} has no queue: lab {name!r} is not shaped",
            remedy="give its topology `ports: {}` and `mrcnet up` it again",
        )
    while watch:
        counted = ports.maps.counters(ports.indices[end])
        live = {"port": str(end), "queue_bytes": ports.backlog(end), "counters": _counters(counted)}
        click.echo(json.dumps(live) if wants_json() else _live(end, ports.backlog(end), counted))
        time.sleep(WATCH_S)
    return _answer(plan, ports, end)


def _counters(counted: PortCounters) -> dict[str, Any]:
    shown = {name: value for name, value in asdict(counted).items() if name not in ("found", "free_at")}
    return {**shown, "mean": round(counted.mean, 1)}


def _live(end: End, backlog: int, counted: PortCounters) -> str:
    return (
        f"{end} holds {format_size(backlog)}: {counted.sent} sent, {counted.marked} marked,"
        f" {counted.trimmed} trimmed, {counted.dropped} dropped"
    )


def _answer(plan: Plan, ports: LabPorts, end: End) -> Answer:
    index, now = ports.indices[end], time.monotonic_ns()
    port = plan.nodes[end.node].port(end.port)
    counted, backlog = ports.maps.counters(index), ports.backlog(end)
    faults = [_fault(fault, now) for fault in ports.maps.faults(index, now)]
    if ports.maps.is_cut(index):
        faults.append({"fault": "cut", "left_s": None})
    data = {
        "port": str(end),
        "peer": f"{port.peer_node}:{port.peer_port}",
        "dilation": plan.topology.dilation,
        "queue": None if port.queue is None else asdict(port.queue),
        "counters": _counters(counted),
        "queue_bytes": backlog,
        "faults": faults,
    }
    rows = [
        ("port", f"{end} to {data['peer']}"),
        ("rate", "as fast as the machine" if port.queue is None else format_rate(port.rate_bps)),
        *(_thresholds(port.queue) if port.queue is not None else ()),
        ("holds", f"{backlog} B; frames found {counted.mean:.0f} B on average, {counted.deepest} B at most"),
        ("sent", f"{counted.sent} frames, {format_size(counted.bytes)}"),
        ("marked", str(counted.marked)),
        ("trimmed", str(counted.trimmed)),
        ("dropped", ", ".join(_drops(counted)) or "0"),
        ("faults", ", ".join(_words(fault) for fault in faults) or "none"),
    ]
    return Answer(data, (f"{name:<9}{value}" for name, value in rows))


def _thresholds(queue: Queue) -> Iterator[tuple[str, str]]:
    if queue.ecn_min is not None:
        yield "ECN", f"from {queue.ecn_min} B to {queue.ecn_max} B"
    if queue.trim is not None:
        yield "trim", f"above {queue.trim} B, to {queue.trim_size} B"
    for name, depth in (("drop", queue.drop), ("control", queue.control_drop)):
        if depth is not None:
            yield name, f"dropped beyond {depth} B"


def _drops(counted: PortCounters) -> Iterator[str]:
    for name, word in (
        ("down", "port down"),
        ("blackhole", "blackhole"),
        ("loss", "loss"),
        ("tail", "tail drop"),
        ("control_tail", "tail drop of control"),
    ):
        if frames := getattr(counted, name):
            yield f"{frames} {word}"


def _fault(fault: PortFault, now: int) -> dict[str, Any]:
    share = round(fault.value / 2**32, 9)
    more = {"share": share} if fault.name == "loss" else {}
    return {
        "fault": fault.name,
        **more,
        "left_s": round((fault.until - now) / 1e9, 3) if fault.until else None,
    }


def _words(fault: dict[str, Any]) -> str:
    share = f" of {100 * fault['share']:g} %" if "share" in fault else ""
    left = f", {format_duration(fault['left_s'] * 1e9)} left" if fault["left_s"] is not None else ""
    return f"{fault['fault']}{share}{left}"
