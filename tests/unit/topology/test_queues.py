"""The `ports` of a topology file: defaults by kind of port, levels, and what is refused."""

from __future__ import annotations

import pytest

from mrcnet.errors import InputError
from mrcnet.topology.load import load_text
from mrcnet.topology.model import Depth, End, QueueSettings

FABRIC = "name: q\nfabric: {planes: 1, t0: 2, t1: 2, hosts_per_t0: 1}\n"
UP, DOWN, LAST, HOST = (
    *(End("p0-t0-0", "eth2"), End("p0-t1-0", "eth1"), End("p0-t0-0", "eth1"), End("h0", "eth1")),
)


def queues(text: str) -> dict[End, QueueSettings]:
    return {queue.end: queue for queue in load_text(FABRIC + text, "q.yaml").queues}


@pytest.mark.parametrize(
    ("text", "shaped"),
    [("", False), ("ports: {}", True), ("dilation: 1000", True), ("dilation: auto", True)],
)
def test_when_ports_are_shaped(text: str, shaped: bool) -> None:
    """With `ports`, even empty, or where time is dilated; without either a link is as fast as the CPU."""
    assert shaped == load_text(FABRIC + text, "q.yaml").shaped


@pytest.mark.parametrize("text", ["ports: {}", "dilation: 1000"])
def test_defaults_are_those_of_the_specification(text: str) -> None:
    """Marks from 0.2 to 0.8 BDP but not before a host, trims at 1 BDP, before a host at 1.5."""
    found = queues(text)
    inside = QueueSettings(
        UP, 10**11, Depth(0, 0.2), Depth(0, 0.8), Depth(0, 1.0), 192, Depth(0, 3.0), Depth(0, 1.0)
    )
    assert inside == found[UP]
    assert Depth(0, 0.8) == found[DOWN].ecn_max
    last = QueueSettings(LAST, 10**11, None, None, Depth(0, 1.5), 192, Depth(0, 3.0), Depth(0, 1.0))
    assert last == found[LAST]
    assert QueueSettings(HOST, 10**11) == found[HOST]
    assert 2 * len(load_text(FABRIC, "q.yaml").links) == len(found)


def test_the_nearest_level_wins() -> None:
    """A port alone comes before its link, that before its kind, that before all ports."""
    found = queues(
        "ports:\n"
        "  trim: 2bdp\n"
        "  drop: 64KiB\n"
        "  roles: {t1-down: {drop: off}}\n"
        "  links:\n"
        "    - {at: 'p0-t0-0:p0-t1-0', trim: off, rate: 50Gbps}\n"
        "    - {at: 'p0-t0-0:eth2', rate: 10Gbps}\n"
    )
    assert (None, 10 * 10**9) == (found[UP].trim, found[UP].rate_bps)
    assert (None, 50 * 10**9, None) == (found[DOWN].trim, found[DOWN].rate_bps, found[DOWN].drop)
    assert (Depth(0, 2.0), Depth(65536)) == (found[LAST].trim, found[LAST].drop)


def test_ecn_can_be_on_before_hosts() -> None:
    """`ecn: on` for ports that face hosts marks there too, as spec 5.9 has it."""
    assert Depth(0, 0.2) == queues("ports: {roles: {t0-down: {ecn: on}}}")[LAST].ecn_min


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("ports: {ecn_min: 0.9bdp}", "3:18", "must rise"),
        ("ports: {ecn_max: 0.2bdp}", "3:18", "must rise"),
        ("ports: {ecn_min: 9KiB, ecn_max: 8KiB}", "3:18", "must rise"),
        ("ports: {trim_size: 121}", "3:20", "must be at least 122, not 121"),
        ("ports: {trim: much}", "3:15", "write it like 0.2bdp"),
        ("ports: {trim: -1bdp}", "3:15", "write it like 0.2bdp"),
        ("ports: {rolls: {}}", "3:9", "did you mean 'roles'"),
        ("ports: {roles: {t2: {}}}", "3:17", "t0-up"),
        ("ports: {roles: {host: {trim: 1bdp}}}", "3:30", "a rate and nothing else"),
        ("ports: {links: [{at: 'h0:eth1', drop: 1bdp}]}", "3:39", "a rate and nothing else"),
        ("ports: {links: [{at: 'p0-t0-0:p0-t1-3'}]}", "3:22", "did you mean 'p0-t0-0:p0-t1-"),
        ("ports: {links: [{at: 'h0:eth1'}, {at: 'h0:eth1'}]}", "3:39", "described on line 3"),
        ("ports: {links: [{at: 'h0:eth1', rate: 0}]}", "3:39", "must be at least 1"),
    ],
)
def test_wrong_settings_are_refused_with_their_place(text: str, place: str, message: str) -> None:
    """A ramp that falls, a trim below the headers, an unknown port: refused, with line and column."""
    with pytest.raises(InputError) as refused:
        queues(text)
    assert f"q.yaml:{place}: " in str(refused.value)
    assert message in str(refused.value)
