"""Fabrics without SRv6 on the real kernel: host prefixes, multipath routes, a hash that chooses."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrcnet.kernel import faults, netns
from mrcnet.plan.model import Plan
from tests.netns.fabric import NEEDS_ROOT, bring_up, ip, running
from tests.netns.traffic import mrcnet, wait_for

pytestmark = NEEDS_ROOT
TEXT = "name: small\nfabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 1}\nrouting: ecmp\n"
MESSAGES = ("--pattern", "ring", "--size", "1MiB", "--message", "16KiB", "--transport")


@pytest.fixture(scope="module")
def lab() -> Iterator[tuple[str, Plan]]:
    """A small fabric without SRv6; each test leaves it whole."""
    with running(TEXT) as found:
        yield found


def next_hops(lab: str, node: str, address: str | None) -> set[str]:
    """The ports of a node's live ways to an address, as `ip -j` has them."""
    ways: set[str] = set()
    for route in ip(lab, node, "-6", "route", "show", f"{address}/128"):
        hops = route.get("nexthops", [route])
        ways |= {hop["dev"] for hop in hops if "dead" not in hop.get("flags", [])}
    return ways


def test_ip_sees_what_is_planned(lab: tuple[str, Plan]) -> None:
    """Each node has the planned next hops to every host, hashes by the 5-tuple, and `up` changes nothing."""
    name, plan = lab
    assert bring_up(name, TEXT).changes == ()
    for node in plan.nodes.values():
        planned: dict[str, set[str]] = {}
        for route in node.routes:
            planned.setdefault(route.dst.partition("/")[0], set()).add(route.dev)
        assert planned == {address: next_hops(name, node.name, address) for address in planned}
        with netns.inside(netns.path_of(name, node.name)):
            assert "1\n" == Path("/proc/sys/net/ipv6/fib_multipath_hash_policy").read_text()


@pytest.mark.parametrize("transport", ["rocev2", "rocev2x16"])
def test_every_byte(lab: tuple[str, Plan], transport: str) -> None:
    """RoCEv2 carries every byte as plain UDP; sixteen QPs are hashed over both planes."""
    code, result, _ = mrcnet("traffic", lab[0], *MESSAGES, transport)
    assert (0, True, 2 << 20) == (code, result["verified"], result["bytes"])
    assert 0 == result["packets"]["lost"]
    if transport == "rocev2x16":
        assert all(plane["bytes"] for plane in result["planes"])


def test_a_dead_hop_comes_back(lab: tuple[str, Plan]) -> None:
    """A loud cut prunes the ways over its link, a heal brings them back, and then all is as planned."""
    name, plan = lab
    far = plan.nodes["h1"].address
    target = "p0-t0-0:p0-t1-0"
    faults.cut(plan, name, target)
    assert {"eth3"} == next_hops(name, "p0-t0-0", far)
    faults.heal(plan, name, target)
    assert {"eth2", "eth3"} == next_hops(name, "p0-t0-0", far)
    assert bring_up(name, TEXT).changes == ()


def test_mended_by_next_hop(lab: tuple[str, Plan]) -> None:
    """A next hop that somebody took out is found, named, and put back; one that is too many goes."""
    name, plan = lab
    far = plan.nodes["h1"].address
    inside = ["ip", "-n", netns.name_of(name, "p0-t0-0"), "-6", "route"]
    subprocess.run([*inside, "del", f"{far}/128", "via", "fe80::b", "dev", "eth3"], check=True)
    (change,) = bring_up(name, TEXT).changes
    assert f"{far}/128 ecmp via fe80::b dev eth3" == change.what
    more = ["append", f"{far}/128", "via", "fe80::a", "dev", "eth1", "proto", "77", "metric", "1024"]
    subprocess.run([*inside, *more], check=True)
    (change,) = bring_up(name, TEXT).changes
    assert ("remove", "eth1") == (change.op, change.what.split()[-1])
    assert {"eth2", "eth3"} == next_hops(name, "p0-t0-0", far)


def test_mrc_is_refused(lab: tuple[str, Plan]) -> None:
    """MRC chooses its paths and finds none here: exit code 2, and what to do."""
    code, _, words = mrcnet("traffic", lab[0], "--size", "64KiB")
    assert 2 == code
    assert "mrc needs paths that the sender chooses" in words
    assert "routing: srv6" in words


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed: apt-get install tshark")
def test_tshark_reads_the_wire(lab: tuple[str, Plan], tmp_path: Path) -> None:
    """What a T0 sees of RoCEv2 is IPv6, UDP 4791 and InfiniBand's headers, nothing of it malformed."""
    name, plan = lab
    file = tmp_path / "wire.pcapng"
    inside = ["ip", "netns", "exec", netns.name_of(name, "p0-t0-0")]
    dump = subprocess.Popen(
        [*inside, "dumpcap", "-q", "-i", "eth1", "-f", "udp port 4791", "-w", str(file)],
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: file.exists() and file.stat().st_size)
        assert 0 == mrcnet("traffic", name, *MESSAGES, "rocev2x16")[0]
    finally:
        dump.terminate()
        dump.wait(timeout=10)
    fields = ("ipv6.dst", "udp.dstport", "infiniband.bth.opcode", "_ws.malformed", "_ws.expert.severity")
    options = [word for field in fields for word in ("-e", field)]
    read = subprocess.run(
        ["tshark", "-o", "udp.ignore_ipv6_zero_checksum:TRUE", "-r", str(file), "-T", "fields", *options],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    seen = [line.split("\t") for line in read.stdout.splitlines()]
    assert {plan.nodes["h0"].address, plan.nodes["h1"].address} == {line[0] for line in seen}
    assert {("4791", "", "")} == {(line[1], line[3], line[4]) for line in seen}
    assert {"6", "7", "8", "17"} <= {line[2] for line in seen}
