"""`mrcnet port`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from mrcnet.api.ports import PlayedFault, PortState
from mrcnet.cli.command import UsesLab, command, wants_json
from mrcnet.cli.labs import attached, the_lab
from mrcnet.cli.output import Answer, silence_stdout
from mrcnet.plan.queues import Queue
from mrcnet.port.model import PortCounters
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
    port = attached(name).port(target)
    try:
        while watch:
            seen = port.look()
            click.echo(json.dumps(_live_data(seen)) if wants_json() else _live(seen))
            time.sleep(WATCH_S)
    except BrokenPipeError:  # who reads has seen enough
        silence_stdout()
    return _answer(port.look())


def _counters(counted: PortCounters) -> dict[str, Any]:
    shown = {name: value for name, value in asdict(counted).items() if name not in ("found", "free_at")}
    return {**shown, "mean": round(counted.mean, 1)}


def _live_data(seen: PortState) -> dict[str, Any]:
    return {"port": seen.port, "queue_bytes": seen.queue_bytes, "counters": _counters(seen.counters)}


def _live(seen: PortState) -> str:
    counted = seen.counters
    return (
        f"{seen.port} holds {format_size(seen.queue_bytes)}: {counted.sent} sent, {counted.marked} marked,"
        f" {counted.trimmed} trimmed, {counted.dropped} dropped"
    )


def _answer(seen: PortState) -> Answer:
    queue, counted = seen.queue, seen.counters
    found = f"frames found {counted.mean:.0f} B on average, {counted.deepest} B at most"
    data = asdict(seen) | {
        "counters": _counters(counted),
        "faults": [_fault(fault) for fault in seen.faults],
    }
    rows = [
        ("port", f"{seen.port} to {seen.peer}"),
        ("rate", "as fast as the machine" if queue is None else format_rate(queue.rate_bps)),
        *(_thresholds(queue) if queue is not None else ()),
        ("holds", f"{seen.queue_bytes} B; {found}"),
        ("sent", f"{counted.sent} frames, {format_size(counted.bytes)}"),
        ("marked", str(counted.marked)),
        ("trimmed", str(counted.trimmed)),
        ("dropped", ", ".join(_drops(counted)) or "0"),
        ("faults", ", ".join(map(_words, seen.faults)) or "none"),
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


def _fault(fault: PlayedFault) -> dict[str, Any]:
    share = {} if fault.share is None else {"share": fault.share}
    return {"fault": fault.fault, **share, "left_s": fault.left_s}


def _words(fault: PlayedFault) -> str:
    share = "" if fault.share is None else f" of {100 * fault.share:g} %"
    left = "" if fault.left_s is None else f", {format_duration(fault.left_s * 1e9)} left"
    return f"{fault.fault}{share}{left}"
