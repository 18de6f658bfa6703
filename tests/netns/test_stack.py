"""The hosts' own TCP and MPTCP over real labs, by iperf3."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import netns
from mrcnet.nic.iperf import demand
from tests.netns.fabric import ALONE, running
from tests.netns.traffic import mrcnet


def lacks(transport: str) -> str:
    """Why this machine cannot run a transport; empty if it can."""
    try:
        demand(transport)
    except EnvironmentFault as fault:
        return f"{fault.message}: {fault.remedy}"
    return ""


pytestmark = [*ALONE, pytest.mark.skipif(bool(lacks("tcp")), reason=lacks("tcp"))]
TEXT = """\
name: small
fabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 1}
defaults: {rate: 200Mbps}
ports: {drop: 32bdp}
"""
NEEDS_MPTCP = pytest.mark.skipif(bool(lacks("mptcp")), reason=lacks("mptcp"))


@pytest.fixture(scope="module")
def lab() -> Iterator[str]:
    """A small fabric of SRv6, with ports of 200 Mb/s."""
    with running(TEXT) as (name, _):
        yield name


def ip(lab: str, *words: str) -> str:
    done = subprocess.run(
        ["ip", "-n", netns.name_of(lab, "h0"), *words], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_tcp_fills_a_port(lab: str) -> None:
    """TCP has one path: a flow's bytes come in one plane, and no port sends more than it may."""
    code, result, _ = mrcnet("traffic", lab, "--hosts", "h0,h1", "--size", "8MiB", "--transport", "tcp")
    assert (0, True, "tcp") == (code, result["verified"], result["transport"])
    assert 8 << 20 == result["bytes"]
    planes = sorted(plane["bytes"] for plane in result["planes"])
    assert planes[0] < 0.01 * planes[1]
    assert "gso_max_segs 65535" in ip(lab, "-d", "link", "show", "eth1")  # as it was


@pytest.mark.parametrize("transport", ["tcp", pytest.param("mptcp", marks=NEEDS_MPTCP)])
@pytest.mark.parametrize("size", [1_000, 65_537, 1 << 20])
def test_a_small_flow_comes_whole(lab: str, transport: str, size: int) -> None:
    """Of flows that are over before the fabric is full every byte comes, and counts."""
    words = ("--pattern", "ring", "--size", str(size), "--message", "64KiB", "--transport", transport)
    code, result, errors = mrcnet("traffic", lab, *words)
    assert (0, [size, size]) == (code, [flow["bytes"] for flow in result["flows"]]), errors
    assert 2 * size <= sum(plane["bytes"] for plane in result["planes"]) + len(result["planes"])  # rounded


@NEEDS_MPTCP
@pytest.mark.parametrize("routing", ["srv6", "ecmp"])
def test_mptcp_has_a_subflow_a_plane(routing: str) -> None:
    """MPTCP makes as many subflows as there are planes; over SRv6 each goes by its own plane."""
    with running(TEXT + f"routing: {routing}\n") as (name, _):
        words = ("traffic", name, "--hosts", "h0,h1", "--duration", "1s", "--transport", "mptcp")
        code, result, errors = mrcnet(*words)
        assert 0 == code, errors
        assert result["verified"]
        if routing == "srv6":
            assert all(plane["bytes"] > 0.2 * result["bytes"] for plane in result["planes"])
        with netns.inside(netns.path_of(name, "h0")):
            joined = counters()
        assert 1 <= joined["MPTcpExt MPJoinAckRx"]
        assert "" == ip(name, "mptcp", "endpoint")


def counters() -> dict[str, int]:
    """The kernel's own count of what MPTCP did in the current namespace."""
    lines = [line.split() for line in Path("/proc/thread-self/net/netstat").read_text().splitlines()]
    pairs = zip(lines[::2], lines[1::2], strict=True)
    return {
        f"{names[0].rstrip(':')} {name}": int(value)
        for names, values in pairs
        for name, value in zip(names[1:], values[1:], strict=True)
    }


def test_what_it_cannot(lab: str) -> None:
    """NSCC and denied links are MRC's, and the simulator has no kernel: exit code 2, and what to do."""
    for words in (("--congestion", "nscc"), ("--deny", "p0-t0-0:p0-t1-0")):
        code, _, errors = mrcnet("traffic", lab, "--transport", "tcp", *words)
        assert 2 == code
        assert words[0] in errors
    code, _, errors = mrcnet("traffic", "--on", "sim", "--topo", "2p-2t0-2t1", "--transport", "mptcp")
    assert (2, True) == (code, "it needs a lab" in errors)


def test_without_iperf3(lab: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without iperf3 is told the command that installs it, with exit code 3."""
    (tmp_path / "ip").symlink_to(str(shutil.which("ip")))
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, errors = mrcnet("traffic", lab, "--transport", "tcp")
    assert 3 == code
    assert "apt-get install iperf3" in errors
