"""The events of a run as JSON lines, all hosts in order of time, and the schema of a line. Pure.

A line is one record of `mrcnet.mrc.events`: its fields, its kind as `event`, the host that told it, and
`at_ns`, fabric time since traffic began. EVs stand there by value.
"""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, get_args

import numpy as np

from mrcnet.mrc.events import Event
from mrcnet.workload.report import Traced
from mrcnet.workload.summary import Recording

_FORGOTTEN = "events_forgotten"  # the kind of a host's first line, if its trace does not go back further
_TYPES: dict[str, dict[str, Any]] = {
    "int": {"type": "integer"},
    "int | None": {"type": ["integer", "null"]},
    "str": {"type": "string"},
    "bool": {"type": "boolean"},
}
_COLUMN = {"type": "array", "items": {"type": "integer"}}
_NAMES = {"sent_at": "sent_at_ns", "rtt": "rtt_ns"}  # fields of time say their unit in a file
_HEAD = {"at_ns": {"type": "integer"}, "host": {"type": "string"}}


def event_lines(recording: Recording) -> Iterator[str]:
    """One JSON object a line, oldest first. Empty if the run was not traced."""
    values = {
        flow.src_qpn: [row.ev for row in recording.sources[flow.number].evs] for flow in recording.job.flows
    }
    traces = [trace for report in recording.reports for trace in report.traces]
    streams = [_lines(trace, values, recording.start_at) for trace in traces]
    for _, line in heapq.merge(*streams, key=lambda pair: pair[0]):
        yield json.dumps(line)


def _lines(trace: Traced, values: dict[int, list[int]], start: int) -> Iterator[tuple[int, dict[str, Any]]]:
    if trace.forgotten:
        at = trace.events[0].at - start
        yield at, {"at_ns": at, "host": trace.host, "event": _FORGOTTEN, "count": trace.forgotten}
    for event in sorted(trace.events, key=lambda event: event.at):
        at = event.at - start
        line = {"at_ns": at, "host": trace.host, "event": kind_of(type(event))}
        for field in fields(event):
            if field.name != "at":
                value = _plain(field.name, getattr(event, field.name), values.get(event.qpn, []), start)
                line[_NAMES.get(field.name, field.name)] = value
        yield at, line


def _plain(name: str, value: Any, evs: list[int], start: int) -> Any:
    """A field as JSON has it; a column of EV indices becomes one of EVs, instants count from the start."""
    if not isinstance(value, np.ndarray):
        return value
    if name == "ev":
        return [evs[number] for number in value.tolist()]
    if name == "sent_at":
        return (value - start).tolist()
    return value.tolist()


def kind_of(record: type) -> str:
    """EvChanged -> ev_changed."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", record.__name__).lower()


def json_schema() -> dict[str, Any]:
    """The JSON Schema of one line of an events file."""
    kinds = [
        _kind(
            kind_of(record),
            {
                _NAMES.get(field.name, field.name): _TYPES.get(str(field.type), _COLUMN)
                for field in fields(record)
                if field.name != "at"
            },
            (record.__doc__ or "").partition("\n")[0],
        )
        for record in get_args(Event)
    ]
    kinds.append(
        _kind(_FORGOTTEN, {"count": {"type": "integer"}}, "So many older events of the host are lost.")
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "a line of an mrcnet events file",
        "oneOf": kinds,
    }


def _kind(name: str, own: dict[str, Any], text: str) -> dict[str, Any]:
    properties = {**_HEAD, "event": {"const": name}, **own}
    return {
        "description": text,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
