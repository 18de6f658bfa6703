"""The events of a run as JSON lines, and the schema that describes them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mrcnet.mrc.settings import Settings
from mrcnet.sim.run import Sim, SimRun
from mrcnet.workload import station
from mrcnet.workload.eventlog import event_lines, json_schema
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording, record
from tests.unit.plan.fabrics import plan_of

FABRIC = "name: small\nfabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 1}\n"
CUT_AT, END = 2_000_000, 20_000_000


def recording_of(*, trace: bool = True) -> Recording:
    """Two hosts write to each other for 20 ms of virtual time; a link is cut silently after 2 ms."""
    flows = (Flow(0, "h0", "h1", None, 4_096, 20_000_000), Flow(1, "h1", "h0", None, 4_096, 20_000_000))
    knobs = replace(Settings(backup_share=0.0, timeout_exponent=11), trace=trace)
    job = Job("small", plan_of(FABRIC), flows, knobs, 1, 1_000_000)
    run = SimRun(job, Sim())
    run.watch(CUT_AT)
    run.cut("p0-t0-0:p0-t1-1", silent=True)
    run.watch(END)
    run.stop()
    return record(job, run.start_at, [run.finish()])


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in event_lines(recording_of())]


def test_lines_of_all_hosts_are_in_order_of_time(lines: list[dict[str, Any]]) -> None:
    """The hosts' events stand in one file, by fabric time since traffic began."""
    assert {"h0", "h1"} == {line["host"] for line in lines}
    assert sorted(lines, key=lambda line: line["at_ns"]) == lines
    assert 0 <= lines[0]["at_ns"]


def test_a_cut_is_told(lines: list[dict[str, Any]]) -> None:
    """What a silent cut does can be read from the file: loss, EV change, retransmission on another EV."""
    after = [line for line in lines if line["at_ns"] >= CUT_AT and line["host"] == "h0"]
    change = next(line for line in after if line["event"] == "ev_changed")
    lost = next(line for line in after if line["event"] == "packets_lost")
    again = next(line for line in after if line["event"] == "retransmitted")
    assert ("ASSUMED_BAD", lost["cause"]) == (change["new"], change["cause"])
    assert set(again["psn"]) <= set(lost["psn"])
    assert {change["ev"]} == set(lost["ev"])
    assert change["ev"] not in again["ev"]


def test_every_line_is_as_the_schema_says(lines: list[dict[str, Any]]) -> None:
    """A line has exactly the fields that the schema gives its kind, of the types that it gives them."""
    names = {"integer": int, "string": str, "boolean": bool, "array": list, "null": type(None)}
    kinds = {kind["properties"]["event"]["const"]: kind for kind in json_schema()["oneOf"]}
    for line in lines:
        properties = kinds[line["event"]]["properties"]
        assert set(properties) == set(line)
        for name, value in line.items():
            said = properties[name].get("type", "string")
            assert type(value) in [names[one] for one in ([said] if isinstance(said, str) else said)]


def test_a_trace_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host keeps its last events; the first line of each host says how many are forgotten."""
    monkeypatch.setattr(station, "TRACE_MOST", 10)
    whole = recording_of()
    lines = [json.loads(line) for line in event_lines(whole)]
    for host in ("h0", "h1"):
        ours = [line for line in lines if line["host"] == host]
        assert 11 == len(ours)
        assert "events_forgotten" == ours[0]["event"]
        assert ours[0]["count"] > 10


def test_an_untraced_run_tells_nothing() -> None:
    """Without the transport's trace there are no lines, and no event is kept for them."""
    recording = recording_of(trace=False)
    assert [] == list(event_lines(recording))
    assert [] == [trace for report in recording.reports for trace in report.traces]
