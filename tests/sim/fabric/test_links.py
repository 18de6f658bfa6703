"""Frames take the time on the wire that one reckons by hand, and faults take them.

All links: 1 Gb/s, 1 us. A frame of 1 000 B takes 8 us a hop, and h0 to h2 is four hops.
"""

from __future__ import annotations

import pytest

from mrcnet.plan.target import find_link
from tests.sim.fabric.parts import CONTROL, FRAME, SMALL, Net, end, plan_of

US = 1_000
ALONE = 4 * (8 + 1) * US


def test_a_frame_alone() -> None:
    """Four hops: four times serialisation and propagation, and it comes to the right host and port."""
    net = Net()
    net.send("h0", "h2")
    net.run(100 * US)
    assert [(ALONE, "h2", 0)] == [out[:3] for out in net.out]


def test_ports_that_pass_on_when_a_frames_turn_comes() -> None:
    """As through the kernel's shapers: idle ports cost a frame no time, and a train keeps the links' rate."""
    net = Net(ahead=True)
    net.send("h0", "h2", [FRAME] * 3)
    net.run(100 * US)
    assert [0, 1, 2] == net.numbers()
    assert [4 * US, (4 + 8) * US, (4 + 16) * US] == net.instants()


def test_a_frame_within_a_t0() -> None:
    """A pair at one T0 is two hops apart."""
    net = Net()
    net.send("h0", "h1")
    net.run(100 * US)
    assert [2 * (8 + 1) * US] == net.instants()


def test_a_train_comes_at_the_links_rate() -> None:
    """Frames that are sent at once come one serialisation apart, in order, whatever the step of time."""
    net = Net()
    net.send("h0", "h2", [FRAME] * 3)
    net.run(100 * US)
    assert [0, 1, 2] == net.numbers()
    assert [ALONE, ALONE + 8 * US, ALONE + 16 * US] == net.instants()


def test_not_a_nanosecond_early() -> None:
    """A frame is not there a nanosecond before its time, and there at it."""
    net = Net()
    net.send("h0", "h2")
    net.run(ALONE - 1, ALONE - 1)
    assert [] == net.out
    net.run(ALONE, ALONE)
    assert [ALONE] == net.instants()


def test_a_small_frame_behind_a_large_one() -> None:
    """It catches up at the first hop and then waits at every one: it comes its own 2 us later."""
    net = Net()
    net.send("h0", "h2", [FRAME, SMALL])
    net.run(100 * US)
    assert [ALONE, ALONE + 2 * US] == net.instants()


def test_two_hosts_share_a_port() -> None:
    """Two trains that meet at an uplink come out at its rate, none lost, in the order in which they met."""
    net = Net()
    net.send("h0", "h2", [FRAME] * 2)
    net.send("h1", "h2", [FRAME] * 2, at=1)
    net.run(100 * US)
    assert [ALONE + turn * 8 * US for turn in range(4)] == net.instants()
    assert [0, 0, 1, 1] == net.numbers()


def test_the_step_changes_nothing() -> None:
    """Frames that meet at ports are served alike, however far the fabric advances at once."""
    outs = []
    for step in (50, 1_000, 7 * US):
        net = Net()
        for turn in range(6):
            net.send("h0", "h2", [FRAME, SMALL], at=0, ev=turn % 2)
            net.send("h1", "h2", [SMALL] * 3, at=0, ev=(turn + 1) % 2)
        net.run(140 * US, step)
        outs.append(
            [(where, number) for (_, where, _, _), number in zip(net.out, net.numbers(), strict=True)]
        )
    assert outs[0] == outs[1] == outs[2]


def test_control_overtakes_data() -> None:
    """Behind ten data frames a control frame waits for the one on the wire only, at every hop."""
    net = Net()
    net.send("h0", "h2", [FRAME] * 10)
    net.send("h1", "h2", [SMALL], at=8 * US, traffic_class=CONTROL)
    net.run(200 * US)
    at = next(at for at, _, _, frame in net.out if len(frame) == SMALL)
    alone = 8 * US + 4 * (2 + 1) * US
    assert alone <= at <= alone + 4 * 8 * US
    assert at < net.instants()[-1] - 40 * US
    assert 11 == len(net.out)


def test_data_pays_for_control() -> None:
    """A port carries no more than its rate: data that comes after control waits for it."""
    net = Net()
    net.send("h0", "h2", [FRAME])
    net.send("h0", "h2", [SMALL], traffic_class=CONTROL)
    net.send("h0", "h2", [FRAME])
    net.run(200 * US)
    assert ALONE + (8 + 2) * US == net.instants()[-1]


@pytest.mark.parametrize("silent", [False, True])
def test_cut_and_heal(silent: bool) -> None:
    """What comes to a cut link is dropped there, under its cause; healed, it carries again."""
    net = Net()
    link = find_link(net.plan, "p0-t0-0:p0-t1-0")
    net.fabric.cut(link, 0, silent=silent)
    net.send("h0", "h2", [FRAME] * 2, ev=0)
    net.send("h2", "h0", [FRAME] * 3, ev=0)
    net.send("h0", "h2", [FRAME], ev=1)
    net.run(100 * US)
    assert ["h2"] == [host for _, host, _, _ in net.out]
    cause = "blackhole" if silent else "port down"
    assert [("p0-t0-0:eth3", cause, 2), ("p0-t1-0:eth1", cause, 3)] == net.drops()
    net.fabric.heal(link)
    net.send("h0", "h2", [FRAME], at=100 * US, ev=0)
    net.run(200 * US)
    assert 2 == len(net.out)


def test_one_way_blackhole() -> None:
    """One direction swallows, the other carries."""
    net = Net()
    net.fabric.close(end("p0-t0-0:eth3"), 0, silent=True)
    net.send("h0", "h2")
    net.send("h2", "h0")
    net.run(100 * US)
    assert ["h0"] == [host for _, host, _, _ in net.out]
    net.fabric.open(end("p0-t0-0:eth3"))
    net.send("h0", "h2", at=100 * US)
    net.run(200 * US)
    assert ["h0", "h2"] == [host for _, host, _, _ in net.out]


@pytest.mark.parametrize(("at", "through"), [(16, 0), (17, 1), (24, 1), (25, 2), (60, 3)])
def test_the_instant_of_a_cut(at: int, through: int) -> None:
    """What has left the port by then comes through; what waits in it or is on its way to it does not.

    The first frame leaves the uplink of p0-t0-0 at 17 us: 8 us at the host, 1 us on the link, 8 us.
    """
    net = Net()
    net.send("h0", "h2", [FRAME] * 3)
    net.run(at * US)
    net.fabric.cut(find_link(net.plan, "p0-t0-0:p0-t1-0"), at * US, silent=False)
    net.run(100 * US)
    assert through == len(net.out)
    books = net.fabric.books()
    assert books.balanced
    assert 3 - through == books.dropped


def test_no_route() -> None:
    """A carrier that no table knows ends at the switch, which is named."""
    net = Net()
    nowhere = bytes.fromhex("fcbbbb00") + b"\x77\x77" + bytes(10)
    net.send("h0", "h2", [FRAME] * 2, carrier=nowhere)
    net.run(100 * US)
    assert [] == net.out
    assert [("p0-t0-0", "no route", 2)] == net.drops()
    assert net.fabric.books().balanced


def test_unequal_links() -> None:
    """Each port has its own rate and delay: a slow link sets the pace behind it."""
    text = """
name: small
fabric: {planes: 1, t0: 2, t1: 1, hosts_per_t0: 1}
defaults: {rate: 1Gbps, delay: 1us}
links: [{endpoints: ["p0-t0-1", "p0-t1-0"], rate: 100Mbps, delay: 5us}]
"""
    net = Net(plan_of(text))
    net.send("h0", "h1", [FRAME] * 2)
    net.run(400 * US)
    first = (9 + 9 + 80 + 5 + 9) * US
    assert [first, first + 80 * US] == net.instants()
