"""scripts/soak in short: half a minute of faults, runs and edits leaves everything as many as it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mrcnet.kernel import lab as labs
from tests.netns.fabric import NEEDS_ROOT, SMALL, bring_up, ip, namespaces, new_name, running
from tests.unit.plan.fabrics import ROOT

pytestmark = NEEDS_ROOT
LINKS = ("p0-t0-1:p0-t1-0", "p1-t0-0:p1-t1-1")


@contextmanager
def soak(minutes: float) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The script under way, with the name of its lab, which is gone afterwards."""
    lab = new_name()
    line = [sys.executable, "scripts/soak", "--minutes", str(minutes), "--lab", lab, "--json"]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as process:
        try:
            yield lab, process
        finally:
            process.kill()
            if lab in labs.labs():
                labs.down(lab)


@pytest.mark.timeout(300)  # three rounds there are, however long they take
def test_half_a_minute_of_it() -> None:
    """Nothing is one more at the end than at the begin, all books balance, no EV is lost without a fault."""
    with soak(0.2) as (lab, process):
        printed, _ = process.communicate()
        *samples, verdict = map(json.loads, printed.splitlines())
        assert [] == verdict["unbalanced"] + verdict["unexplained"] + verdict["troubles"]
        assert [] == [one for one in verdict["growths"] if not one["ok"]]
        assert len(samples) >= 2
        assert (0, "passed") == (process.returncode, verdict["verdict"])
        assert {"soak", "metrics", "capture", "worker 0"} <= samples[-1]["processes"].keys()
        assert verdict["runs"] >= 3 * len(samples)
        assert lab not in labs.labs()
        assert set() == namespaces(lab)


def test_it_is_stopped() -> None:
    """Ctrl-C takes the lab down, and what was until then is judged."""
    with soak(0.2) as (lab, process):
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["namespaces"] == len(namespaces(lab)) > 0
        process.send_signal(signal.SIGINT)
        *_, verdict = map(json.loads, process.stdout.read().splitlines())
        assert verdict["stopped"]
        assert lab not in labs.labs()


def test_links_that_come_and_go_use_no_numbers_up() -> None:
    """Interfaces' numbers are rows of the ports' map: after many edits they reach no further than before."""
    with running() as (lab, plan):

        def numbers() -> set[int]:
            return {link["ifindex"] for node in plan.nodes for link in ip(lab, node, "link")}

        before = numbers()
        for link in LINKS * 2:
            bring_up(lab, SMALL + f'omit: ["{link}"]\n')
            bring_up(lab)
        assert before == numbers()
