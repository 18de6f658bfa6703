"""Netlink messages: what is written is what is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcnet.kernel import links, netlink, routes, tc
from mrcnet.plan.addressing import to_text
from mrcnet.plan.model import Action, Route

HEADER = 16
ADDRESSES = st.integers(1, 2**128 - 1).map(to_text)
PREFIXES = st.integers(1, 2**48 - 1).map(lambda value: f"{to_text(value << 80)}/48")


def route_of(action: Action, dst: str, via: str, segs: str) -> Route:
    has_via = action in (Action.UA, Action.FORWARD, Action.ECMP)
    if action is Action.ECMP:  # a way to a host
        dst = f"{via}/128"
    return Route(
        dst, action, "eth7", via=via if has_via else None, segs=segs if action is Action.ENCAP else None
    )


@given(st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=300))))
def test_attributes_round_trip(pairs: list[tuple[int, bytes]]) -> None:
    """Attributes of any type and length come back in their order."""
    data = b"".join(netlink.attr(kind, payload) for kind, payload in pairs)
    assert pairs == list(netlink.each_attribute(data))


@given(st.binary(max_size=200))
def test_malformed_attributes_never_hang_or_overrun(data: bytes) -> None:
    """Arbitrary bytes are read as attributes that lie inside them, or refused with ValueError."""
    try:
        found = list(netlink.each_attribute(data))
    except ValueError:
        return
    assert sum(4 + len(payload) for _, payload in found) <= len(data)


def test_short_attribute_is_refused() -> None:
    """An attribute that claims more bytes than there are is an error, not a short value."""
    with pytest.raises(ValueError, match="attribute of 12 bytes"):
        netlink.attributes(b"\x0c\x00\x01\x00\x00\x00\x00\x00")


@given(st.sampled_from(list(Action)), PREFIXES, ADDRESSES, ADDRESSES)
def test_routes_round_trip(action: Action, dst: str, via: str, segs: str) -> None:
    """Every kind of route is read back from the very attributes that were written for it."""
    route = route_of(action, dst, via, segs)
    seen = routes.read_route(routes.add_route(route, 7)[HEADER:], {7: "eth7"})
    assert seen is not None
    assert (route, routes.PROTOCOL, routes.METRIC) == (seen.route, seen.protocol, seen.metric)


def test_route_without_flavor_is_not_a_un() -> None:
    """An End whose NEXT-C-SID flavor the kernel dropped is not taken for a uN."""
    whole = routes.add_route(Route("fcbb:bb00:2001::/48", Action.UN, "eth7"), 7)[HEADER:]
    flavors = routes._FLAVORS
    seen = routes.read_route(whole.replace(flavors, netlink.attr(99, flavors[4:])), {7: "eth7"})
    assert seen is not None
    assert seen.route is None


@given(st.lists(ADDRESSES, min_size=1, max_size=5, unique=True))
def test_each_next_hop_of_a_multipath_route_is_read(hops: list[str]) -> None:
    """A multipath route comes back as one route a next hop, in order, whatever else the hops say."""
    head = routes.add_route(Route("2001:db8::1/128", Action.ECMP, "eth7"), 7)[HEADER:]
    listed = b"".join(
        routes._HOP.pack(8 + len(gateway), number & 1, 0, 7) + gateway
        for number, gateway in enumerate(map(routes._gateway, hops))
    )
    body = head + netlink.attr(routes._RTA_MULTIPATH, listed)
    expected = [Route("2001:db8::1/128", Action.ECMP, "eth7", via=via) for via in hops]
    assert expected == [one.route for one in routes.read_routes(body, {7: "eth7"})]


def test_kernel_routes_are_skipped() -> None:
    """Routes that the kernel made itself are nobody's to manage."""
    body = bytearray(routes.add_route(Route("fe80::/48", Action.FORWARD, "eth7"), 7)[HEADER:])
    body[5] = 2  # rtm_protocol
    assert routes.read_route(bytes(body), {7: "eth7"}) is None


@given(ADDRESSES, st.integers(1, 128))
def test_addresses_round_trip(address: str, length: int) -> None:
    """An address comes back with its prefix length, and as permanent."""
    seen = links.read_address(links.add_address(5, f"{address}/{length}")[HEADER:])
    assert links.AddressSeen(5, f"{address}/{length}", permanent=True) == seen


def test_neighbours_round_trip() -> None:
    """A permanent neighbour comes back; one that was learned does not."""
    pinned = links.add_neighbour(5, "fe80::b", "02:00:00:00:00:0b")[HEADER:]
    learned = bytearray(pinned)
    learned[8:10] = (2).to_bytes(2, "little")  # NUD_REACHABLE
    assert [links.NeighbourSeen(5, "fe80::b", "02:00:00:00:00:0b")] == links.read_neighbours(
        [pinned, bytes(learned)]
    )


def test_filters_round_trip() -> None:
    """A filter is known by its name, its place and its number."""
    request = tc.add_filter(9, tc.EGRESS, 3, 42, "mrcnet_cut")[HEADER:]
    assert tc.FilterSeen(9, tc.EGRESS, 3, 1, "mrcnet_cut", 0) == tc.read_filter(request)


@given(st.lists(st.binary(max_size=64), min_size=1, max_size=8))
def test_messages_round_trip(bodies: list[bytes]) -> None:
    """Messages packed into one datagram come apart again."""
    padded = [body + bytes(-len(body) % 4) for body in bodies]
    data = b"".join(netlink.message(30 + number, 0, body) for number, body in enumerate(padded))
    assert [(30 + number, body) for number, body in enumerate(padded)] == [
        (kind, body) for kind, _, _, body in netlink.messages(data)
    ]
