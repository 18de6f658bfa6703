"""Two tiny BPF programs, assembled here and loaded by the bare system call: no compiler, no library.

`silence` drops every packet. The shield drops MRC frames on their way into a host's own stack: the end
point has read them on its AF_PACKET socket by then, and the kernel would only answer port unreachable.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from struct import Struct

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import links, netns, tc
from mrcnet.kernel.netlink import NetlinkSocket

SHIELD_FILTER = "mrcnet_shield"
SHIELD_PRIORITY = 1

_SYSCALLS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
_PROG_LOAD = 5
_SCHED_CLS = 3
# type, count, code, licence; log level, size and room; version, flags, name
_ATTRIBUTES = Struct("=IIQQIIQII16s")
_INSTRUCTION = Struct("=BBhi")  # code, registers, jump, constant

_SHOT, _NEXT_FILTER = 2, -1
_LICENCE = b"Apache-2.0\0"
_libc = ctypes.CDLL(None, use_errno=True)


def _set(register: int, value: int) -> bytes:
    return _INSTRUCTION.pack(0xB7, register, 0, value)


def _load(size: int, offset: int) -> bytes:
    """The packet's 1 or 2 bytes at `offset` into r0; a packet that is too short passes."""
    return _INSTRUCTION.pack(0x28 if size == 2 else 0x30, 0, 0, offset)


def _skip_unless(value: int, jump: int) -> bytes:
    return _INSTRUCTION.pack(0x55, 0, jump, value)


_EXIT = _INSTRUCTION.pack(0x95, 0, 0, 0)
_KEEP_CONTEXT = _INSTRUCTION.pack(0xBF, 0x16, 0, 0)  # r6 = r1: where packet loads look for the packet

SILENCE = _set(0, _SHOT) + _EXIT


def shield_program(udp_port: int, *, plain: bool = False) -> bytes:
    """Drop Ethernet / IPv6 / IPv6 / UDP frames to `udp_port` (spec 2), leave the rest to the next filter.

    `plain`: those without the outer IPv6 header.
    """
    if plain:
        tests: tuple[tuple[int, int, int], ...] = ((2, 12, 0x86DD), (1, 14 + 6, 17), (2, 54 + 2, udp_port))
    else:
        tests = ((2, 12, 0x86DD), (1, 14 + 6, 41), (1, 54 + 6, 17), (2, 94 + 2, udp_port))
    code = _KEEP_CONTEXT
    for number, (size, offset, value) in enumerate(tests):
        to_end = 2 * (len(tests) - number - 1) + 2  # over the tests that follow and the drop
        code += _load(size, offset) + _skip_unless(value, to_end)
    return code + _set(0, _SHOT) + _EXIT + _set(0, _NEXT_FILTER) + _EXIT


def load_program(code: bytes, name: str) -> int:
    """Load a traffic-control program; a file descriptor that the caller closes.

    Raises EnvironmentFault if the kernel has no BPF or refuses.
    """
    number = _SYSCALLS.get(platform.machine())
    if number is None:
        raise EnvironmentFault(f"no BPF system call known for {platform.machine()}")
    text = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(_LICENCE)
    attributes = _ATTRIBUTES.pack(
        _SCHED_CLS,
        len(code) // _INSTRUCTION.size,
        ctypes.addressof(text),
        ctypes.addressof(licence),
        0,
        0,
        0,
        0,
        0,
        name.encode()[:15],
    )
    descriptor: int = _libc.syscall(number, _PROG_LOAD, attributes, len(attributes))
    if descriptor < 0:
        code_ = ctypes.get_errno()
        remedy = "run it as root (sudo)" if code_ == errno.EPERM else "`mrcnet doctor` tells what is missing"
        raise EnvironmentFault(f"cannot load a BPF program: {os.strerror(code_)}", remedy=remedy)
    return descriptor


@lru_cache(maxsize=1)
def allowed() -> bool:
    """Whether the kernel takes BPF programs from this process: not from an ordinary user's."""
    try:
        os.close(load_program(SILENCE, "mrcnet_try"))
    except EnvironmentFault:
        return False
    return True


def shield(path: Path, ifnames: Iterable[str], udp_port: int, *, plain: bool = False) -> None:
    """Keep an end point's frames that come in at the ports `ifnames` of a namespace from its own stack."""
    descriptor = load_program(shield_program(udp_port, plain=plain), SHIELD_FILTER)
    try:
        with netns.inside(path), NetlinkSocket() as socket:
            found = indices(socket)
            for index in [found[name] for name in ifnames]:
                _drop_filter(socket, index)
                allow_filters(socket, index)
                add = tc.add_filter(index, tc.INGRESS, SHIELD_PRIORITY, descriptor, SHIELD_FILTER)
                if refusals := socket.send([add]):
                    raise EnvironmentFault(f"cannot attach a BPF program: {refusals[0]}")
    finally:
        os.close(descriptor)


def unshield(path: Path, ifnames: Iterable[str]) -> None:
    """Undo `shield`; a port that is gone or has no shield is left as it is."""
    with netns.inside(path), NetlinkSocket() as socket:
        found = indices(socket)
        for name in ifnames:
            if name in found:
                _drop_filter(socket, found[name])


def allow_filters(socket: NetlinkSocket, index: int) -> bool:
    """See to it that a port can bear filters; True if it could not before.

    A port that is up drops packets while the hook is put in. Raises EnvironmentFault if the kernel cannot.
    """
    refusals = socket.send([tc.add_clsact(index)])
    if refusals and refusals[0].errno != errno.EEXIST:
        raise EnvironmentFault(
            f"the kernel has no clsact: {refusals[0]}", remedy="load the module: modprobe sch_ingress cls_bpf"
        )
    return not refusals


def indices(socket: NetlinkSocket) -> dict[str, int]:
    """The numbers of a namespace's interfaces by name."""
    found = map(links.read_link, socket.dump(links.list_links()))
    return {link.name: link.index for link in found}


def _drop_filter(socket: NetlinkSocket, index: int) -> None:
    """Take away our shield, and nobody else's filter of the same number."""
    able = {tc.clsact_of(body) for body in socket.dump(tc.list_qdiscs())}
    found = map(tc.read_filter, socket.dump(tc.list_filters(index, tc.INGRESS))) if index in able else ()
    for one in found:
        if one is not None and one.name == SHIELD_FILTER:
            socket.send([tc.delete_filter(index, tc.INGRESS, one.priority)])
