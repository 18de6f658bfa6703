"""What the tests of real labs share: small fabrics, labs of their own names, a question over UDP."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mrcnet.kernel import lab as labs
from mrcnet.kernel import netns
from mrcnet.kernel.lab import UpResult
from mrcnet.plan.model import Plan
from tests.unit.plan.fabrics import plan_of

NEEDS_ROOT = [pytest.mark.netns, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
ALONE = [*NEEDS_ROOT, pytest.mark.alone]  # what it measures, others beside it would change
SMALL = "name: small\nfabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}\n"
PORT = 7007
_numbers = itertools.count()


def new_name() -> str:
    """A lab's name that no other test run uses."""
    return f"kt{os.getpid()}-{next(_numbers)}"


def bring_up(lab: str, text: str = SMALL, **options: bool) -> UpResult:
    """`up` of a topology given as text."""
    return labs.up(plan_of(text), lab, "small.yaml", text, **options)


@contextmanager
def running(text: str = SMALL) -> Iterator[tuple[str, Plan]]:
    """A lab of its own name, gone after the block."""
    lab = new_name()
    bring_up(lab, text)
    try:
        yield lab, plan_of(text)
    finally:
        if lab in labs.labs():
            labs.down(lab)


def ip(lab: str, node: str, *words: str) -> Any:
    """What `ip -j` says inside a node: the independent witness."""
    command = ["ip", "-j", "-d", "-n", netns.name_of(lab, node), *words]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout or "[]")


def namespaces(lab: str) -> set[str]:
    """The lab's namespaces as `ip netns list` shows them."""
    listed = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout
    return {line.split()[0] for line in listed.splitlines() if line.startswith(f"mrcnet-{lab}-")}


def arrives(lab: str, plan: Plan, src: str, dst: str, plane: int = 0, patience_s: float = 0.3) -> bool:
    """Whether a datagram from `src` reaches `dst` in a plane, by the hosts' own encap and decap."""
    near, far = (plan.nodes[host].ports[plane].addresses[0].partition("/")[0] for host in (src, dst))
    with netns.inside(netns.path_of(lab, dst)):
        there = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with netns.inside(netns.path_of(lab, src)):
        here = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with there, here:
        there.bind((far, PORT))
        there.settimeout(patience_s)
        here.bind((near, 0))
        try:
            here.sendto(b"mrc", (far, PORT))
            return there.recvfrom(16)[0] == b"mrc"
        except OSError:  # no route, or nothing came
            return False
