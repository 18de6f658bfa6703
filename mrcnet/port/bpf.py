"""The bpf(2) system call, as far as ports need it: from a program that is attached to its maps."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

from mrcnet.errors import EnvironmentFault

_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
_ATTACH, _DETACH, _PROGRAM_BY_ID, _MAP_BY_ID, _INFO_BY_DESCRIPTOR, _QUERY = 8, 9, 13, 14, 15, 16
_TCX_EGRESS = 47
_MOST_MAPS = _MOST_PROGRAMS = 64
# type, id, (tag), sizes, code, load time, uid, number of maps, where their ids go, name
_PROGRAM_INFO = struct.Struct("=II8xIIQQQIIQ16s")
_MAP_INFO = struct.Struct("=IIIIII16s")  # type, id, key size, value size, entries, flags, name

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class MapInfo:
    """A map as the kernel describes it. `name` has at most 15 characters."""

    name: str
    value_size: int
    entries: int


def call(command: int, attributes: bytes | ctypes.Array[ctypes.c_char]) -> int:
    """The system call itself. Raises OSError; EnvironmentFault where its number is not known."""
    number = _NUMBERS.get(platform.machine())
    if number is None:
        raise EnvironmentFault(f"no BPF system call known for {platform.machine()}")
    result: int = _libc.syscall(number, command, attributes, len(attributes))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def program_by_id(number: int) -> int:
    """A descriptor of a loaded program, which the caller closes. Raises OSError if there is none."""
    return call(_PROGRAM_BY_ID, struct.pack("=IIII", number, 0, 0, 0))


def maps_of(program: int) -> tuple[int, ...]:
    """Descriptors of the maps of a program, which the caller closes."""
    numbers = (ctypes.c_uint32 * _MOST_MAPS)()
    info = ctypes.create_string_buffer(
        _PROGRAM_INFO.pack(*(0,) * 8, _MOST_MAPS, ctypes.addressof(numbers), b""), _PROGRAM_INFO.size
    )
    _describe(program, info)
    count = _PROGRAM_INFO.unpack(info.raw)[8]
    return tuple(call(_MAP_BY_ID, struct.pack("=IIII", numbers[at], 0, 0, 0)) for at in range(count))


def name_of(program: int) -> str:
    """A program's name, of at most 15 characters."""
    info = ctypes.create_string_buffer(_PROGRAM_INFO.size)
    _describe(program, info)
    name: bytes = _PROGRAM_INFO.unpack(info.raw)[10]
    return name.rstrip(b"\0").decode(errors="replace")


def attach(program: int, index: int) -> None:
    """Put a program on the way out of an interface of the current namespace, ahead of all filters.

    Raises OSError: EINVAL if the kernel (before 6.6) has no such place, EEXIST if it is there.
    """
    call(_ATTACH, struct.pack("=IIIIIIQ", index, program, _TCX_EGRESS, 0, 0, 0, 0))


def detach(program: int, index: int) -> None:
    """Undo `attach`. Raises OSError: ENOENT if it is not there."""
    call(_DETACH, struct.pack("=IIIIIIQ", index, program, _TCX_EGRESS, 0, 0, 0, 0))


def attached(index: int) -> tuple[int, ...]:
    """The numbers of the programs that `attach` put on an interface. Raises OSError as `attach` does."""
    numbers = (ctypes.c_uint32 * _MOST_PROGRAMS)()
    query = ctypes.create_string_buffer(
        struct.pack(
            "=IIIIQIIQQQQ",
            *(index, _TCX_EGRESS, 0, 0, ctypes.addressof(numbers), _MOST_PROGRAMS, 0, 0, 0, 0, 0),
        ),
        64,
    )
    call(_QUERY, query)
    return tuple(numbers[: struct.unpack_from("=I", query.raw, 24)[0]])


def map_info(descriptor: int) -> MapInfo:
    """What a map is."""
    info = ctypes.create_string_buffer(_MAP_INFO.size)
    _describe(descriptor, info)
    _, _, _, value_size, entries, _, name = _MAP_INFO.unpack(info.raw)
    return MapInfo(name.rstrip(b"\0").decode(), value_size, entries)


def refused(error: OSError, what: str) -> EnvironmentFault:
    """The fault to raise for an OSError of this module."""
    remedy = "`mrcnet doctor` tells what is missing"
    if error.errno in (errno.EPERM, errno.EACCES):
        remedy = "run it as root (sudo)"
    return EnvironmentFault(f"{what}: {error.strerror}", remedy=remedy)


def _describe(descriptor: int, info: ctypes.Array[ctypes.c_char]) -> None:
    call(_INFO_BY_DESCRIPTOR, struct.pack("=IIQ", descriptor, len(info), ctypes.addressof(info)))
