"""Netlink messages for BPF filters on a port, and their way back. A filter of ours is known by its name."""

from __future__ import annotations

from dataclasses import dataclass
from socket import htons
from struct import Struct

from mrcnet.kernel.netlink import CREATE, DUMP, EXCL, attributes, message, nested, string, text, u32

RTM_NEWQDISC, RTM_GETQDISC = 36, 38
RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER = 44, 45, 46

INGRESS, EGRESS = 0xFFFFFFF2, 0xFFFFFFF3

_CLSACT, _CLSACT_HANDLE = 0xFFFFFFF1, 0xFFFF0000
_ETH_P_ALL = 3
_TCA_KIND, _TCA_OPTIONS = 1, 2
_BPF_FD, _BPF_NAME, _BPF_FLAGS = 6, 7, 8
_DIRECT_ACTION = 1

_TC = Struct("=BxxxiIII")  # family, index, handle, parent, info


@dataclass(frozen=True, slots=True)
class FilterSeen:
    """A BPF filter of a port: its name and where it stands."""

    index: int
    parent: int
    priority: int
    handle: int
    name: str


def add_clsact(index: int) -> bytes:
    """Let a port have filters. The kernel says EEXIST where it has that already."""
    return message(
        RTM_NEWQDISC, CREATE | EXCL, _TC.pack(0, index, _CLSACT_HANDLE, _CLSACT, 0), text(_TCA_KIND, "clsact")
    )


def add_filter(index: int, parent: int, priority: int, descriptor: int, name: str) -> bytes:
    """Put a loaded program on a port as its filter number `priority`; its return value is the verdict."""
    options = nested(
        _TCA_OPTIONS, u32(_BPF_FD, descriptor), text(_BPF_NAME, name), u32(_BPF_FLAGS, _DIRECT_ACTION)
    )
    head = _TC.pack(0, index, 1, parent, _info(priority))
    return message(RTM_NEWTFILTER, CREATE | EXCL, head, text(_TCA_KIND, "bpf"), options)


def delete_filter(index: int, parent: int, priority: int) -> bytes:
    """Take filter number `priority` away."""
    return message(RTM_DELTFILTER, 0, _TC.pack(0, index, 1, parent, _info(priority)), text(_TCA_KIND, "bpf"))


def list_qdiscs() -> bytes:
    """Dump request for the queueing disciplines of a namespace."""
    return message(RTM_GETQDISC, DUMP, _TC.pack(0, 0, 0, 0, 0))


def list_filters(index: int, parent: int) -> bytes:
    """Dump request for the filters of one port and direction."""
    return message(RTM_GETTFILTER, DUMP, _TC.pack(0, index, 0, parent, 0))


def clsact_of(body: bytes) -> int | None:
    """The interface number in an answer to `list_qdiscs`, if it tells of a clsact."""
    _, index, _, parent, _ = _TC.unpack_from(body)
    return index if parent == _CLSACT else None


def read_filter(body: bytes) -> FilterSeen | None:
    """An answer to `list_filters`; None unless it is a BPF filter with a name."""
    _, index, handle, parent, info = _TC.unpack_from(body)
    found = attributes(body, _TC.size)
    if _TCA_OPTIONS not in found or string(found.get(_TCA_KIND, b"")) != "bpf":
        return None
    options = attributes(found[_TCA_OPTIONS])
    if _BPF_NAME not in options:
        return None
    return FilterSeen(index, parent, info >> 16, handle, string(options[_BPF_NAME]))


def _info(priority: int) -> int:
    return priority << 16 | htons(_ETH_P_ALL)
