"""Netlink messages for links, addresses and neighbours, and the way back from a dump."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from socket import AF_INET6, inet_ntop, inet_pton
from struct import Struct

from mrcnet.kernel.netlink import (
    CREATE,
    DUMP,
    EXCL,
    REPLACE,
    attr,
    attributes,
    each_attribute,
    message,
    nested,
    number,
    string,
    text,
    u32,
)

# Every link that we make is in this group ("MRC" in ASCII): it tells our links from a stranger's.
GROUP = 0x4D5243

LOOPBACK = "loopback"  # our word for the kind of `lo`, which has none

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
RTM_NEWLINKPROP = 108

_IFF_UP = 1
_IFF_LOWER_UP = 0x10000
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_OPERSTATE = 1, 3, 4, 5, 16
_IFLA_TXQLEN = 13
_IFLA_LINKINFO, _IFLA_AF_SPEC, _IFLA_GROUP, _IFLA_NET_NS_FD, _IFLA_EXT_MASK = 18, 26, 27, 28, 29
_IFLA_PROP_LIST, _IFLA_ALT_IFNAME = 52, 53
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFLA_INET6_CONF = 2
_DEVCONF_FORWARDING, _DEVCONF_SEG6_ENABLED = 0, 44
_RTEXT_FILTER_SKIP_STATS = 8
_OPERSTATE_UP = 6
_ARPHRD_LOOPBACK = 772

_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_IFA_F_NODAD, _IFA_F_PERMANENT = 0x02, 0x80
_NDA_DST, _NDA_LLADDR = 1, 2
_NUD_PERMANENT = 0x80
_NUD_USABLE = 0x02 | 0x04 | 0x08 | 0x10 | _NUD_PERMANENT  # reachable, stale, delay, probe
_SCOPE_UNIVERSE, _SCOPE_LINK = 0, 253

_LINK = Struct("=BxHiII")  # family, type, index, flags, mask of flags
_ADDRESS = Struct("=BBBBI")  # family, prefix length, flags, scope, index
_NEIGHBOUR = Struct("=BxxxiHBB")  # family, index, state, flags, type


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """One end of a veth to be: the namespace (an open descriptor) and what the interface is to be."""

    namespace_fd: int
    index: int
    name: str
    mac: str
    mtu: int


@dataclass(frozen=True, slots=True)
class LinkSeen:
    """An interface as the kernel lists it. `peer_index` is 0 when it has no other end."""

    index: int
    name: str
    kind: str
    mac: str
    mtu: int
    group: int
    up: bool
    running: bool
    peer_index: int
    altnames: tuple[str, ...]
    forwarding: bool
    seg6_enabled: bool


@dataclass(frozen=True, slots=True)
class AddressSeen:
    """An address with its prefix length, e.g. `fe80::a/64`."""

    index: int
    cidr: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class NeighbourSeen:
    """A neighbour and its MAC."""

    index: int
    address: str
    mac: str


def _mac(value: str) -> bytes:
    return bytes.fromhex(value.replace(":", ""))


def _end(end: LinkEnd) -> bytes:
    return b"".join(
        (
            _LINK.pack(0, 0, end.index, 0, 0),
            text(_IFLA_IFNAME, end.name),
            attr(_IFLA_ADDRESS, _mac(end.mac)),
            u32(_IFLA_MTU, end.mtu),
            u32(_IFLA_GROUP, GROUP),
            u32(_IFLA_NET_NS_FD, end.namespace_fd),
        )
    )


def add_veth(a: LinkEnd, b: LinkEnd) -> bytes:
    """Make a cable with both ends in place at birth: moving an end later is a hundred times slower.

    It must not come up here, for the far end does not exist yet when the near one would be opened.
    """
    data = nested(_IFLA_INFO_DATA, attr(_VETH_INFO_PEER, _end(b)))
    info = nested(_IFLA_LINKINFO, text(_IFLA_INFO_KIND, "veth"), data)
    return message(RTM_NEWLINK, CREATE | EXCL, _end(a), info)


def add_bridge(name: str, index: int) -> bytes:
    """Make a bridge without ports, up: a device that is always there, for uN routes to stand on."""
    return message(
        RTM_NEWLINK,
        CREATE | EXCL,
        _LINK.pack(0, 0, index, _IFF_UP, _IFF_UP),
        text(_IFLA_IFNAME, name),
        u32(_IFLA_GROUP, GROUP),
        nested(_IFLA_LINKINFO, text(_IFLA_INFO_KIND, "bridge")),
    )


def delete_link(index: int) -> bytes:
    """Delete an interface; a cable's other end goes with it."""
    return message(RTM_DELLINK, 0, _LINK.pack(0, 0, index, 0, 0))


def delete_ours() -> bytes:
    """Delete every interface of ours in a namespace at once: the kernel waits once, not once for each."""
    return message(RTM_DELLINK, 0, _LINK.pack(0, 0, 0, 0, 0), u32(_IFLA_GROUP, GROUP))


def set_up(index: int, up: bool = True) -> bytes:
    """Raise or lower an interface administratively."""
    return message(RTM_NEWLINK, 0, _LINK.pack(0, 0, index, _IFF_UP if up else 0, _IFF_UP))


def set_mtu(index: int, mtu: int) -> bytes:
    """Set an interface's MTU in bytes."""
    return message(RTM_NEWLINK, 0, _LINK.pack(0, 0, index, 0, 0), u32(_IFLA_MTU, mtu))


def set_queue_length(index: int, frames: int) -> bytes:
    """Set how many frames the queues of an interface hold, those that are made from now on."""
    return message(RTM_NEWLINK, 0, _LINK.pack(0, 0, index, 0, 0), u32(_IFLA_TXQLEN, frames))


def set_group(index: int, group: int = GROUP) -> bytes:
    """Count an interface among ours, or, with group 0, no longer."""
    return message(RTM_NEWLINK, 0, _LINK.pack(0, 0, index, 0, 0), u32(_IFLA_GROUP, group))


def add_altname(index: int, name: str) -> bytes:
    """Give an interface one more name, of at most 127 bytes; any character but the zero will do."""
    return message(
        RTM_NEWLINKPROP,
        CREATE | EXCL,
        _LINK.pack(0, 0, index, 0, 0),
        nested(_IFLA_PROP_LIST, text(_IFLA_ALT_IFNAME, name)),
    )


def _prefixed(cidr: str) -> tuple[bytes, int]:
    address, _, length = cidr.partition("/")
    return inet_pton(AF_INET6, address), int(length)


def add_address(index: int, cidr: str) -> bytes:
    """Put an address on an interface, usable at once: no duplicate address detection."""
    address, length = _prefixed(cidr)
    scope = _SCOPE_LINK if address[:2] == b"\xfe\x80" else _SCOPE_UNIVERSE
    head = _ADDRESS.pack(AF_INET6, length, _IFA_F_NODAD | _IFA_F_PERMANENT, scope, index)
    return message(RTM_NEWADDR, CREATE | REPLACE, head, attr(_IFA_LOCAL, address))


def delete_address(index: int, cidr: str) -> bytes:
    """Take an address away."""
    address, length = _prefixed(cidr)
    return message(RTM_DELADDR, 0, _ADDRESS.pack(AF_INET6, length, 0, 0, index), attr(_IFA_LOCAL, address))


def add_neighbour(index: int, address: str, mac: str) -> bytes:
    """Pin a neighbour's MAC address, so that nothing is ever asked for."""
    return message(
        RTM_NEWNEIGH,
        CREATE | REPLACE,
        _NEIGHBOUR.pack(AF_INET6, index, _NUD_PERMANENT, 0, 0),
        attr(_NDA_DST, inet_pton(AF_INET6, address)),
        attr(_NDA_LLADDR, _mac(mac)),
    )


def delete_neighbour(index: int, address: str) -> bytes:
    """Forget a neighbour."""
    head = _NEIGHBOUR.pack(AF_INET6, index, 0, 0, 0)
    return message(RTM_DELNEIGH, 0, head, attr(_NDA_DST, inet_pton(AF_INET6, address)))


def list_links() -> bytes:
    """Dump request for interfaces, without their counters."""
    return message(
        RTM_GETLINK, DUMP, _LINK.pack(0, 0, 0, 0, 0), u32(_IFLA_EXT_MASK, _RTEXT_FILTER_SKIP_STATS)
    )


def get_link(index: int) -> bytes:
    """Request for one interface."""
    return message(
        RTM_GETLINK, 0, _LINK.pack(0, 0, index, 0, 0), u32(_IFLA_EXT_MASK, _RTEXT_FILTER_SKIP_STATS)
    )


def list_addresses() -> bytes:
    """Dump request for IPv6 addresses."""
    return message(RTM_GETADDR, DUMP, _ADDRESS.pack(AF_INET6, 0, 0, 0, 0))


def list_neighbours() -> bytes:
    """Dump request for IPv6 neighbours."""
    return message(RTM_GETNEIGH, DUMP, _NEIGHBOUR.pack(AF_INET6, 0, 0, 0, 0))


def read_link(body: bytes) -> LinkSeen:
    """An answer to `list_links` or `get_link`."""
    _, hardware, index, flags, _ = _LINK.unpack_from(body)
    found = attributes(body[_LINK.size :])
    info = attributes(found[_IFLA_LINKINFO]) if _IFLA_LINKINFO in found else {}
    altnames: tuple[str, ...] = ()
    if _IFLA_PROP_LIST in found:
        altnames = tuple(string(value) for _, value in each_attribute(found[_IFLA_PROP_LIST]))
    forwarding, seg6_enabled = _inet6(found.get(_IFLA_AF_SPEC))
    return LinkSeen(
        index=index,
        name=string(found[_IFLA_IFNAME]),
        kind=_kind(hardware, info),
        mac=found[_IFLA_ADDRESS].hex(":") if _IFLA_ADDRESS in found else "",
        mtu=number(found[_IFLA_MTU]),
        group=number(found[_IFLA_GROUP]) if _IFLA_GROUP in found else 0,
        up=bool(flags & _IFF_UP),
        running=bool(flags & _IFF_LOWER_UP) and number(found[_IFLA_OPERSTATE]) == _OPERSTATE_UP,
        peer_index=number(found[_IFLA_LINK]) if _IFLA_LINK in found else 0,
        altnames=altnames,
        forwarding=forwarding,
        seg6_enabled=seg6_enabled,
    )


def _kind(hardware: int, info: dict[int, bytes]) -> str:
    if _IFLA_INFO_KIND in info:
        return string(info[_IFLA_INFO_KIND])
    return LOOPBACK if hardware == _ARPHRD_LOOPBACK else ""


def _inet6(spec: bytes | None) -> tuple[bool, bool]:
    """An interface's own IPv6 settings come with the link: an array of 32-bit values by DEVCONF number."""
    inet6 = attributes(spec).get(AF_INET6) if spec is not None else None
    conf = attributes(inet6).get(_IFLA_INET6_CONF) if inet6 is not None else None
    if conf is None:
        return False, False
    return any(conf[4 * _DEVCONF_FORWARDING :][:4]), any(conf[4 * _DEVCONF_SEG6_ENABLED :][:4])


def read_address(body: bytes) -> AddressSeen:
    """An answer to `list_addresses`."""
    _, length, low_flags, _, index = _ADDRESS.unpack_from(body)
    found = attributes(body[_ADDRESS.size :])
    flags = number(found[_IFA_FLAGS]) if _IFA_FLAGS in found else low_flags
    address = found[_IFA_LOCAL] if _IFA_LOCAL in found else found[_IFA_ADDRESS]
    return AddressSeen(index, f"{inet_ntop(AF_INET6, address)}/{length}", bool(flags & _IFA_F_PERMANENT))


def read_neighbours(bodies: Iterable[bytes], *, learned: bool = False) -> list[NeighbourSeen]:
    """The permanent ones of the answers to `list_neighbours`; or all whose MAC is known, `learned` too."""
    wanted = _NUD_USABLE if learned else _NUD_PERMANENT
    seen = []
    for body in bodies:
        _, index, state, _, _ = _NEIGHBOUR.unpack_from(body)
        if state & wanted:
            found = attributes(body[_NEIGHBOUR.size :])
            mac = found[_NDA_LLADDR].hex(":") if _NDA_LLADDR in found else ""
            seen.append(NeighbourSeen(index, inet_ntop(AF_INET6, found[_NDA_DST]), mac))
    return seen
