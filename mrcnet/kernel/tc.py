"""Netlink messages for BPF filters on a port, and their way back. A filter of ours is known by its name."""

from __future__ import annotations

from dataclasses import dataclass
from socket import htons
from struct import Struct

from mrcnet.kernel.netlink import (
    CREATE,
    DUMP,
    EXCL,
    REPLACE,
    attributes,
    message,
    nested,
    number,
    string,
    text,
    u32,
)

RTM_NEWQDISC, RTM_GETQDISC = 36, 38
RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER = 44, 45, 46

INGRESS, EGRESS = 0xFFFFFFF2, 0xFFFFFFF3

_CLSACT, _CLSACT_HANDLE = 0xFFFFFFF1, 0xFFFF0000
_ETH_P_ALL = 3
TCA_KIND, TCA_OPTIONS = 1, 2
_BPF_FD, _BPF_NAME, _BPF_FLAGS, _BPF_ID = 6, 7, 8, 11
_DIRECT_ACTION = 1

TC = Struct("=BxxxiIII")  # family, index, handle, parent, info


@dataclass(frozen=True, slots=True)
class FilterSeen:
    """A BPF filter of a port: its name, where it stands, and the number of its program (0: unknown)."""

    index: int
    parent: int
    priority: int
    handle: int
    name: str
    program: int


def add_clsact(index: int) -> bytes:
    """Let a port have filters. The kernel says EEXIST where it has that already."""
    return message(
        RTM_NEWQDISC, CREATE | EXCL, TC.pack(0, index, _CLSACT_HANDLE, _CLSACT, 0), text(TCA_KIND, "clsact")
    )


def ensure_clsact(index: int) -> bytes:
    """The same, and no error if it has that already."""
    return message(
        RTM_NEWQDISC,
        CREATE | REPLACE,
        TC.pack(0, index, _CLSACT_HANDLE, _CLSACT, 0),
        text(TCA_KIND, "clsact"),
    )


def add_filter(
    index: int, parent: int, priority: int, descriptor: int, name: str, *, replace: bool = False
) -> bytes:
    """Put a loaded program on a port as its filter number `priority`; its return value is the verdict.

    `replace`: also where another stands already.
    """
    options = nested(
        TCA_OPTIONS, u32(_BPF_FD, descriptor), text(_BPF_NAME, name), u32(_BPF_FLAGS, _DIRECT_ACTION)
    )
    head = TC.pack(0, index, 1, parent, _info(priority))
    flags = CREATE if replace else CREATE | EXCL
    return message(RTM_NEWTFILTER, flags, head, text(TCA_KIND, "bpf"), options)


def delete_filter(index: int, parent: int, priority: int) -> bytes:
    """Take filter number `priority` away."""
    return message(RTM_DELTFILTER, 0, TC.pack(0, index, 1, parent, _info(priority)), text(TCA_KIND, "bpf"))


def list_qdiscs() -> bytes:
    """Dump request for the queueing disciplines of a namespace."""
    return message(RTM_GETQDISC, DUMP, TC.pack(0, 0, 0, 0, 0))


def list_filters(index: int, parent: int) -> bytes:
    """Dump request for the filters of one port and direction."""
    return message(RTM_GETTFILTER, DUMP, TC.pack(0, index, 0, parent, 0))


def clsact_of(body: bytes) -> int | None:
    """The interface number in an answer to `list_qdiscs`, if it tells of a clsact."""
    _, index, _, parent, _ = TC.unpack_from(body)
    return index if parent == _CLSACT else None


def read_filter(body: bytes) -> FilterSeen | None:
    """An answer to `list_filters`; None unless it is a BPF filter with a name."""
    _, index, handle, parent, info = TC.unpack_from(body)
    found = attributes(body, TC.size)
    if TCA_OPTIONS not in found or string(found.get(TCA_KIND, b"")) != "bpf":
        return None
    options = attributes(found[TCA_OPTIONS])
    if _BPF_NAME not in options:
        return None
    program = number(options[_BPF_ID]) if _BPF_ID in options else 0
    return FilterSeen(index, parent, info >> 16, handle, string(options[_BPF_NAME]), program)


def _info(priority: int) -> int:
    return priority << 16 | htons(_ETH_P_ALL)
