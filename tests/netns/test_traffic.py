"""Traffic over real labs: patterns, cut links, unequal fabrics, strangers' frames, wrong bytes."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import netns
from mrcnet.mrc.settings import Settings
from mrcnet.nic.claim import claim
from mrcnet.nic.traffic import run_traffic
from mrcnet.plan.model import Plan
from mrcnet.workload.ends import Sink
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.patterns import PATTERNS
from mrcnet.workload.summary import summarise
from tests.netns.fabric import NEEDS_ROOT, ip, running
from tests.netns.traffic import PAYLOAD, mrcnet, shields, topology

pytestmark = NEEDS_ROOT
SIZE = 256 << 10  # 64 packets, a multiple of any number of planes here
Lab = tuple[str, Plan]


@pytest.fixture(scope="module", params=["2p-2t0-2t1", "4p-2t0-4t1"])
def each(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Labs of two shapes that the tests only send over."""
    with running(topology(request.param)) as (name, plan):
        yield name, plan


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A small lab that the tests only send over."""
    with running(topology("2p-2t0-2t1")) as (name, plan):
        yield name, plan


@pytest.fixture
def small() -> Iterator[Lab]:
    """A small lab for one test, to be broken."""
    with running(topology("2p-2t0-2t1")) as (name, plan):
        yield name, plan


def job_of(lab: Lab, *pairs: tuple[str, str], size: int = 1 << 20) -> Job:
    """Flows for tests that look inside a run."""
    name, plan = lab
    flows = tuple(Flow(n, src, dst, size, 16 << 10, None) for n, (src, dst) in enumerate(pairs))
    return Job(name, plan, flows, Settings(), 1, 1_000_000)


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_patterns(each: Lab, pattern: str) -> None:
    """Every byte of every pattern arrives and is right; books balance; planes carry the same within 2 %."""
    name, plan = each
    code, told, complaint = mrcnet("traffic", name, "--pattern", pattern, "--size", str(SIZE))
    hosts = len(plan.hosts)
    many = {"pair": 1, "ring": hosts, "permutation": hosts, "incast": hosts - 1}
    flows = many.get(pattern, hosts * (hosts - 1))
    assert (0, "") == (code, complaint)
    assert told["verified"]
    assert flows * SIZE == told["bytes"]
    books = told["packets"]
    assert books["sent"] == books["delivered"] + books["duplicates"] + books["lost"]
    assert flows * SIZE // PAYLOAD == books["delivered"] == books["sent"] - books["retransmitted"]
    carried = [plane["bytes"] for plane in told["planes"]]
    assert flows * SIZE == sum(carried)
    assert max(carried) <= 1.02 * min(carried)
    assert told["goodput_bps"] > 0
    assert told["seconds"] > 0
    assert flows == len(told["flows"])


def test_odd_sizes(lab: Lab) -> None:
    """Sizes that fill neither a packet nor a message arrive to the byte."""
    name, _ = lab
    code, told, _ = mrcnet("traffic", name, "--size", "1000003", "--message", "10007B", "--hosts", "h1,h2")
    assert (0, 1_000_003) == (code, told["bytes"])
    packets = 99 * 3 + 3  # 99 messages of 10007 bytes and one of 9310
    assert packets == told["packets"]["delivered"]


def test_duration_and_rate(lab: Lab) -> None:
    """For one second at 40 Mbit/s: all that is posted arrives, and it is never posted faster."""
    name, _ = lab
    begin = time.monotonic()
    words = ("--duration", "1s", "--rate", "40Mbps", "--message", "8KiB")
    code, told, _ = mrcnet("traffic", name, *words)
    longest = time.monotonic() - begin  # posting went on, however busy the machine was
    assert (0, True) == (code, told["verified"])
    messages, rest = divmod(told["bytes"], 8 << 10)
    assert rest == 0
    assert 1 < messages <= 1 + longest * 40e6 / 8 / (8 << 10)


def test_same_seed_same_packets(lab: Lab) -> None:
    """A permutation is the seed's, so a run can be repeated."""
    name, _ = lab
    told = [
        mrcnet("traffic", name, "--pattern", "permutation", "--size", "4096", "--seed", seed)[1]
        for seed in "779"
    ]
    pairs = [[(flow["src"], flow["dst"]) for flow in one["flows"]] for one in told]
    assert pairs[0] == pairs[1]
    assert [7, 7, 9] == [one["seed"] for one in told]


@pytest.mark.parametrize("silent", [(), ("--silent",)], ids=["loud", "silent"])
def test_a_plane_that_is_dead_before(small: Lab, silent: tuple[str, ...]) -> None:
    """With one plane's switch cut off before the run, all bytes go by the other plane, and none is lost."""
    name, _ = small
    for t1 in ("p0-t1-0", "p0-t1-1"):
        assert 0 == mrcnet("fault", name, "cut", f"p0-t0-0:{t1}", *silent)[0]
    code, told, _ = mrcnet("traffic", name, "--hosts", "h0,h3", "--size", "1MiB")
    assert (0, 1 << 20) == (code, told["bytes"])
    assert [0, 1 << 20] == [plane["bytes"] for plane in told["planes"]]
    assert told["evs_lost"] >= 1
    assert told["packets"]["lost"] >= 1
    assert told["packets"]["retransmitted"] == told["packets"]["lost"] + told["packets"]["duplicates"]


def test_a_port_that_is_down_before(small: Lab) -> None:
    """A host port that is down is not used: all data goes by the other port, and none is lost."""
    name, _ = small
    assert 0 == mrcnet("fault", name, "cut", "h0:p0-t0-0")[0]
    code, told, _ = mrcnet("traffic", name, "--hosts", "h0,h3", "--size", "1MiB")
    assert (0, 1 << 20) == (code, told["bytes"])
    assert [0, 1 << 20] == [plane["bytes"] for plane in told["planes"]]
    assert 0 == told["packets"]["lost"]


def test_every_path_dead_is_no_hang(small: Lab) -> None:
    """With no path left the QP goes to ERROR within its retries, and the run says so: exit code 1."""
    name, _ = small
    for plane in (0, 1):
        assert 0 == mrcnet("fault", name, "cut", f"h0:p{plane}-t0-0", "--silent")[0]
    code, told, _ = mrcnet("traffic", name, "--hosts", "h0,h3", "--size", "1MiB")
    assert (1, False, 0) == (code, told["verified"], told["bytes"])
    (problem,) = told["problems"]
    assert problem.startswith("h0 -> h3: the QP went to ERROR: ")


def test_many_flows_do_not_drown_a_host() -> None:
    """31 hosts writing to one, and 992 flows at once: slow on a small machine, but no ring runs over."""
    with running(topology("4p-16t0-8t1")) as (name, _):
        for pattern, size, flows in (("incast", 256 << 10, 31), ("all-to-all", 32 << 10, 992)):
            code, told, _ = mrcnet("traffic", name, "--pattern", pattern, "--size", str(size))
            assert (0, flows * size) == (code, told["bytes"])
            assert (0, 0) == (told["ring_drops"], told["packets"]["lost"])


UNEQUAL = """
fabric: {planes: 3, t0: 2, t1: 2, hosts_per_t0: 2, plane_shapes: {1: {t1: 3}, 2: {t1: 1}}}
hosts:
  h0: {planes: [0, 2]}
  h3: {planes: [0, 1]}
omit: ["p0-t0-1:p0-t1-1"]
"""


def test_unequal_fabric() -> None:
    """Planes of different shape, a missing link, hosts with fewer ports: every pair's bytes arrive."""
    with running(UNEQUAL) as (name, plan):
        code, told, complaint = mrcnet("traffic", name, "--pattern", "all-to-all", "--size", str(SIZE))
        assert (0, "") == (code, complaint)
        assert len(plan.hosts) * (len(plan.hosts) - 1) * SIZE == told["bytes"]
        assert told["verified"]
        code, told, _ = mrcnet("traffic", name, "--hosts", "h0,h3", "--size", str(SIZE))
        assert (0, [SIZE, 0, 0]) == (
            code,
            [plane["bytes"] for plane in told["planes"]],
        )  # only plane 0 joins them


def test_a_wrong_byte_is_noticed(small: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte that changes in the sink's memory after it came: the run is not verified, and says where."""
    check = Sink.on_arrived

    def meddle(sink: Sink, message: int, at: int) -> None:
        if (sink.flow.dst, message) == ("h2", 5):
            sink.region.data[5 % sink.flow.slots * sink.flow.message + 100] ^= 1
        check(sink, message, at)

    monkeypatch.setattr(Sink, "on_arrived", meddle)
    job = job_of(small, ("h0", "h3"), ("h1", "h2"))
    result = summarise(run_traffic(job, None))
    assert not result.verified
    assert ("h1 -> h2: 1 messages arrived with wrong bytes, first number 5",) == result.problems
    assert (2 << 20) - (16 << 10) == result.bytes


class Stranger:
    """Sends frames to the ports of a host from the switches before them, until told to stop."""

    def __init__(self, lab: str, plan: Plan, host: str) -> None:
        self.sent = 0
        self._stop = threading.Event()
        self._sockets = []
        for port in plan.nodes[host].ports:
            with netns.inside(netns.path_of(lab, port.peer_node)):
                raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
                raw.bind((port.peer_port, 0))
            self._sockets.append((raw, bytes.fromhex((port.mac + port.peer_mac).replace(":", ""))))
        self._thread = threading.Thread(target=self._run)

    def _frames(self, macs: bytes) -> list[bytes]:
        header = macs + b"\x86\xdd" + b"\x60" + bytes(5) + b"\x29\x40" + bytes(32)
        inner = b"\x60" + bytes(3) + b"\x00\x40" + b"\x11\x40" + bytes(32) + b"\x12\x34\x12\xb7" + bytes(60)
        return [
            macs + b"\x86\xdd" + os.urandom(1_200),  # an IPv6 frame of noise
            macs + b"\x08\x00" + os.urandom(60),  # another protocol
            header + inner,  # MRC's port, but to nobody, and empty
            header + inner[:30],  # cut short
            macs + b"\x86\xdd",  # nothing at all
        ]

    def _run(self) -> None:
        while not self._stop.wait(0.002):
            for raw, macs in self._sockets:
                for frame in self._frames(macs):
                    raw.send(frame)
                    self.sent += 1

    def __enter__(self) -> Stranger:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for raw, _macs in self._sockets:
            raw.close()


def test_strangers_frames_are_counted_and_dropped(small: Lab) -> None:
    """Noise, other protocols, look-alikes and stumps sent to a host's ports do no harm, and are counted."""
    name, plan = small
    with Stranger(name, plan, "h3") as stranger:
        code, told, _ = mrcnet(
            "traffic", name, "--hosts", "h0,h3", "--duration", "1s", "--rate", "50Mbps", "--message", "16KiB"
        )
    assert (0, True) == (code, told["verified"])
    assert {"not MRC", "short"} <= set(told["dropped"])
    assert 500 <= sum(told["dropped"].values()) <= stranger.sent + 100  # and the kernel's own few
    assert (0, 0) == (told["packets"]["lost"], told["evs_lost"])


def test_nothing_is_left_behind(small: Lab) -> None:
    """After a run no host port has a filter, and the lab is as it was."""
    name, plan = small
    assert 0 == mrcnet("traffic", name, "--pattern", "ring", "--size", "64KiB")[0]
    assert [] == shields(name, plan)
    assert [] == [one for host in plan.hosts for one in ip(name, host, "link", "show", "type", "bridge")]


def test_one_run_at_a_time_for_each_host(small: Lab) -> None:
    """A host that takes part in a run is refused to another one, which leaves the first alone."""
    name, plan = small
    names = [port.name for port in plan.nodes["h3"].ports]
    with claim(name, "h3", names):
        code, told, complaint = mrcnet("traffic", name, "--pattern", "ring", "--size", "64KiB")
        assert (3, None) == (code, told)
        assert f"h3 takes part in another run of lab '{name}'\n  remedy: " in complaint
        assert 0 == mrcnet("traffic", name, "--hosts", "h0,h2", "--size", "64KiB")[0]
        with pytest.raises(EnvironmentFault):
            claim(name, "h3", names)
    assert 0 == mrcnet("traffic", name, "--pattern", "ring", "--size", "64KiB")[0]


def test_lost_port(small: Lab) -> None:
    """A host that lacks a port of its plan is named, with the remedy: exit code 3, not a traceback."""
    name, plan = small
    ip(name, "h3", "link", "del", "eth2")
    code, told, complaint = mrcnet("traffic", name, "--hosts", "h0,h3")
    assert (3, None) == (code, told)
    assert "h3 has lost its port eth2\n  remedy: `mrcnet up`" in complaint
    assert [] == shields(name, plan)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--hosts", "h0,h9"), "'h9' is no host of this lab"),
        (("--hosts", "h0"), "needs two hosts"),
        (("--hosts", "h0,h1,h0"), "named twice"),
        (("--size", "0"), "must be more than 0"),
        (("--size", "many"), "not a size"),
        (("--size", "1MiB", "--duration", "1s"), "exclude each other"),
        (("--message", "2GiB"), "at most 1GiB"),
        (("--pattern", "star"), "'star' is not one of"),
    ],
)
def test_wrong_words(lab: Lab, words: tuple[str, ...], said: str) -> None:
    """What the user got wrong is said, with exit code 2, before anything is sent."""
    code, told, complaint = mrcnet("traffic", lab[0], *words)
    assert (2, None) == (code, told)
    assert said in complaint
