"""Marks, trims and tail drops come at the thresholds, at the ports where they belong (spec 5.9, 6.5, 6.6).

The small fabric's BDP is 18 568 B. Frames of 1 000 B from two hosts meet at one uplink of 1 Gb/s.
"""

from __future__ import annotations

from collections import Counter

import pytest

from mrcnet.errors import InputError
from mrcnet.sim.model import PortModel
from tests.sim.fabric.parts import CONTROL, DATA, FRAME, UNTRIMMABLE, Net, end

US = 1_000
UPLINK = "p0-t0-0:eth3"
LAST = "p0-t0-1:eth1"
BDP = 18_568
OFF = PortModel(ecn_min=100, ecn_max=200, drop=1_000)


def model(**thresholds: float) -> PortModel:
    """Nothing happens but what is given, in bytes."""
    shares = {name: value / BDP for name, value in thresholds.items()}
    return PortModel(**({"ecn_min": 100, "ecn_max": 200, "drop": 1_000} | shares))  # type: ignore[arg-type]


def crowd(net: Net, frames: int, traffic_class: int = DATA, dst: str = "h2") -> None:
    """`frames` each from h0 and h1 at once: of the n-th two, one finds n before it, the other n + 1."""
    for src in ("h0", "h1"):
        net.send(src, dst, [FRAME] * frames, traffic_class=traffic_class)


def marks(net: Net) -> int:
    return sum(frame[15] >> 4 & 3 == 3 for _, _, _, frame in net.out)


def test_bdp() -> None:
    """The plane's BDP: its rate times a full frame there and a SACK back over four hops each."""
    frame, sack = 4_096 + 142, 154
    rtt = 4 * (2_000 + 8 * (frame + sack))
    net = Net()
    assert rtt == net.fabric.table.base_rtt
    assert {0: BDP} == net.fabric.table.bdp == {0: rtt // 8}


def test_no_marks_below_the_ramp() -> None:
    """The last frame of 20 finds 10 000 B before it, the rest less: no mark beyond 10 000 B."""
    net = Net(model=model(ecn_min=10_000, ecn_max=10_001))
    crowd(net, 10)
    net.run(400 * US, 1_000)
    assert (20, 0) == (len(net.out), marks(net))


def test_all_marked_above_the_ramp() -> None:
    """Frames that find more than the ramp's end before them are marked, all and no others."""
    net = Net(model=model(ecn_min=4_500, ecn_max=4_501))
    crowd(net, 10)
    net.run(400 * US, 1_000)
    # 5 to 9 frames before the first of two, and 5 to 10 before the second
    assert 5 + 6 == marks(net)
    books = {port.port: port for port in net.fabric.books().ports}
    assert {UPLINK} == set(books)
    assert 11 == books[UPLINK].marked
    assert 10_000 == books[UPLINK].deepest


def test_the_ramp_rises() -> None:
    """Between its ends the share of marked frames grows with the depth at which they joined."""
    marked = Counter[int]()
    for seed in range(40):
        net = Net(model=model(ecn_min=0, ecn_max=10_000), seed=seed)
        crowd(net, 10)
        net.run(400 * US, 10_000)
        for _, _, _, frame in net.out:
            marked[int.from_bytes(frame[-4:], "big")] += frame[15] >> 4 & 3 == 3
    shares = [marked[number] / 80 for number in range(10)]
    assert shares[0] < 0.15
    assert all(abs(share - number / 10) < 0.2 for number, share in enumerate(shares))
    assert shares[9] > 0.75


def test_host_ports_do_not_mark() -> None:
    """spec 6.5: an incast at the last hop is not marked, however deep."""
    net = Net(model=model(ecn_min=1, ecn_max=2))
    net.send("h0", "h3", [FRAME] * 20)
    net.send("h2", "h3", [FRAME] * 20)
    net.run(800 * US, 1_000)
    assert (40, 0) == (len(net.out), marks(net))


def test_control_is_not_marked() -> None:
    """What is not ECN-capable carries no mark."""
    net = Net(model=model(ecn_min=1, ecn_max=2, control_drop=1e6))
    crowd(net, 10, CONTROL)
    net.run(400 * US, 1_000)
    assert (20, 0) == (len(net.out), marks(net))


def test_tail_drop() -> None:
    """A queue of 5 000 B takes no frame that would make it longer: those that find over 4 000 B go."""
    net = Net(model=model(drop=5_000))
    crowd(net, 10)
    net.run(400 * US, 1_000)
    # the fourth two fill it; of the six after them one each finds room
    assert [(UPLINK, "tail drop", 6)] == net.drops()
    assert 14 == len(net.out)


def test_control_has_a_queue_of_its_own() -> None:
    """A data queue that is full drops no control, and the other way round."""
    net = Net(model=model(drop=2_000, control_drop=3_000))
    crowd(net, 10)
    net.send("h1", "h2", [FRAME], traffic_class=CONTROL, at=60 * US)
    net.run(400 * US, 1_000)
    assert {"tail drop"} == {cause for _, cause, _ in net.drops()}
    full = Net(model=model(drop=1e6, control_drop=3_000))
    crowd(full, 10, CONTROL)
    full.run(400 * US, 1_000)
    assert [(UPLINK, "tail drop of control", 8)] == full.drops()


def test_trim() -> None:
    """Beyond the threshold a frame is cut to 192 B, told so by its outer DSCP, and goes as control."""
    net = Net(model=model(trim=4_500, drop=1e6))
    crowd(net, 10)
    net.run(400 * US, 1_000)
    cut = [frame for _, _, _, frame in net.out if len(frame) == 192]
    assert 20 == len(net.out)
    assert 5 <= len(cut) <= 10
    assert {12} == {(frame[14] & 15) << 2 | frame[15] >> 6 for frame in cut}
    assert {8} == {(frame[54] & 15) << 2 | frame[55] >> 6 for frame in cut}  # the inner header is not touched
    ports = {port.port: port.trimmed for port in net.fabric.books().ports}
    assert {UPLINK: len(cut)} == ports
    assert net.instants()[-1] < 4 * 9 * US + (20 - len(cut)) * 8 * US + len(cut) * 2 * US
    assert 0 == net.fabric.books().dropped


def test_trim_at_the_last_hop() -> None:
    """A host-facing port trims at its own threshold, and says LASTHOP."""
    net = Net(model=model(trim=1, trim_lasthop=3_000, drop=1e6))
    net.send("h0", "h2", [FRAME] * 10, ev=0)
    net.send("h3", "h2", [FRAME] * 10, at=18 * US)
    net.run(400 * US, 1_000)
    cut = [frame for _, _, _, frame in net.out if len(frame) == 192]
    assert cut
    assert {14} == {(frame[14] & 15) << 2 | frame[15] >> 6 for frame in cut}
    assert {LAST} == {port.port for port in net.fabric.books().ports if port.trimmed}


def test_no_trim_is_dropped() -> None:
    """Data whose code point is NO_TRIM is never cut: it waits, and is dropped when the queue is full."""
    net = Net(model=model(trim=1, drop=5_000))
    crowd(net, 10, UNTRIMMABLE)
    net.run(400 * US, 1_000)
    assert {FRAME} == {len(frame) for _, _, _, frame in net.out}
    assert [(UPLINK, "tail drop", 6)] == net.drops()


def test_a_host_never_drops_its_own() -> None:
    """A host's port is bounded by the room that its end point is given, not by the switch's thresholds."""
    net = Net(model=model(ecn_min=0, ecn_max=1, drop=2_000))
    net.send("h0", "h1", [FRAME] * 50)
    net.run(900 * US, 1_000)
    assert (50, 0) == (len(net.out), marks(net))


def test_backlog() -> None:
    """The bytes that a port holds: ten frames at once, one of them gone after 8 us."""
    net = Net()
    net.send("h0", "h2", [FRAME] * 10)
    net.fabric.advance(1)
    assert [10_000, 9_000, 0] == [net.fabric.backlog(end("h0:eth1"), at * US) for at in (0, 8, 80)]


@pytest.mark.parametrize("wrong", [{"ecn_min": 0.8, "ecn_max": 0.2}, {"trim_size": 64}])
def test_a_model_that_cannot_be(wrong: dict[str, float]) -> None:
    """A ramp that falls, or a trimmed frame without its PSN, is refused."""
    with pytest.raises(InputError):
        PortModel(**wrong)  # type: ignore[arg-type]
