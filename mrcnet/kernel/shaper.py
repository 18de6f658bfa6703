"""Netlink messages for the shaper under a port's program: HTB with a control class before a data class.

The program puts each frame into a class (`priority`). A size table without entries makes HTB reckon with
the frame as it is then: one that was trimmed would else be charged in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from mrcnet.kernel.netlink import (
    CREATE,
    DUMP,
    EXCL,
    REPLACE,
    attr,
    attributes,
    message,
    nested,
    number,
    string,
    text,
)
from mrcnet.kernel.tc import RTM_NEWQDISC, TC, TCA_KIND, TCA_OPTIONS

RTM_DELQDISC = 37
RTM_NEWTCLASS, RTM_DELTCLASS, RTM_GETTCLASS = 40, 41, 42

KIND = "htb"
BLACKHOLE = "blackhole"
ROOT = 0xFFFFFFFF
HANDLE = 0x10000
LINK, CONTROL, DATA = 0x10001, 0x10010, 0x10020
SLOW_LINK, SLOW_CONTROL, SLOW_DATA = 0x10002, 0x10030, 0x10040  # while the port is degraded

# What a late timer may make up for: with less the rate suffers, with more the delays do. About two frames'
# time, but neither shorter than the lateness of an idle machine nor longer than anybody should be.
_BURST_BYTES, _BURST_LEAST_NS, _BURST_MOST_NS = 8_192, 200_000, 1_000_000
_TICK_SHIFT = 6  # the kernel's scheduler ticks are 64 ns
_QUANTUM = 1 << 16
_ETHERNET = 1  # link layer: rates are exact, and no table of them is needed
_NO_CEILING = 1 << 40

_TCA_STAB, _TCA_STATS2 = 8, 7
_STAB_BASE = 1
_HTB_PARMS, _HTB_INIT, _HTB_RATE64, _HTB_CEIL64 = 1, 2, 6, 7
_STATS_QUEUE = 3

_GLOBAL = Struct("=IIIII")  # version, rate to quantum, default class, debug, direct packets
_SIZES = Struct("=BBhiIIII")  # cell and size log, align, overhead, link layer, mpu, mtu, entries
_RATE = Struct("=BBHhHI")  # cell log, link layer, overhead, align, mpu, bytes/s
_CLASS = Struct("=IIIII")  # buffer, ceiling's buffer, quantum, level, priority
_LONG = Struct("=Q")
_QUEUE = Struct("=IIIII")  # frames, bytes, drops, requeues, overlimits


@dataclass(frozen=True, slots=True)
class ClassSeen:
    """A class of a port's shaper: its number and rate in bytes a second."""

    index: int
    handle: int
    rate: int


@dataclass(frozen=True, slots=True)
class QdiscSeen:
    """A queueing discipline: what kind, where, and what it holds and has dropped."""

    index: int
    kind: str
    parent: int
    backlog: int
    drops: int


def add_shaper(index: int, rate: int) -> list[bytes]:
    """Shape a port to `rate` bytes a second."""
    head = TC.pack(0, index, HANDLE, ROOT, 0)
    options = nested(TCA_OPTIONS, attr(_HTB_INIT, _GLOBAL.pack(3, 10, DATA & 0xFFFF, 0, 0)))
    sizes = nested(_TCA_STAB, attr(_STAB_BASE, _SIZES.pack(0, 0, 0, 0, _ETHERNET, 0, 0, 0)))
    return [
        message(RTM_NEWQDISC, CREATE | EXCL, head, text(TCA_KIND, KIND), options, sizes),
        *_tree(index, rate, LINK, CONTROL, DATA),
    ]


def add_slow_classes(index: int, rate: int) -> list[bytes]:
    """Classes of a lower rate beside the others, for the program to choose; or give them another rate."""
    return _tree(index, rate, SLOW_LINK, SLOW_CONTROL, SLOW_DATA)


def set_rate(index: int, rate: int) -> bytes:
    """Give a shaped port another rate."""
    return _class(index, LINK, HANDLE, rate, rate, 0)


def delete_shaper(index: int) -> bytes:
    """Take the shaper away, with what it holds."""
    return message(RTM_DELQDISC, 0, TC.pack(0, index, HANDLE, ROOT, 0))


def silence(index: int, *, shaped: bool) -> bytes:
    """Have a port, shaped or not, lose all that it should send, by a queue that keeps nothing."""
    head = TC.pack(0, index, 0, DATA if shaped else ROOT, 0)
    return message(RTM_NEWQDISC, CREATE | EXCL, head, text(TCA_KIND, BLACKHOLE))


def end_silence(index: int, *, shaped: bool) -> bytes:
    """Undo `silence`."""
    return message(RTM_DELQDISC, 0, TC.pack(0, index, 0, DATA if shaped else ROOT, 0))


def list_classes(index: int) -> bytes:
    """Dump request for the classes of a port."""
    return message(RTM_GETTCLASS, DUMP, TC.pack(0, index, 0, 0, 0))


def read_class(body: bytes) -> ClassSeen | None:
    """An answer to `list_classes`; None unless it is one of HTB."""
    _, index, handle, _, _ = TC.unpack_from(body)
    found = attributes(body, TC.size)
    if TCA_OPTIONS not in found or string(found.get(TCA_KIND, b"")) != KIND:
        return None
    options = attributes(found[TCA_OPTIONS])
    if _HTB_PARMS not in options:
        return None
    rate = _RATE.unpack_from(options[_HTB_PARMS])[5]
    if _HTB_RATE64 in options:
        rate = number(options[_HTB_RATE64])
    return ClassSeen(index, handle, rate)


def read_qdisc(body: bytes) -> QdiscSeen:
    """An answer to `tc.list_qdiscs`."""
    _, index, _, parent, _ = TC.unpack_from(body)
    found = attributes(body, TC.size)
    stats = attributes(found[_TCA_STATS2]) if _TCA_STATS2 in found else {}
    _, backlog, drops, _, _ = _QUEUE.unpack_from(stats[_STATS_QUEUE]) if _STATS_QUEUE in stats else (0,) * 5
    return QdiscSeen(index, string(found.get(TCA_KIND, b"")), parent, backlog, drops)


def _tree(index: int, rate: int, link: int, control: int, data: int) -> list[bytes]:
    """A class of the rate, and two that borrow all from it, control first."""
    return [
        _class(index, link, HANDLE, rate, rate, 0),
        _class(index, control, link, 1, _NO_CEILING, 0),
        _class(index, data, link, 1, _NO_CEILING, 1),
    ]


def _class(index: int, handle: int, parent: int, rate: int, ceiling: int, priority: int) -> bytes:
    burst = max(_BURST_LEAST_NS, min(_BURST_MOST_NS, _BURST_BYTES * 10**9 // rate)) >> _TICK_SHIFT
    parameters = b"".join(
        (
            *(_RATE.pack(0, _ETHERNET, 0, 0, 0, min(value, (1 << 32) - 1)) for value in (rate, ceiling)),
            _CLASS.pack(burst if rate > 1 else 1, burst, _QUANTUM, 0, priority),
        )
    )
    options = [attr(_HTB_PARMS, parameters)]
    for kind, value in ((_HTB_RATE64, rate), (_HTB_CEIL64, ceiling)):
        if value >= 1 << 32:
            options.append(attr(kind, _LONG.pack(value)))
    head = TC.pack(0, index, handle, parent, 0)
    return message(RTM_NEWTCLASS, CREATE | REPLACE, head, text(TCA_KIND, KIND), nested(TCA_OPTIONS, *options))
