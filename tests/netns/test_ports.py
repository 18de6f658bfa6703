"""Shaped ports: what the kernel holds, what a frame meets there, and that nothing of it is left."""

from __future__ import annotations

import errno
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mrcnet.errors import InputError
from mrcnet.kernel import lab as labs
from mrcnet.kernel import netns
from mrcnet.kernel.bpf import shield
from mrcnet.kernel.handles import Handles
from mrcnet.kernel.model import Kind, Op
from mrcnet.kernel.ports import LabPorts, open_ports, read_counters, read_shapers
from mrcnet.kernel.program import borne
from mrcnet.mrc.wire.numbers import Dscp
from mrcnet.plan.model import Plan
from mrcnet.port import bpf
from mrcnet.topology.model import End
from tests.netns.fabric import NEEDS_ROOT, SMALL, arrives, bring_up, ip, new_name, running
from tests.netns.test_faults import mrc_like
from tests.unit.plan.fabrics import plan_of

pytestmark = NEEDS_ROOT
SHAPED = SMALL + "dilation: 1000\nports: {}\n"
LAST = End("p0-t0-1", "eth2")  # the T0's port towards h3
PORT = 4791
SIZE = 4_000
ECT0, CE = 2, 3


def shaped_to(lab: str, end: End) -> str:
    """The rate of a port's shaper, in the words of `tc`."""
    words = ["tc", "-n", netns.name_of(lab, end.node), "class", "show", "dev", end.port]
    shown = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return "".join(re.findall(r"class htb 1:1 root rate (\S+) ceil", shown))


def programs(lab: str, plan: Plan) -> dict[End, int]:
    """The number of the ports' program on every port; 0 where there is none."""
    found: dict[End, int] = {}
    with Handles(lab) as handles:
        for node, state in plan.nodes.items():
            numbers = {link["ifname"]: link["ifindex"] for link in ip(lab, node, "link")}
            seen = borne(netns.path_of(lab, node), handles.socket(node), numbers.values())
            found |= {End(node, port.name): seen[numbers[port.name]] for port in state.ports}
    return found


def is_loaded(program: int) -> bool:
    try:
        os.close(bpf.program_by_id(program))
    except FileNotFoundError:
        return False
    return True


def test_up_shapes_every_port_once() -> None:
    """Every port bears the one program and a shaper of its rate, and a second `up` changes nothing."""
    with running(SHAPED) as (lab, plan):
        found = programs(lab, plan)
        assert 1 == len(set(found.values()))
        assert 0 not in found.values()
        assert bring_up(lab, SHAPED).changes == ()
        for end in found:
            assert "100Mbit" == shaped_to(lab, end)
        seen = [link["ifindex"] for node in plan.nodes for link in ip(lab, node, "link")]
        numbers = [number for number in seen if number > 1]
        assert len(numbers) == len(set(numbers))


def test_an_edit_applies_the_difference() -> None:
    """Other thresholds are stores into memory, another rate one message, and no other port is touched."""
    links = "[{at: 'p0-t0-0:eth3', drop: 9KB}, {at: 'p0-t0-0:eth4', rate: 5Gbps}]"
    edited = SHAPED.replace("{}", f"{{links: {links}}}")
    with running(SHAPED) as (lab, plan):
        before = programs(lab, plan)
        changes = bring_up(lab, edited).changes
        at = [(change.op, change.kind, change.node, str(change.item).split()[0]) for change in changes]
        # a slower port makes the BDP of its plane smaller, and with it the thresholds of the plane's ports
        assert (Op.SET, Kind.QUEUE, "p0-t0-0", "eth3") in at
        assert {(Op.SET, Kind.QUEUE)} == {one[:2] for one in at}
        assert before == programs(lab, plan)
        ports = ports_of(lab)
        config = ports.config(End("p0-t0-0", "eth3"))
        assert config is not None
        assert 9_000 == config.drop
        assert "5Mbit" == shaped_to(lab, End("p0-t0-0", "eth4"))
        assert bring_up(lab, edited).changes == ()


def test_an_edit_shapes_and_unshapes() -> None:
    """A lab that gains `ports` is shaped, one that loses them is bare again."""
    with running(SMALL) as (lab, plan):
        assert {0} == set(programs(lab, plan).values())
        assert {Kind.QUEUE} == {change.kind for change in bring_up(lab, SHAPED).changes}
        assert 0 not in programs(lab, plan).values()
        assert {Op.REMOVE} == {change.op for change in bring_up(lab, SMALL).changes}
        assert {0} == set(programs(lab, plan).values())
        assert {} == read_shapers(lab)
        assert bring_up(lab, SMALL).changes == ()


def test_down_leaves_no_program() -> None:
    """With the lab its program goes, and with that its maps: nothing is pinned, nothing is held."""
    lab = new_name()
    bring_up(lab, SHAPED)
    program = next(iter(programs(lab, plan_of(SHAPED)).values()))
    assert is_loaded(program)
    labs.down(lab)
    deadline = time.monotonic() + 10
    while is_loaded(program) and time.monotonic() < deadline:
        time.sleep(0.01)  # the kernel frees namespaces in its own time
    assert not is_loaded(program)


def ports_of(lab: str) -> LabPorts:
    found = open_ports(lab)
    assert found is not None
    return found


# ---- frames ---------------------------------------------------------------------------------------------


def queue_of(**settings: object) -> str:
    """A lab whose hosts send at 100 Mb/s towards a last hop of 10 Mb/s with these settings."""
    words = ", ".join(f"{key}: {value}" for key, value in settings.items())
    others = "ecn: off, trim: off, drop: off, control_drop: off"
    own = f"{{at: '{LAST}', rate: 10Mbps, {words}}}"
    return SMALL + f"defaults: {{rate: 100Mbps}}\nports: {{{others}, links: [{own}]}}\n"


def frame_of(plan: Plan, dscp: int, ecn: int = ECT0, size: int = SIZE) -> bytes:
    """A frame from h0 to h3 over plane 0."""
    short = bytearray(mrc_like(plan, "h0", "h3", PORT))
    frame = short + bytes(size - len(short))
    frame[14:16] = (0x6000 | (dscp << 2 | ecn) << 4).to_bytes(2, "big")
    frame[18:20] = (size - 54).to_bytes(2, "big")
    return bytes(frame)


@contextmanager
def wire(lab: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Where h0 sends, and where h3 hears, frames of plane 0."""
    with netns.inside(netns.path_of(lab, "h0")):
        out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        out.bind(("eth1", 0))
    with netns.inside(netns.path_of(lab, "h3")):
        into = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        into.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        into.setsockopt(263, 23, 1)  # SOL_PACKET, PACKET_IGNORE_OUTGOING
        into.bind(("eth1", 3))
    shield(netns.path_of(lab, "h3"), ["eth1"], PORT)  # nobody answers
    with out, into:
        yield out, into


def exchange(lab: str, frames: list[bytes]) -> list[tuple[float, bytes]]:
    """Send at once; what arrives until nothing has for half a second, with its times."""
    with wire(lab) as (out, into):
        for frame in frames:
            out.send(frame)
        into.settimeout(0.5)
        heard = []
        while True:
            try:
                got = into.recv(1 << 16)
            except TimeoutError:
                return heard
            if got[20] == 41:  # not MLD
                heard.append((time.monotonic(), got))


def class_of(frame: bytes) -> tuple[int, int]:
    """DSCP and ECN of the outer header."""
    traffic = int.from_bytes(frame[14:16], "big") >> 4 & 0xFF
    return traffic >> 2, traffic & 3


@pytest.mark.alone
def test_frames_wait_for_the_rate() -> None:
    """A burst leaves at the port's rate: real time passes between its frames."""
    with running(queue_of(trim="off", drop="1MB")) as (lab, plan):
        heard = exchange(lab, [frame_of(plan, Dscp().no_trim)] * 40)
        assert 40 == len(heard)
        seconds = heard[-1][0] - heard[0][0]
        assert 0.5 < seconds * 10e6 / (39 * SIZE * 8) < 2
        counted = read_counters(lab)[LAST]
        assert (40, 0, 0) == (counted.sent, counted.dropped, counted.marked)
        assert counted.deepest > 20 * SIZE
        assert 0 == ports_of(lab).backlog(LAST)
        assert {0} == {one.drops for one in read_shapers(lab).values()}


@pytest.mark.alone
def test_deep_queues_mark() -> None:
    """Above the ramp every ECT frame is marked, as many as the port says; what is not ECT is let alone."""
    with running(queue_of(trim="off", drop="1MB", ecn="on", ecn_min="9KB", ecn_max="10KB")) as (lab, plan):
        heard = exchange(lab, [frame_of(plan, Dscp().no_trim, ecn) for _ in range(20) for ecn in (ECT0, 0)])
        seen = [class_of(frame) for _, frame in heard]
        counted = read_counters(lab)[LAST]
        assert 20 == seen.count((Dscp().no_trim, 0))
        assert counted.marked == seen.count((Dscp().no_trim, CE))
        assert 10 < counted.marked < 20


@pytest.mark.alone
def test_deep_queues_trim() -> None:
    """Above the threshold what may be trimmed is, overtakes the queue, and says that it was the last hop."""
    with running(queue_of(trim="10KB", trim_size=128, drop="1MB")) as (lab, plan):
        heard = exchange(lab, [frame_of(plan, Dscp().trimmable)] * 30)
        trimmed = [frame for _, frame in heard if class_of(frame)[0] == Dscp().trimmed_lasthop]
        counted = read_counters(lab)[LAST]
        assert 30 == len(heard) == counted.sent
        assert 10 < counted.trimmed == len(trimmed)
        assert {128} == set(map(len, trimmed))
        assert {128 - 54} == {int.from_bytes(frame[18:20], "big") for frame in trimmed}
        assert {frame_of(plan, 0)[54:128]} == {frame[54:128] for frame in trimmed}
        kinds = [len(frame) for _, frame in heard]
        assert 128 in kinds[: kinds.count(SIZE)]  # not behind all the data that came before
        assert 0 == read_counters(lab)[LAST].dropped


@pytest.mark.alone
def test_full_queues_drop() -> None:
    """What finds no room is dropped and counted; control has room of its own."""
    with running(queue_of(trim="off", drop="20KB", control_drop="8KB")) as (lab, plan):
        heard = exchange(lab, [frame_of(plan, Dscp().no_trim)] * 30)
        counted = read_counters(lab)[LAST]
        assert 30 == len(heard) + counted.tail
        assert counted.tail > 15
        assert counted.deepest <= 20_000
        heard = exchange(lab, [frame_of(plan, Dscp().control, 0)] * 30)
        counted = read_counters(lab)[LAST]
        assert 30 == len(heard) + counted.control_tail
        assert counted.control_tail > 15


def test_small_frames_are_not_trimmed() -> None:
    """A frame that is no longer than what trimming leaves waits like any data."""
    with running(queue_of(trim="0B", trim_size=128, drop="1MB")) as (lab, plan):
        heard = exchange(lab, [frame_of(plan, Dscp().trimmable, size=128)] * 10)
        assert {Dscp().trimmable} == {class_of(frame)[0] for _, frame in heard}


def test_rates_beyond_the_shaper_are_refused() -> None:
    """A rate that no software can shape is refused before anything is made, with the way out."""
    with pytest.raises(InputError, match="dilation"):
        bring_up(new_name(), SMALL + "ports: {}\n")


def test_before_tcx_the_program_is_a_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a kernel without tcx (before 6.6) the program is a filter, and everything else is the same."""

    def unknown(*_: int) -> tuple[int, ...]:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(bpf, "attach", unknown)
    monkeypatch.setattr(bpf, "attached", unknown)
    with running(SMALL) as (lab, plan):
        bring_up(lab, SHAPED)
        assert 0 not in programs(lab, plan).values()
        assert bring_up(lab, SHAPED).changes == ()
        before = ports_of(lab).counters()[LAST].sent
        assert arrives(lab, plan, "h0", "h3")
        assert before + 1 == ports_of(lab).counters()[LAST].sent
        bring_up(lab, SMALL)
        assert {0} == set(programs(lab, plan).values())
