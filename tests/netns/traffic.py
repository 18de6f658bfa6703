"""What the tests of traffic and drills on real labs share: the command line, run and read as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mrcnet.kernel import netns, state
from mrcnet.plan.model import Plan
from tests.netns.forked import Forked
from tests.unit.plan.fabrics import ROOT

PAYLOAD = 4_096


def topology(name: str) -> str:
    """The text of a shipped topology."""
    return (ROOT / "topologies" / f"{name}.yaml").read_text(encoding="utf-8")


def mrcnet(*words: str) -> tuple[int, Any, str]:
    """Run a command with `--json`: (exit code, the object it printed or None, stderr)."""
    with start(*words, "--json") as process:
        printed, complaint = process.communicate(timeout=100)
    return process.wait(0), json.loads(printed) if printed else None, complaint


def start(*words: str) -> Forked:
    """Begin a command."""
    return Forked(words)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def wait_for(done: Callable[[], Any], patience_s: float = 30.0) -> Any:
    """What `done` gives as soon as it is true. Fails the test if that takes too long."""
    deadline = time.monotonic() + patience_s
    while not (found := done()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def shields(lab: str, plan: Plan) -> list[str]:
    """The host ports with an ingress filter, as `tc` shows them; a port that is gone has none."""
    found = []
    for host in plan.hosts:
        for port in plan.nodes[host].ports:
            words = ["tc", "-n", netns.name_of(lab, host), "filter", "show", "dev", port.name, "ingress"]
            if subprocess.run(words, capture_output=True, check=False).stdout:
                found.append(f"{host}:{port.name}")
    return found


def runs(lab: str) -> list[str]:
    """The registered runs of a lab."""
    directory = state.runs_directory(lab)
    return os.listdir(directory) if directory.exists() else []


def sending(pid: int, lab: str, plan: Plan) -> Callable[[], list[int]]:
    """Asks whether a run has begun to send: then the ids of its workers."""
    port = plan.nodes["h0"].ports[0].name
    words = ["ip", "-j", "-s", "-n", netns.name_of(lab, "h0"), "link", "show", port]

    def sent() -> int:
        shown = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
        return int(shown[0]["stats64"]["tx"]["packets"])

    before = sent()
    return lambda: children(pid) if sent() > before + 100 else []
