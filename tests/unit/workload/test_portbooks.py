"""Books of counted ports: every frame stands somewhere by name, and what no counter explains is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mrcnet.workload.books import Books, Drop, WayBooks
from mrcnet.workload.portbooks import PortDelta, SwitchDelta, balance
from mrcnet.workload.report import HostFrames, WayFrames

EV = 5
TRAIL = frozenset(("a:1", "s", "s:2", "b:ring"))
QUIET = PortDelta("", "", 0, (), 0, 0, 0, 0, flipped=False)
# Host a sends ten frames by switch s to host b; nothing comes back.
PORTS = (
    replace(QUIET, port="a:1", peer="s:1", sent=10),
    replace(QUIET, port="s:1", peer="a:1", received=10),
    replace(QUIET, port="s:2", peer="b:1", sent=10),
    replace(QUIET, port="b:1", peer="s:2", received=10),
)


def host(name: str, sent: int = 0, arrived: int = 0, **changed: Any) -> HostFrames:
    plain = HostFrames(name, ("1",), (sent,), (0,), (0,), (0,), (0,), arrived, 0)
    return replace(plain, **changed)


def books(
    ports: Sequence[PortDelta] = PORTS,
    arrived: int = 10,
    trimmed: int = 0,
    astray: int = 0,
    made: int = 0,
    held: int = 0,
    a: HostFrames | None = None,
    b: HostFrames | None = None,
) -> Books:
    """The books of ten frames on one EV."""
    hosts = [a or host("a", sent=10), b or host("b", arrived=arrived)]
    ways = [WayFrames("a", "b", EV, sent=10), WayFrames("a", "b", EV, arrived=arrived, trimmed=trimmed)]
    return balance(
        ports,
        [SwitchDelta("s", astray, made)],
        hosts,
        ways,
        [("s:2", held)] if held else [],
        lambda *_: TRAIL,
    )


def changed(number: int, **fields: Any) -> tuple[PortDelta, ...]:
    return (*PORTS[:number], replace(PORTS[number], **fields), *PORTS[number + 1 :])


def test_all_came() -> None:
    """Ten sent, ten delivered, some of them trimmed: balanced, with nothing dropped."""
    found = books(ports=changed(2, trimmed=3), trimmed=3)
    assert (10, 10, 0, ()) == (found.sent, found.delivered, found.in_flight, found.drops)
    assert (WayBooks("a", "b", EV, 10, 7, 3, 0),) == found.ways
    assert [("s:2", 3)] == [(port.port, port.trimmed) for port in found.ports]
    assert found.balanced


@pytest.mark.parametrize(
    ("arguments", "place", "cause"),
    [
        ({"ports": changed(2, sent=7, drops=(("tail drop", 3),))}, "s:2", "tail drop"),
        ({"ports": changed(2, sent=7), "astray": 3}, "s", "no route"),
        # it told the sender so, with a frame of its own
        (
            {"ports": changed(1, sent=2)[:2] + changed(2, sent=7)[2:], "astray": 3, "made": 2},
            "s",
            "no route",
        ),
        ({"ports": changed(2, flipped=True)[:3] + changed(3, received=7)[3:]}, "s:2", "link down"),
        ({"b": host("b", arrived=7, ring_drops=3)}, "b:ring", "no room"),
        ({"ports": changed(0, sent=7), "a": host("a", sent=10, refused=(3,))}, "a:1", "refused"),
    ],
)
def test_three_did_not(arguments: dict[str, Any], place: str, cause: str) -> None:
    """Each way to lose a frame stands in the books by place and cause, and explains its EV's loss."""
    found = books(arrived=7, **arguments)
    assert (Drop(place, cause, 3),) == found.drops
    assert [(3, 3)] == [(way.lost, way.explained) for way in found.ways]
    assert found.balanced


def test_what_a_port_still_holds_is_in_flight() -> None:
    """Frames in a shaper at the end are neither delivered nor dropped."""
    found = books(arrived=8, held=2)
    assert (2, ()) == (found.in_flight, found.drops)
    assert found.balanced


@pytest.mark.parametrize(
    "arguments",
    [
        {"arrived": 7},  # nobody says where three went
        {"arrived": 11},  # one came that nobody sent
        {"arrived": 7, "ports": changed(2, sent=7)},  # they stayed in a switch whose kernel denies it
        {"arrived": 7, "ports": changed(3, received=7)},  # they went on a link that was never down
    ],
)
def test_what_no_counter_explains(arguments: dict[str, Any]) -> None:
    """A frame that is missing, or one too many, keeps the books from balancing."""
    assert not books(**arguments).balanced


def test_a_frame_is_dropped_once() -> None:
    """What a host's own port drops the kernel also refuses: it stands at the port, and is nobody else's."""
    found = books(
        changed(0, sent=7, drops=(("blackhole", 3),)), arrived=7, a=host("a", sent=10, refused=(3,))
    )
    assert ((Drop("a:1", "blackhole", 3),), 0, True) == (found.drops, found.foreign, found.balanced)


def test_what_others_sent_may_be_dropped() -> None:
    """A probe of somebody else that a port drops is no fault of this run; without one there is no excuse."""
    dropped = replace(PORTS[2], drops=(("tail drop", 2),))
    probed = (replace(PORTS[0], sent=12), replace(PORTS[1], received=12), dropped, PORTS[3])
    assert (2, 2, True) == ((found := books(probed)).foreign, found.dropped, found.balanced)
    assert not books((*PORTS[:2], dropped, PORTS[3])).balanced


def test_what_switches_said_may_be_dropped() -> None:
    """What a switch's own daemons send and a dead port eats is no fault of this run."""
    said = changed(2, drops=(("blackhole", 2),))
    assert (2, 2, True) == ((found := books(said, made=2)).foreign, found.dropped, found.balanced)
    assert not books(said).balanced


def test_a_drop_elsewhere_explains_nothing() -> None:
    """The whole may be even while an EV is not: what it lost was dropped where it does not pass."""
    elsewhere = replace(QUIET, port="t:1", peer="u:1", drops=(("tail drop", 3),))
    found = books(arrived=7, ports=(*PORTS, elsewhere))
    assert found.sent == found.delivered + found.dropped
    assert [False] == [way.balanced for way in found.ways]
    assert not found.balanced
