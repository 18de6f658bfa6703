"""Netlink messages for static routes: plain ones, SRv6 uSID actions and encapsulation, both ways.

Numbers are those of linux/rtnetlink.h, lwtunnel.h, seg6_iptunnel.h and seg6_local.h.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from socket import AF_INET6, inet_ntop, inet_pton
from struct import Struct

from mrcnet.kernel.netlink import (
    APPEND,
    CREATE,
    DUMP,
    EXCL,
    attr,
    attributes,
    message,
    nested,
    number,
    u32,
)
from mrcnet.plan.model import Action, Route

# The owner of a route, as `ip route` prints it (`proto 77`): ours bear this number, others are not ours.
PROTOCOL = 77
METRIC = 1024

RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
_TABLE_MAIN, _TABLE_LOCAL = 254, 255
_PROTOCOL_KERNEL = 2
_TABLE_OF = {Action.DECAP: _TABLE_LOCAL, Action.UDT6: _TABLE_MAIN}  # where End.DT6 looks up
_SCOPE_UNIVERSE = 0
_TYPE_UNICAST = 1

_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_MULTIPATH = 1, 4, 5, 6, 9
_RTA_TABLE, _RTA_ENCAP_TYPE, _RTA_ENCAP = 15, 21, 22

_ENCAP_SEG6, _ENCAP_SEG6_LOCAL = 5, 7
_SEG6_IPTUNNEL_SRH = 1
_MODE_ENCAP_RED = 3
_SEG6_LOCAL_ACTION, _SEG6_LOCAL_TABLE, _SEG6_LOCAL_NH6, _SEG6_LOCAL_OIF = 1, 3, 5, 7
_SEG6_LOCAL_FLAVORS = 11
_ACTION_END, _ACTION_END_X, _ACTION_END_DT6 = 1, 2, 7
_FLAVOR_OPERATION, _FLAVOR_BLOCK_BITS, _FLAVOR_NODE_BITS = 1, 2, 3
_NEXT_CSID = 1 << 4
_BLOCK_BITS, _NODE_BITS = 32, 16  # F3216 (spec 6.1)

_HOP = Struct("=HBBi")  # of a multipath route: length, flags, weight less one, interface
_ROUTE = Struct("=BBBBBBBBI")  # family, dst and src lengths, tos, table, protocol, scope, type, flags
_SRH = Struct("=BBBBBBH")  # next header, length, type, segments left, first segment, flags, tag
_MODE = Struct("=i")


@dataclass(frozen=True, slots=True)
class RouteSeen:
    """A static route of the main table, anyone's. `route` is None if it is no shape of ours."""

    dst: str
    metric: int
    protocol: int
    kind: int
    index: int
    route: Route | None


def _flavors() -> bytes:
    return nested(
        _SEG6_LOCAL_FLAVORS,
        u32(_FLAVOR_OPERATION, _NEXT_CSID),
        attr(_FLAVOR_BLOCK_BITS, bytes([_BLOCK_BITS])),
        attr(_FLAVOR_NODE_BITS, bytes([_NODE_BITS])),
    )


_FLAVORS = _flavors()
_IS_SEG6_LOCAL = attr(_RTA_ENCAP_TYPE, Struct("=H").pack(_ENCAP_SEG6_LOCAL))
_IS_SEG6 = attr(_RTA_ENCAP_TYPE, Struct("=H").pack(_ENCAP_SEG6))
_UN = nested(_RTA_ENCAP, u32(_SEG6_LOCAL_ACTION, _ACTION_END), _FLAVORS) + _IS_SEG6_LOCAL
_DT6 = {
    action: nested(_RTA_ENCAP, u32(_SEG6_LOCAL_ACTION, _ACTION_END_DT6), u32(_SEG6_LOCAL_TABLE, table))
    + _IS_SEG6_LOCAL
    for action, table in _TABLE_OF.items()
}


@cache
def _ua(via: str, index: int) -> bytes:
    return (
        nested(
            _RTA_ENCAP,
            u32(_SEG6_LOCAL_ACTION, _ACTION_END_X),
            attr(_SEG6_LOCAL_NH6, inet_pton(AF_INET6, via)),
            u32(_SEG6_LOCAL_OIF, index),
            _FLAVORS,
        )
        + _IS_SEG6_LOCAL
    )


def _encap(segs: str) -> bytes:
    # Reduced encapsulation (spec 6.1): with a single segment the kernel sends no SRH at all.
    header = _SRH.pack(0, 2, 4, 0, 0, 0, 0) + inet_pton(AF_INET6, segs)
    return nested(_RTA_ENCAP, attr(_SEG6_IPTUNNEL_SRH, _MODE.pack(_MODE_ENCAP_RED) + header)) + _IS_SEG6


def _way(route: Route, index: int) -> bytes:
    match route.action:
        case Action.UN:
            return _UN
        case Action.UA:
            if route.via is None:
                raise ValueError(f"uA {route.dst} has no neighbour")
            return _ua(route.via, index)
        case Action.FORWARD | Action.ECMP:
            return b"" if route.via is None else _gateway(route.via)
        case Action.ENCAP:
            if route.segs is None:
                raise ValueError(f"encap {route.dst} has no segment")
            return _encap(route.segs)
        case Action.DECAP | Action.UDT6:
            return _DT6[route.action]


def _key(dst: str) -> tuple[int, bytes]:
    address, _, length = dst.partition("/")
    return int(length), attr(_RTA_DST, inet_pton(AF_INET6, address))


def add_route(route: Route, index: int) -> bytes:
    """Add a route over interface number `index`.

    Fails if the prefix is taken: IPv6 would else make it ECMP, as it shall the next hops of that action.
    """
    length, dst = _key(route.dst)
    head = _ROUTE.pack(AF_INET6, length, 0, 0, _TABLE_MAIN, PROTOCOL, _SCOPE_UNIVERSE, _TYPE_UNICAST, 0)
    priority = u32(_RTA_PRIORITY, METRIC)
    return message(
        RTM_NEWROUTE,
        CREATE | (APPEND if route.action is Action.ECMP else EXCL),
        head,
        dst,
        u32(_RTA_OIF, index),
        priority,
        _way(route, index),
    )


def delete_route(dst: str, protocol: int, metric: int, hop: tuple[int, str | None] | None = None) -> bytes:
    """Delete a route by prefix, owner and metric; with a `hop`, interface and neighbour, only that one."""
    length, address = _key(dst)
    way = () if hop is None or hop[1] is None else (u32(_RTA_OIF, hop[0]), _gateway(hop[1]))
    head = _ROUTE.pack(AF_INET6, length, 0, 0, _TABLE_MAIN, protocol, _SCOPE_UNIVERSE, 0, 0)
    return message(RTM_DELROUTE, 0, head, address, u32(_RTA_PRIORITY, metric), *way)


def _gateway(via: str) -> bytes:
    return attr(_RTA_GATEWAY, inet_pton(AF_INET6, via))


def list_routes() -> bytes:
    """Dump request for the main IPv6 table."""
    head = _ROUTE.pack(AF_INET6, 0, 0, 0, _TABLE_MAIN, 0, 0, 0, 0)
    return message(RTM_GETROUTE, DUMP, head, u32(_RTA_TABLE, _TABLE_MAIN))


def read_routes(body: bytes, names: Mapping[int, str]) -> Iterator[RouteSeen]:
    """An answer to `list_routes`; of a multipath route, each next hop, also one that is dead for now."""
    found = attributes(body[_ROUTE.size :])
    if _RTA_MULTIPATH not in found:
        if (one := read_route(body, names)) is not None:
            yield one
        return
    _, length, source, _, _, protocol, _, kind, _ = _ROUTE.unpack_from(body)
    dst = f"{inet_ntop(AF_INET6, found[_RTA_DST]) if _RTA_DST in found else '::'}/{length}"
    metric = number(found[_RTA_PRIORITY]) if _RTA_PRIORITY in found else 0
    hops = found[_RTA_MULTIPATH]
    while len(hops) >= _HOP.size:
        size, _, _, index = _HOP.unpack_from(hops)
        if size < _HOP.size:
            raise ValueError(f"next hop of {size} bytes in the route to {dst}")
        plain = kind == _TYPE_UNICAST and not source and index in names
        way = _read_way(dst, names[index], index, attributes(hops[_HOP.size : size])) if plain else None
        yield RouteSeen(dst, metric, protocol, kind, index, way)
        hops = hops[(size + 3) & ~3 :]


def read_route(body: bytes, names: Mapping[int, str]) -> RouteSeen | None:
    """An answer to `list_routes`, or None for the kernel's own. `names` are the interfaces by number."""
    _, length, source, _, _, protocol, _, kind, _ = _ROUTE.unpack_from(body)
    if protocol == _PROTOCOL_KERNEL:
        return None
    found = attributes(body[_ROUTE.size :])
    dst = f"{inet_ntop(AF_INET6, found[_RTA_DST]) if _RTA_DST in found else '::'}/{length}"
    metric = number(found[_RTA_PRIORITY]) if _RTA_PRIORITY in found else 0
    index = number(found[_RTA_OIF]) if _RTA_OIF in found else 0
    plain = kind == _TYPE_UNICAST and not source and _RTA_MULTIPATH not in found and index in names
    route = _read_way(dst, names[index], index, found) if plain else None
    return RouteSeen(dst, metric, protocol, kind, index, route)


def _read_way(dst: str, dev: str, index: int, found: dict[int, bytes]) -> Route | None:
    via = inet_ntop(AF_INET6, found[_RTA_GATEWAY]) if _RTA_GATEWAY in found else None
    if _RTA_ENCAP not in found:
        # a plain route is a step towards a switch's locator, or a way to a host
        return Route(dst, Action.ECMP if dst.endswith("/128") else Action.FORWARD, dev, via=via)
    if via is not None:
        return None
    inner = attributes(found[_RTA_ENCAP])
    encap = number(found[_RTA_ENCAP_TYPE])
    if encap == _ENCAP_SEG6 and _SEG6_IPTUNNEL_SRH in inner:
        tunnel = inner[_SEG6_IPTUNNEL_SRH]
        one_segment = len(tunnel) == 4 + 8 + 16 and _MODE.unpack_from(tunnel)[0] == _MODE_ENCAP_RED
        return Route(dst, Action.ENCAP, dev, segs=inet_ntop(AF_INET6, tunnel[12:])) if one_segment else None
    if encap == _ENCAP_SEG6_LOCAL and _SEG6_LOCAL_ACTION in inner:
        return _read_local(dst, dev, index, inner)
    return None


def _read_local(dst: str, dev: str, index: int, inner: dict[int, bytes]) -> Route | None:
    action = number(inner[_SEG6_LOCAL_ACTION])
    if action == _ACTION_END_DT6:
        table = number(inner[_SEG6_LOCAL_TABLE]) if _SEG6_LOCAL_TABLE in inner else None
        return next((Route(dst, one, dev) for one, its in _TABLE_OF.items() if its == table), None)
    if _SEG6_LOCAL_FLAVORS not in inner or not _is_next_csid(inner[_SEG6_LOCAL_FLAVORS]):
        return None
    if action == _ACTION_END:
        return Route(dst, Action.UN, dev)
    # a link-local neighbour alone tells the kernel no port: such a uA forwards nothing
    straight = _SEG6_LOCAL_OIF in inner and number(inner[_SEG6_LOCAL_OIF]) == index
    if action == _ACTION_END_X and straight and _SEG6_LOCAL_NH6 in inner:
        return Route(dst, Action.UA, dev, via=inet_ntop(AF_INET6, inner[_SEG6_LOCAL_NH6]))
    return None


def _is_next_csid(flavors: bytes) -> bool:
    found = attributes(flavors)
    values = {kind: number(value) for kind, value in found.items()}
    return values == {
        _FLAVOR_OPERATION: _NEXT_CSID,
        _FLAVOR_BLOCK_BITS: _BLOCK_BITS,
        _FLAVOR_NODE_BITS: _NODE_BITS,
    }
