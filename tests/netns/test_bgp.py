"""Fabrics that route by FRR on the real kernel: daemons started, converged, watched, gone with the lab."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import daemons, faults, netns, processes
from mrcnet.kernel import lab as labs
from mrcnet.kernel.model import Kind
from mrcnet.plan.model import Plan
from tests.netns.fabric import ALONE, bring_up, new_name, running
from tests.netns.test_ecmp import next_hops
from tests.netns.traffic import mrcnet, start, wait_for

pytestmark = [
    *ALONE,
    pytest.mark.skipif(not (daemons.PROGRAMS / "bgpd").exists(), reason="no FRR: apt-get install frr"),
]
TEXT = """\
name: small
fabric: {planes: 1, t0: 2, t1: 2, hosts_per_t0: 1}
routing: bgp
bgp: {bfd: {interval: 100ms, multiplier: 3}}
"""
TRAFFIC = ("--pattern", "ring", "--message", "16KiB", "--transport", "rocev2x16")


@pytest.fixture(scope="module")
def lab() -> Iterator[tuple[str, Plan]]:
    """A fabric that has converged; each test leaves it so."""
    with running(TEXT) as found:
        yield found


def of_lab(name: str, plan: Plan) -> set[int]:
    """All processes in a lab's namespaces."""
    return set(processes.inhabitants(netns.path_of(name, node) for node in plan.nodes))


def test_learned_as_planned(lab: tuple[str, Plan]) -> None:
    """`up` returns when all kernels have the ways that static routes would be; a second changes nothing."""
    name, plan = lab
    for node in plan.nodes.values():
        planned: dict[str, set[str]] = {}
        for route in node.learned:
            planned.setdefault(route.dst.partition("/")[0], set()).add(route.dev)
        assert planned
        assert planned == {address: next_hops(name, node.name, address) for address in planned}
    before = of_lab(name, plan)
    assert len(daemons.DAEMONS) * len(plan.nodes) == len(before)
    assert bring_up(name, TEXT).changes == ()
    assert before == of_lab(name, plan)


def test_every_byte(lab: tuple[str, Plan]) -> None:
    """RoCEv2 carries every byte over what was learned."""
    code, result, _ = mrcnet("traffic", lab[0], "--size", "1MiB", *TRAFFIC)
    assert (0, True, 2 << 20) == (code, result["verified"], result["bytes"])


def test_a_silent_link_is_found_out(lab: tuple[str, Plan]) -> None:
    """BFD tells of a link that only swallows: the far T0 learns it from afar, and again when it is healed."""
    name, plan = lab
    near, link = plan.nodes["h0"].address, "p0-t0-0:p0-t1-0"
    faults.prepare(plan, name, [link])
    faults.cut(plan, name, link, silent=True)
    wait_for(lambda: next_hops(name, "p0-t0-1", near) == {"eth3"})
    faults.heal(plan, name, link)
    bring_up(name, TEXT)
    assert {"eth2", "eth3"} == next_hops(name, "p0-t0-1", near)


def test_a_daemon_that_dies(lab: tuple[str, Plan]) -> None:
    """The run names it and ends with 3; the next one refuses to begin; `up` starts that one daemon again."""
    name, plan = lab
    words = ("traffic", name, "--duration", "60s", "--rate", "10Mbps", *TRAFFIC)
    run = start(*words)
    wait_for(lambda: list((Path("/run/mrcnet") / f"{name}.runs").glob("*")))
    path = netns.path_of(name, "h0")
    wait_for(lambda: set(processes.inhabitants([path])) and _delivering(name))
    pid = daemons.process_of(name, "p0-t1-1", "bgpd")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    _, errors = run.communicate(timeout=30)
    assert 3 == run.wait(0)
    assert "bgpd of p0-t1-1 died in the middle of the run" in errors
    code, _, errors = mrcnet(*words)
    assert (3, True) == (code, "bgpd of p0-t1-1 does not run" in errors)
    (change,) = bring_up(name, TEXT).changes
    assert (Kind.DAEMON, "p0-t1-1", "bgpd") == (change.kind, change.node, change.what)
    assert len(daemons.DAEMONS) * len(plan.nodes) == len(of_lab(name, plan))


def _delivering(name: str) -> bool:
    """Whether frames of the run come to a host."""
    words = ["ip", "-j", "-s", "-n", netns.name_of(name, "h1"), "link", "show", "eth1"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return int(shown.partition('"rx":')[2].partition('"packets":')[2].partition(",")[0]) > 200


def test_killed_in_the_middle(lab: tuple[str, Plan]) -> None:
    """What a killed `up` had begun is found by its namespace: `up` goes on from there, `down` ends it all."""
    name, plan = lab
    for node in ("h0", "p0-t0-0"):
        for file in daemons.directory_of(name, node).glob("*.pid"):
            file.unlink()
    changes = bring_up(name, TEXT).changes
    assert {"h0", "p0-t0-0"} == {change.node for change in changes}
    assert len(daemons.DAEMONS) * len(plan.nodes) == len(of_lab(name, plan))
    (daemons.directory_of(name, "h1") / "bgpd.pid").unlink()
    everything = of_lab(name, plan)
    labs.down(name)
    assert not [pid for pid in everything if _lives(pid)]
    assert not (daemons.DIRECTORY / name).exists()


def _lives(pid: int) -> bool:
    """Whether a process is there, and not only waits for somebody to take note of its end."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_without_frr(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without FRR is told the command that installs it, before anything is made."""
    monkeypatch.setattr(daemons, "PROGRAMS", tmp_path)
    lab = new_name()
    with pytest.raises(EnvironmentFault, match="needs FRR") as refused:
        bring_up(lab, TEXT)
    assert "apt-get install frr" == refused.value.remedy
    assert lab not in labs.labs()
