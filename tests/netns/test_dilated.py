"""Dilated labs: ports with rates, time that runs slower, books that balance, and a run that dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mrcnet.kernel import delays, faults
from mrcnet.plan.model import Plan
from tests.netns.fabric import ALONE, new_name, running
from tests.netns.traffic import children, mrcnet, start, wait_for

pytestmark = ALONE

TEXT = """\
name: dilated
fabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 1}
dilation: 2000
"""
Lab = tuple[str, Plan]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running(TEXT) as found:
        yield found


def run(name: str, *words: str) -> tuple[int, Any, str]:
    return mrcnet("traffic", name, "--pattern", "pair", "--message", "32KiB", *words)


def test_fabric_and_wall_time(lab: Lab) -> None:
    """A run lasts as much longer as the dilation says; its rates are the fabric's, and no port is faster."""
    code, told, _ = run(lab[0], "--duration", "300us")
    assert (0, True, 2_000) == (code, told["verified"], told["dilation"])
    assert pytest.approx(2_000 * told["seconds"]) == told["wall_seconds"]
    assert 0 < told["goodput_bps"] <= 2 * 100e9
    assert told["fidelity"]["status"] in ("faithful", "unfaithful")


def test_the_books_balance(lab: Lab) -> None:
    """Every frame of a run stands in the books, and every EV's."""
    _, told, _ = run(lab[0], "--duration", "300us")
    books = told["fabric"]
    dropped = sum(drop["frames"] for drop in books["drops"])
    assert books["sent"] == books["delivered"] + dropped + books["in_flight"]
    assert books["sent"] == sum(way["sent"] for way in books["ways"])
    assert [] == told["problems"]


@pytest.mark.parametrize("link", ["p0-t0-0:p0-t1-0", "h0:p0-t0-0"])
def test_losses_have_a_place(lab: Lab, link: str) -> None:
    """Frames that a silently cut port ate stand at that port, once, and the books balance still."""
    name, plan = lab
    faults.cut(plan, name, link, silent=True)
    try:
        code, told, _ = run(name, "--duration", "300us")
    finally:
        faults.heal(plan, name, link)
    assert (0, []) == (code, told["problems"])
    drops = [drop for drop in told["fabric"]["drops"] if drop["place"].startswith(link.partition(":")[0])]
    assert ["blackhole"] == [drop["cause"] for drop in drops]
    assert 0 == told["fidelity"]["overruns"]


def test_a_longer_link(lab: Lab) -> None:
    """A link that was made longer delays every message by that much each way, until it is healed."""
    name, plan = lab
    words = ("--size", "64KiB", "--message", "4KiB", "--rate", "1Gbps")
    _, before, _ = run(name, *words)
    for plane in (0, 1):
        delays.lengthen(plan, name, f"h0:p{plane}-t0-0", 50_000)
    try:
        _, told, _ = run(name, *words)
    finally:
        healed = [delays.shorten(plan, name, f"h0:p{plane}-t0-0") for plane in (0, 1)]
    assert told["flows"][0]["message_ms_median"] >= 0.1
    assert before["flows"][0]["message_ms_median"] < told["flows"][0]["message_ms_median"]
    assert ["heal", "heal"] == [record.fault for record in healed if record]
    assert None is delays.shorten(plan, name, "h0:p0-t0-0")


DRILL = """\
name: {name}
topology: topology.yaml
seed: 8
traffic: {{pattern: pair, message: 16KiB, rate: 40Gbps, duration: 1200us}}
transport: {{backup_share: 0.25}}
actions: [{{at: 400us, do: cut, target: "p0-t0-0:p0-t1-1", silent: true}}]
expect:
  - {{measure: messages_wrong, at_most: 0}}
  - {{measure: evs_hit, at_least: 1}}
  - {{measure: evs_hit, at_most: 1}}
"""


def test_a_drill_in_dilated_time(tmp_path: Path) -> None:
    """One drill file in fabric microseconds says the same on both fabrics: which EV a silent cut takes."""
    (tmp_path / "topology.yaml").write_text(TEXT)
    file = tmp_path / "drill.yaml"
    file.write_text(DRILL.format(name=new_name()))
    kernel = mrcnet("drill", str(file), "--allow-unfaithful")
    virtual = mrcnet("drill", str(file), "--on", "sim")
    assert [(0, "passed"), (0, "passed")] == [(code, told["verdict"]) for code, told, _ in (kernel, virtual)]
    assert 0 < kernel[1]["metrics"]["detection_ms"] < 0.8


def test_a_worker_that_dies(lab: Lab) -> None:
    """Killing a worker in the middle ends the run and says so; the lab carries the next one."""
    name, _ = lab
    process = start("traffic", name, "--pattern", "pair", "--duration", "100ms")
    victim = wait_for(lambda: children(process.pid))[0]
    os.kill(victim, signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert (3, True) == (process.returncode, "a worker died" in said)
    code, told, _ = run(name, "--size", "256KiB")
    assert (0, True) == (code, told["verified"])


def test_up_settles_auto() -> None:
    """`--dilation` comes before what the file says; the lab remembers it, and a second `up` keeps it."""
    name = new_name()
    told = mrcnet("up", "2p-2t0-2t1", "--lab", name, "--dilation", "3000")[1]
    try:
        assert 3_000 == told["dilation"]
        again = mrcnet("up", "2p-2t0-2t1", "--lab", name, "--dilation", "3000")[1]
        assert (3_000, []) == (again["dilation"], again["changes"])
        assert ["up"] == [one["state"] for one in mrcnet("status")[1]["labs"] if one["lab"] == name]
    finally:
        mrcnet("down", name)
