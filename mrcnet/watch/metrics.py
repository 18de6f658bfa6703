"""A look at a lab in Prometheus' text format, version 0.0.4. Pure.

Prometheus' own clock is wall time; `mrcnet_run_fabric_seconds_total` is what to divide by for rates of the
fabric.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from mrcnet.watch.model import LabSeen, PortSeen, Queue

_QUEUES: tuple[tuple[str, str, str, Callable[[Queue], int]], ...] = (
    (
        "mrcnet_port_marked_frames_total",
        "counter",
        "Frames that a port marked (ECN).",
        lambda q: q.marked,
    ),
    ("mrcnet_port_trimmed_frames_total", "counter", "Frames that a port trimmed.", lambda q: q.trimmed),
    ("mrcnet_port_queue_bytes", "gauge", "Bytes that a port holds, by its model.", lambda q: q.backlog),
)
_TRAFFIC: tuple[tuple[str, str, Callable[[PortSeen], int]], ...] = (
    ("mrcnet_port_sent_frames_total", "Frames that left a port.", lambda p: p.traffic.sent),
    ("mrcnet_port_sent_bytes_total", "Bytes that left a port.", lambda p: p.traffic.sent_bytes),
    ("mrcnet_port_received_frames_total", "Frames that came in.", lambda p: p.traffic.received),
    ("mrcnet_port_received_bytes_total", "Bytes that came in.", lambda p: p.traffic.received_bytes),
)
Sample = tuple[dict[str, str], float]


def exposition(seen: LabSeen) -> str:
    """The text, newline at its end."""
    return "".join(line + "\n" for line in _lines(seen))


def _lines(seen: LabSeen) -> Iterator[str]:
    lab = {"lab": seen.lab}
    yield from _family("mrcnet_dilation", "gauge", "Wall time over fabric time.", [(lab, seen.dilation)])
    for name, text, of in _TRAFFIC:
        yield from _family(name, "counter", text, ((_port(seen, port), of(port)) for port in seen.ports))
    queues = [(_port(seen, port), port.queue) for port in seen.ports if port.queue is not None]
    for name, kind, text, of_queue in _QUEUES:
        yield from _family(name, kind, text, ((labels, of_queue(queue)) for labels, queue in queues))
    yield from _family(
        "mrcnet_port_dropped_frames_total",
        "counter",
        "Frames that a port dropped, by cause.",
        ((labels | {"cause": cause}, frames) for labels, queue in queues for cause, frames in queue.drops),
    )
    yield from _family(
        "mrcnet_port_fault",
        "gauge",
        "1 while a port plays a fault.",
        ((labels | {"fault": fault}, 1) for labels, queue in queues for fault in queue.faults),
    )
    yield from _runs(seen)


def _runs(seen: LabSeen) -> Iterator[str]:
    runs = [({"lab": seen.lab, "run": str(pid)}, pulse) for pid, pulse in seen.runs]
    yield from _family(
        "mrcnet_run_fabric_seconds_total",
        "counter",
        "Fabric time since a run's traffic began.",
        ((labels, max(pulse.at, 0) / 1e9) for labels, pulse in runs),
    )
    yield from _family(
        "mrcnet_run_delivered_bytes_total",
        "counter",
        "Payload bytes that arrived, by plane: goodput over time.",
        (
            (labels | {"plane": str(plane)}, delivered)
            for labels, pulse in runs
            for plane, delivered in enumerate(pulse.delivered)
        ),
    )
    yield from _family(
        "mrcnet_run_qps",
        "gauge",
        "Sending QPs that are not done.",
        ((labels, pulse.qps) for labels, pulse in runs),
    )
    yield from _family(
        "mrcnet_run_evs",
        "gauge",
        "QPs that have an EV in a state; OUT: its plane is withdrawn.",
        (
            (labels | {"ev": f"{ev.ev:#010x}", "plane": str(ev.plane), "state": state}, qps)
            for labels, pulse in runs
            for ev in pulse.evs
            for state, qps in ev.by_state
        ),
    )
    yield from _family(
        "mrcnet_run_events_total",
        "counter",
        "Events that end points told, by kind.",
        (
            (labels | {"event": re.sub(r"(?<!^)([A-Z])", r"_\1", kind).lower()}, count)
            for labels, pulse in runs
            for kind, count in pulse.counts
        ),
    )


def _port(seen: LabSeen, port: PortSeen) -> dict[str, str]:
    return {
        "lab": seen.lab,
        "node": port.end.node,
        "port": port.end.port,
        "peer": port.peer,
        "plane": str(port.plane),
    }


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        told = ",".join(f'{label}="{_escaped(word)}"' for label, word in labels.items())
        yield f"{name}{{{told}}} {value}"


def _escaped(word: str) -> str:
    return word.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
