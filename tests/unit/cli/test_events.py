"""`--events FILE` of traffic and drills."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Run

FABRIC = "name: one\nfabric: {planes: 1, t0: 1, t1: 1, hosts_per_t0: 2}\n"
TRAFFIC = ("traffic", "--on", "sim", "--topo", "one.yaml", "--size", "64KiB")


def test_traffic_writes_its_events(run: Run, tmp_path: Path) -> None:
    """`--events FILE` leaves one JSON object a line, and the answer is what it is without."""
    (tmp_path / "one.yaml").write_text(FABRIC)
    plain = run(*TRAFFIC, "--json").json
    assert plain == run(*TRAFFIC, "--events", "events.jsonl", "--json").json
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert 1 == sum(line["event"] == "message_completed" for line in lines)


def test_two_runs_write_the_same_events(run: Run, tmp_path: Path) -> None:
    """On the simulator the events of one seed are the same bytes each time."""
    (tmp_path / "one.yaml").write_text(FABRIC)
    for name in ("a", "b"):
        run(*TRAFFIC, "--events", name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != b""


def test_events_that_cannot_be_written_are_refused_before_the_run(run: Run, tmp_path: Path) -> None:
    """A file in a folder that does not exist ends the command with 3 and a remedy, before anything runs."""
    (tmp_path / "one.yaml").write_text(FABRIC)
    ran = run(*TRAFFIC, "--events", "no/such/events.jsonl")
    assert 3 == ran.code
    assert "cannot write" in ran.err
    assert "remedy" in ran.err


def test_the_schema_of_a_line_is_printed(run: Run) -> None:
    """`mrcnet schema events` describes every kind of line."""
    kinds = {kind["properties"]["event"]["const"] for kind in run("schema", "events", "--json").json["oneOf"]}
    assert {"ev_changed", "sack_received", "nack_received", "retransmitted", "window_changed"} <= kinds
    assert {"message_completed", "events_forgotten"} <= kinds
