"""What the tests of traffic and drills on real labs share: the command line, run and read as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mrcnet.kernel import netns, state
from mrcnet.plan.model import Plan
from tests.unit.plan.fabrics import ROOT

PAYLOAD = 4_096


def topology(name: str) -> str:
    """The text of a shipped topology."""
    return (ROOT / "topologies" / f"{name}.yaml").read_text(encoding="utf-8")


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "mrcnet.cli.main", *words]


def mrcnet(*words: str) -> tuple[int, Any, str]:
    """Run a command with `--json`: (exit code, the object it printed or None, stderr)."""
    done = subprocess.run(
        command(*words, "--json"), capture_output=True, text=True, timeout=100, check=False, cwd=ROOT
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def start(*words: str) -> subprocess.Popen[str]:
    """Begin a command."""
    return subprocess.Popen(
        command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


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
