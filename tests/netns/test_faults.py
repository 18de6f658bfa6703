"""Cuts and heals on real links, loud and silent, and the shield of a host's ports."""

from __future__ import annotations

import os
import socket
import time

import pytest

from mrcnet.errors import InputError
from mrcnet.kernel import bpf, faults, netns, tc
from mrcnet.kernel import lab as labs
from mrcnet.kernel.faults import ActiveFault
from mrcnet.kernel.handles import Handles
from mrcnet.kernel.model import Kind
from mrcnet.kernel.observe import has_filter
from mrcnet.kernel.status import State, status
from mrcnet.plan.model import Plan
from mrcnet.plan.target import find_link
from tests.netns.fabric import NEEDS_ROOT, arrives, bring_up, ip, new_name, running

pytestmark = NEEDS_ROOT
LINK = "h0:p0-t0-0"
BOTH = pytest.mark.parametrize("silent", [False, True], ids=["loud", "silent"])


def carrier(lab: str, node: str, port: str) -> bool:
    """Whether `ip` shows the port up and with a carrier."""
    (seen,) = ip(lab, node, "link", "show", port)
    return "LOWER_UP" in seen["flags"]


@BOTH
def test_cut_and_heal(silent: bool) -> None:
    """A cut link carries nothing in either direction, its neighbours still do, and a heal makes it whole."""
    with running() as (lab, plan):
        before = time.monotonic_ns()
        record = faults.cut(plan, lab, LINK, silent)
        after = time.monotonic_ns()
        assert ("cut", LINK) == (record.fault, record.target)
        assert before <= record.at_ns - record.error_ns
        assert record.at_ns + record.error_ns <= after
        assert not arrives(lab, plan, "h0", "h3")
        assert not arrives(lab, plan, "h3", "h0")
        assert arrives(lab, plan, "h0", "h3", plane=1)
        assert arrives(lab, plan, "h1", "h3")
        assert [silent, silent] == [carrier(lab, "h0", "eth1"), carrier(lab, "p0-t0-0", "eth1")]
        assert (ActiveFault(LINK, silent),) == faults.active_faults(lab)
        assert State.DEGRADED in {one.state for one in status() if one.lab == lab}
        assert "heal" == faults.heal(plan, lab, LINK).fault
        assert faults.active_faults(lab) == ()
        assert arrives(lab, plan, "h0", "h3")
        assert arrives(lab, plan, "h3", "h0")
        assert bring_up(lab).changes == ()


@BOTH
def test_up_reports_and_mends_a_cut(silent: bool) -> None:
    """`up` of the same file names the cut as its reason, and ends it."""
    with running() as (lab, plan):
        faults.cut(plan, lab, "p0-t0-0:p0-t1-1", silent)
        reasons = {change.reason for change in bring_up(lab).changes if change.kind is Kind.PORT}
        assert {"port is silent (cut --silent)" if silent else "port is down (cut)"} == reasons
        assert faults.active_faults(lab) == ()
        assert bring_up(lab).changes == ()


def test_heal_leaves_other_cuts() -> None:
    """Healing one link of a switch leaves its other cut links cut."""
    with running() as (lab, plan):
        faults.cut(plan, lab, LINK)
        faults.cut(plan, lab, "h1:p0-t0-0", silent=True)
        faults.cut(plan, lab, "p0-t0-0:p0-t1-0")
        faults.heal(plan, lab, "p0-t0-0:p0-t1-0")
        expected = {ActiveFault(LINK, silent=False), ActiveFault("h1:p0-t0-0", silent=True)}
        assert expected == set(faults.active_faults(lab))


def test_silent_cut_leaves_filters_of_others() -> None:
    """A filter that is not ours outlives cut, heal and `up`."""
    with running() as (lab, plan):
        program = bpf.load_program(bpf.shield_program(1), "theirs")
        with Handles(lab) as handles:
            rtnl = handles.socket("h0")
            index = bpf.indices(rtnl)["eth1"]
            theirs = tc.add_filter(index, tc.EGRESS, 7, program, "theirs")
            assert rtnl.send([tc.add_clsact(index), theirs]) == ()
            os.close(program)
            faults.cut(plan, lab, LINK, silent=True)
            faults.heal(plan, lab, LINK)
            faults.cut(plan, lab, LINK, silent=True)
            bring_up(lab)
            assert has_filter(rtnl, index, "theirs")
            assert not has_filter(rtnl, index, "mrcnet_cut")


@pytest.mark.parametrize("silent", [False, True])
def test_wrong_requests(silent: bool) -> None:
    """Cutting what is cut, healing what is whole, and names of nothing are the caller's mistakes."""
    with running() as (lab, plan):
        faults.cut(plan, lab, LINK, silent)
        with pytest.raises(InputError, match="is cut already"):
            faults.cut(plan, lab, "p0-t0-0:eth1", not silent)
        with pytest.raises(InputError, match="is not cut"):
            faults.heal(plan, lab, "h1:p0-t0-0")
        for target in ("h0:h1", "h0", "nobody:h0", "h0:eth9", "h0:h0"):
            with pytest.raises(InputError):
                faults.cut(plan, lab, target, silent)
    with pytest.raises(InputError, match="there is no lab"):
        faults.cut(plan, new_name(), LINK, silent)


def test_ports_name_links_too() -> None:
    """A link is known by either end's port as well as by its nodes."""
    with running() as (lab, plan):
        links = {find_link(plan, target) for target in (LINK, "p0-t0-0:h0", "h0:eth1", "p0-t0-0:eth1")}
        assert 1 == len(links)
        assert lab in labs.labs()


def mrc_like(plan: Plan, src: str, dst: str, port: int) -> bytes:
    """A frame as MRC sends it: Ethernet, IPv6 to the host's decap prefix, IPv6, UDP, `hello`."""
    near, far = plan.nodes[src].ports[0], plan.nodes[dst].ports[0]
    addresses = [socket.inet_pton(socket.AF_INET6, one.addresses[0].partition("/")[0]) for one in (near, far)]
    payload = b"hello"
    udp = b"".join(number.to_bytes(2, "big") for number in (49152, port, 8 + len(payload), 0))
    pseudo = (
        b"".join(addresses) + len(udp + payload).to_bytes(4, "big") + b"\0\0\0\x11" + udp + payload + b"\0"
    )
    total = sum(int.from_bytes(pseudo[at : at + 2], "big") for at in range(0, len(pseudo) - 1, 2))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = 0xFFFF - ((total & 0xFFFF) + (total >> 16))
    udp = udp[:6] + checksum.to_bytes(2, "big")
    inner = b"\x60\0\0\0" + len(udp + payload).to_bytes(2, "big") + b"\x11\x40" + b"".join(addresses)
    carrier_ = next(one.segs for one in plan.nodes[src].routes if one.dst == far.addresses[0])
    assert carrier_ is not None
    size = len(inner + udp + payload).to_bytes(2, "big")
    outer = b"\x60\0\0\0" + size + b"\x29\x40" + addresses[0] + socket.inet_pton(socket.AF_INET6, carrier_)
    macs = bytes.fromhex((near.peer_mac + near.mac).replace(":", ""))
    return macs + b"\x86\xdd" + outer + inner + udp + payload


def test_shield_stops_mrc_frames_only() -> None:
    """A shielded host's stack sees no MRC frame, but other ports; an AF_PACKET socket sees all."""
    with running() as (lab, plan):
        path = netns.path_of(lab, "h3")
        with netns.inside(netns.path_of(lab, "h0")):
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            wire.bind(("eth1", 0))
        with netns.inside(path):
            tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            tap.bind(("eth1", 3))
            ears = {port: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for port in (4791, 4792)}
        tap.settimeout(1)
        for port, ear in ears.items():
            ear.bind(("::", port))
            ear.settimeout(0.3)

        def heard(port: int) -> bool:
            wire.send(mrc_like(plan, "h0", "h3", port))
            try:
                return ears[port].recv(16) == b"hello"
            except TimeoutError:
                return False

        with wire, tap, ears[4791], ears[4792]:
            assert [True, True] == [heard(4791), heard(4792)]
            bpf.shield(path, ["eth1", "eth2"], 4791)
            bpf.shield(path, ["eth1", "eth2"], 4791)  # twice is once
            tap.setblocking(False)
            while True:
                try:
                    tap.recv(2048)
                except BlockingIOError:
                    break
            tap.settimeout(1)
            assert [False, True] == [heard(4791), heard(4792)]
            assert tap.recv(2048).endswith(b"hello")
            bpf.unshield(path, ["eth1", "eth2", "gone"])
            assert heard(4791)
