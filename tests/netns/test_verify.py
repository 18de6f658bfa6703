"""verify on a real lab, whole and broken in known ways; what must fail is worked out from the plan."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import lab as labs
from mrcnet.kernel.faults import cut, heal
from mrcnet.kernel.netns import inside, path_of
from mrcnet.plan.paths import paths
from mrcnet.verify.model import VerifyResult
from mrcnet.verify.probes import MAGIC, probe_port
from mrcnet.verify.run import verify
from tests.unit.plan.fabrics import ROOT, shipped

pytestmark = [pytest.mark.netns, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

SHAPE = "2p-2t0-2t1"
LAB = f"vt{os.getpid()}"
PLAN = shipped(SHAPE)
Key = tuple[str, str, int]  # src, dst, EV


@pytest.fixture
def lab() -> Iterator[str]:
    """A fresh lab for each test, gone after it."""
    source = ROOT / "topologies" / f"{SHAPE}.yaml"
    labs.up(PLAN, LAB, source.name, source.read_text(encoding="utf-8"))
    try:
        yield LAB
    finally:
        labs.down(LAB)


def ip(lab: str, node: str, command: str, program: str = "ip") -> None:
    """Meddle with a node by hand."""
    subprocess.run([program, "-n", f"mrcnet-{lab}-{node}", *command.split()], check=True)


def t0(host: str, plane: int) -> str:
    """The switch on which a host hangs in a plane."""
    return next(port.peer_node for port in PLAN.nodes[host].ports if port.plane == plane)


@dataclass(frozen=True)
class Way:
    """A path in the words of the fabric: its ends, and its EV taken apart."""

    src: str
    dst: str
    plane: int
    uplink: int

    @property
    def t0s(self) -> tuple[str, str]:
        return t0(self.src, self.plane), t0(self.dst, self.plane)

    def climbs(self, plane: int, uplink: int) -> bool:
        """Whether it goes up to that T1."""
        return (self.plane, self.uplink) == (plane, uplink) and self.t0s[0] != self.t0s[1]


def expect(where: Callable[[Way], str | None]) -> dict[Key, str]:
    """Every path for which `where` names a node, and that node."""
    return {
        (src, dst, path.ev): node
        for src in PLAN.hosts
        for dst in PLAN.hosts
        for path in paths(PLAN, src, dst)
        if (node := where(Way(src, dst, path.plane, path.ev & 0xFFFF))) is not None
    }


def stops(result: VerifyResult) -> dict[Key, str]:
    return {(each.src, each.dst, each.ev): each.stopped_at for each in result.failed}


def across_the_link(way: Way) -> str | None:
    """Where packets stop when p0-t0-0 and p0-t1-1 are parted."""
    if not way.climbs(0, 2):
        return None
    return "p0-t0-0" if way.t0s[0] == "p0-t0-0" else "p0-t1-1"


def to_h3_in_plane_1(way: Way) -> str | None:
    """Where packets stop when h3 does not decapsulate in plane 1."""
    return "h3" if (way.dst, way.plane) == ("h3", 1) else None


def off_plane_1(host: str) -> Callable[[Way], str | None]:
    """Where packets stop when a host has lost its link of plane 1."""

    def where(way: Way) -> str | None:
        if way.plane != 1 or host not in (way.src, way.dst):
            return None
        return host if host == way.src else way.t0s[1]

    return where


def test_a_whole_lab_passes(lab: str) -> None:
    """All 48 paths are proved, all of them were watched hop by hop, and progress ends at 48 of 48."""
    seen: list[tuple[int, int]] = []
    result = verify(lab, PLAN, sample=100, progress=lambda done, total: seen.append((done, total)))
    assert () == result.failed
    assert (48, 48, True) == (result.paths, result.sampled, result.ok)
    assert (48, 48) == seen[-1]


def test_removed_un_at_a_t1(lab: str) -> None:
    """Without its uN a T1 stops the EVs of its uplink, between hosts of different T0s, and no other."""
    ip(lab, "p0-t1-0", "-6 route del fcbb:bb00:4001::/48")
    result = verify(lab, PLAN)
    wanted = expect(lambda way: "p0-t1-0" if way.climbs(0, 1) else None)
    assert wanted == stops(result)
    assert not result.ok
    assert "was not forwarded to" in result.failed[0].reason


def test_removed_un_at_a_t0(lab: str) -> None:
    """Without its uN a T0 stops all that begins or ends at its hosts in that plane."""
    ip(lab, "p1-t0-1", "-6 route del fcbb:bb00:2402::/48")
    wanted = expect(lambda way: "p1-t0-1" if way.plane == 1 and "p1-t0-1" in way.t0s else None)
    assert wanted == stops(verify(lab, PLAN))


def test_removed_forward_route_at_a_t1(lab: str) -> None:
    """A T1 that does not know one T0 stops only what goes there through it."""
    ip(lab, "p0-t1-0", "-6 route del fcbb:bb00:2001::/48")
    wanted = expect(lambda way: "p0-t1-0" if way.climbs(0, 1) and way.t0s[1] == "p0-t0-0" else None)
    assert wanted == stops(verify(lab, PLAN))


def test_removed_decap_at_a_host(lab: str) -> None:
    """A host that does not decapsulate in a plane is named for all that is sent to it there."""
    ip(lab, "h3", "-6 route del fcbb:bb00:6402::/48")
    result = verify(lab, PLAN)
    assert expect(to_h3_in_plane_1) == stops(result)
    assert "was not decapsulated and delivered" in result.failed[0].reason


def test_loud_cut(lab: str) -> None:
    """With both ends of a link down, packets stop at the switch before it, whichever side they come from."""
    port = next(port for port in PLAN.nodes["p0-t0-0"].ports if port.peer_node == "p0-t1-1")
    ip(lab, "p0-t0-0", f"link set {port.name} down")
    ip(lab, "p0-t1-1", f"link set {port.peer_port} down")
    assert expect(across_the_link) == stops(verify(lab, PLAN))


def test_silent_cut(lab: str) -> None:
    """The same when carrier stays and both ports drop all that they are to send."""
    port = next(port for port in PLAN.nodes["p0-t0-0"].ports if port.peer_node == "p0-t1-1")
    for node, name in (("p0-t0-0", port.name), ("p0-t1-1", port.peer_port)):
        ip(lab, node, f"qdisc add dev {name} root tbf rate 1kbit burst 10 limit 10", program="tc")
    assert expect(across_the_link) == stops(verify(lab, PLAN))


@pytest.mark.parametrize("silent", [False, True], ids=["loud", "silent"])
def test_fault_and_heal(lab: str, silent: bool) -> None:
    """A fault made by mrcnet itself breaks just the paths over its link, and healed, breaks none."""
    cut(PLAN, lab, "p0-t0-0:p0-t1-1", silent=silent)
    assert expect(across_the_link) == stops(verify(lab, PLAN))
    heal(PLAN, lab, "p0-t0-0:p0-t1-1")
    assert () == verify(lab, PLAN).failed


def test_cut_host_link(lab: str) -> None:
    """A host without its link in a plane: what it sends never leaves, what it should get stops at its T0."""
    ip(lab, "h2", "link set eth2 down")
    result = verify(lab, PLAN)
    wanted = expect(off_plane_1("h2"))
    assert wanted == stops(result)
    assert {"never left h2 by eth2"} == {each.reason for each in result.failed if each.src == "h2"}


def test_missing_port(lab: str) -> None:
    """A link that was deleted by hand is no crash: the paths over it are named."""
    ip(lab, "h0", "link del eth2")
    wanted = expect(off_plane_1("h0"))
    assert wanted == stops(verify(lab, PLAN))


def test_swapped_cables(lab: str) -> None:
    """A host whose two cables are swapped gets packets by the wrong ports, and sends into the void."""
    for old, new in (("eth1", "spare"), ("eth2", "eth1"), ("spare", "eth2")):
        ip(lab, "h3", f"link set {old} name {new}")
    result = verify(lab, PLAN)
    assert expect(lambda way: "h3" if "h3" in (way.src, way.dst) else None) == stops(result)
    reasons = {(each.dst == "h3", each.plane): each.reason for each in result.failed}
    assert {
        (True, 0): "came in by h3:eth2, not by h3:eth1",
        (True, 1): "came in by h3:eth1, not by h3:eth2",
        (False, 0): "left h3 by eth1, never arrived at p0-t0-1",
        (False, 1): "left h3 by eth2, never arrived at p1-t0-1",
    } == reasons


def test_detour_is_seen(lab: str) -> None:
    """Packets that arrive, but through another T1 than their EV names, fail when they are watched."""
    ip(lab, "p0-t0-0", "-6 route replace fcbb:bb00:4001::/48 via fe80::b dev eth4")
    usid = "encap seg6local action End flavors next-csid lblen 32 nflen 16 dev sr0"
    ip(lab, "p0-t1-1", f"-6 route add fcbb:bb00:4001::/48 {usid}")
    result = verify(lab, PLAN, sample=48)
    wanted = expect(lambda way: "p0-t1-1" if way.climbs(0, 1) and way.t0s[0] == "p0-t0-0" else None)
    assert wanted == stops(result)
    assert {"came by p0-t1-1, which is not on its walk"} == {each.reason for each in result.failed}


def test_wrong_turn_is_named(lab: str) -> None:
    """A node that passes packets to the wrong neighbour is the one named, and so is the neighbour."""
    ip(lab, "p0-t0-0", "-6 route replace fcbb:bb00:4001::/48 via fe80::b dev eth4")
    result = verify(lab, PLAN)
    assert {"p0-t0-0"} == set(stops(result).values())
    assert {"p0-t0-0 passed it to p0-t1-1 (by eth4), not to p0-t1-0"} == {f.reason for f in result.failed}


def test_faulty_plan(lab: str) -> None:
    """Paths that the plan itself leads nowhere fail, though the lab, made by a better plan, has them."""
    node = PLAN.nodes["p0-t1-0"]
    routes = tuple(route for route in node.routes if route.dst != "fcbb:bb00:2001::/48")
    worse = replace(PLAN, nodes={**PLAN.nodes, node.name: replace(node, routes=routes)})
    result = verify(lab, worse)
    wanted = expect(lambda way: "p0-t1-0" if way.climbs(0, 1) and way.t0s[1] == "p0-t0-0" else None)
    assert wanted == stops(result)
    assert {"the plan itself does not lead there"} == {
        each.reason.partition(":")[0] for each in result.failed
    }


def test_strangers_packets_prove_nothing(lab: str) -> None:
    """A stranger who sends look-alikes for every path to a host's probe port mends no broken path."""
    ip(lab, "h3", "-6 route del fcbb:bb00:6402::/48")
    address = PLAN.nodes["h3"].port("eth2").addresses[0].removesuffix("/128")
    with inside(path_of(lab, "h3")):
        stranger = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    done = threading.Event()

    def chatter() -> None:
        while not done.wait(0.005):
            for index in range(48):
                alike = MAGIC + bytes(8) + index.to_bytes(4, "big") + bytes(12)
                for payload in (alike, alike + b"\0", alike[:9], b""):
                    try:
                        stranger.sendto(payload, (address, probe_port(PLAN)))
                    except ConnectionRefusedError:
                        continue  # nobody listens yet

    talker = threading.Thread(target=chatter)
    talker.start()
    try:
        result = verify(lab, PLAN)
    finally:
        done.set()
        talker.join()
        stranger.close()
    assert expect(to_h3_in_plane_1) == stops(result)


def test_all_paths_broken_still_ends(lab: str) -> None:
    """When no host has a port up, every path is named, at its source."""
    for host in PLAN.hosts:
        for port in PLAN.nodes[host].ports:
            ip(lab, host, f"link set {port.name} down")
    result = verify(lab, PLAN)
    assert expect(lambda way: way.src) == stops(result)
    assert 0 == result.sampled


def test_missing_node(lab: str) -> None:
    """A lab that lacks a namespace is refused with its name and a remedy."""
    subprocess.run(["ip", "netns", "del", f"mrcnet-{lab}-p0-t1-0"], check=True)
    with pytest.raises(EnvironmentFault, match=r"lacks 1 of its 12 nodes: p0-t1-0\n  remedy: .*mrcnet up"):
        verify(lab, PLAN)


def test_taken_probe_port(lab: str) -> None:
    """If something else has the probe port, verify says on which host, and leaves no socket behind."""
    with inside(path_of(lab, "h2")):
        other = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with other:
        other.bind(("::", probe_port(PLAN)))
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(EnvironmentFault, match=rf"UDP port \d+ of h2 in lab {lab} is taken"):
            verify(lab, PLAN)
        assert before == len(os.listdir("/proc/self/fd"))
    assert verify(lab, PLAN).ok
