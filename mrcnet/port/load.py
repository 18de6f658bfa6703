"""Load the program once, by way of libbpf, which comes with iproute2: it makes the maps and relocates."""

from __future__ import annotations

import ctypes
import os
from importlib.resources import as_file, files

from mrcnet.errors import EnvironmentFault
from mrcnet.port import bpf
from mrcnet.port.maps import PortMaps, open_maps

OBJECT = "port.bpf.o"
_PROGRAM = b"mrcnet_port"
_MAPS = (b"mrcnet_ports", b"mrcnet_counts", b"mrcnet_queues")
_LIBRARIES = ("libbpf.so.1", "libbpf.so")
_AT, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_SIGNATURES = (
    ("bpf_object__open_file", _AT, (_TEXT, _AT)),
    ("bpf_object__find_map_by_name", _AT, (_AT, _TEXT)),
    ("bpf_object__find_program_by_name", _AT, (_AT, _TEXT)),
    ("bpf_map__set_max_entries", _INT, (_AT, ctypes.c_uint32)),
    ("bpf_object__load", _INT, (_AT,)),
    ("bpf_object__close", None, (_AT,)),
    ("bpf_program__fd", _INT, (_AT,)),
    ("libbpf_set_print", _AT, (_AT,)),
)


def load(capacity: int) -> tuple[int, PortMaps]:
    """A new program (a descriptor, which the caller closes) and its maps, with rows for `capacity` ports.

    Nothing of it is left when the descriptor is closed and no port bears it. Raises EnvironmentFault.
    """
    library = _library()
    with as_file(files("mrcnet.port") / OBJECT) as path:
        opened = library.bpf_object__open_file(os.fsencode(path), None)
    if not opened:
        raise EnvironmentFault(f"cannot read {OBJECT}", remedy="install mrcnet again")
    try:
        for name in _MAPS:
            found = library.bpf_object__find_map_by_name(opened, name)
            library.bpf_map__set_max_entries(found, capacity)
        code = library.bpf_object__load(opened)
        if code < 0:
            raise bpf.refused(OSError(-code, os.strerror(-code)), "cannot load the ports' program")
        program = library.bpf_object__find_program_by_name(opened, _PROGRAM)
        descriptor = os.dup(library.bpf_program__fd(program))
    finally:
        library.bpf_object__close(opened)
    try:
        return descriptor, open_maps(descriptor)
    except OSError as error:
        os.close(descriptor)
        raise bpf.refused(error, "cannot map the ports' memory") from error


def _library() -> ctypes.CDLL:
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
            break
        except OSError:
            continue
    else:
        raise EnvironmentFault("there is no libbpf", remedy="install it: apt-get install libbpf1")
    for name, result, arguments in _SIGNATURES:
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    library.libbpf_set_print(None)  # what it has to say goes to stderr otherwise
    return library
