"""The program's maps, seen as arrays: its configuration and its counters are shared memory.

A change is a store, a reading a load: no system call, no copy. Rows are numbered as interfaces are. The
fields follow `struct port` and `struct counts` of port.bpf.c.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable
from dataclasses import asdict, fields

import numpy as np
import numpy.typing as npt

from mrcnet.errors import PartialError
from mrcnet.port import bpf
from mrcnet.port.model import PortConfig, PortCounters, PortFault

CONFIG, COUNTS = "mrcnet_ports", "mrcnet_counts"
CONFIG_FIELDS = tuple(field.name for field in fields(PortConfig))
FAULT_FIELDS = (
    *("cut", "blackhole", "blackhole_until", "loss", "loss_until", "slow", "slow_until"),
    *("flap", "flap_until", "flap_start", "flap_down"),
)
FAULTS = {"blackhole": "blackhole", "loss": "loss", "degrade": "slow", "flap": "flap"}  # their fields
_PORT = np.dtype([(name, np.uint64) for name in (*CONFIG_FIELDS, *FAULT_FIELDS)])
_COUNTERS = np.dtype([(field.name, np.uint64) for field in fields(PortCounters)])
_OFF = PortConfig(*(0 for _ in CONFIG_FIELDS))


class PortMaps:
    """The maps of one lab. It lives as long as the program is on a port, whoever made it."""

    def __init__(self, maps: Iterable[int]) -> None:
        """`maps`: descriptors of the program's maps, which stay the caller's. PartialError if not ours."""
        self._ports: npt.NDArray[np.void] | None = None
        self._counts: npt.NDArray[np.void] | None = None
        for descriptor in maps:
            info = bpf.map_info(descriptor)
            if info.name == CONFIG:
                self._ports = _shared(descriptor, info, _PORT)
            elif info.name == COUNTS:
                self._counts = _shared(descriptor, info, _COUNTERS)
        if self._ports is None or self._counts is None:
            raise PartialError("the ports' program lacks its maps", remedy="`mrcnet down`, then `mrcnet up`")

    @property
    def ports(self) -> npt.NDArray[np.void]:
        """Configuration and faults: columns of 64 bits by the names of the fields, a row an interface."""
        assert self._ports is not None
        return self._ports

    @property
    def capacity(self) -> int:
        """Interface numbers below this one have a row."""
        return len(self.ports)

    def config(self, index: int) -> PortConfig | None:
        """What a port is told; None if it is to do nothing."""
        row = self.ports[index]
        found = PortConfig(*(int(row[name]) for name in CONFIG_FIELDS))
        return None if found == _OFF else found

    def configure(self, index: int, config: PortConfig | None) -> None:
        """Tell a port; None: do nothing. The next frame obeys."""
        row = self.ports[index]
        for name, value in asdict(config or _OFF).items():
            row[name] = value

    def faults(self, index: int, now: int) -> tuple[PortFault, ...]:
        """The faults that a port plays at an instant (CLOCK_MONOTONIC); a cut is none of them."""
        row = {name: int(self.ports[index][name]) for name in FAULT_FIELDS}
        found = []
        for name, field in FAULTS.items():
            value, until = row[field], row[f"{field}_until"]
            if value and (not until or now < until):
                start, down = (row["flap_start"], row["flap_down"]) if name == "flap" else (0, 0)
                found.append(PortFault(name, value, until, start, down))
        return tuple(found)

    def strike(self, index: int, fault: PortFault) -> None:
        """Begin a fault, or give it other figures: what arms it is written last."""
        row = self.ports[index]
        field = FAULTS[fault.name]
        if fault.name == "flap":
            row["flap_start"], row["flap_down"] = fault.start, fault.down
        row[f"{field}_until"] = fault.until
        row[field] = fault.value

    def heal(self, index: int, names: Iterable[str] = tuple(FAULTS)) -> None:
        """End faults of a port."""
        for name in names:
            self.ports[index][FAULTS[name]] = 0

    def cut(self, index: int, cut: bool) -> None:
        """Cut a port silently, or end that."""
        self.ports[index]["cut"] = cut

    def is_cut(self, index: int) -> bool:
        """Whether a port is cut silently."""
        return bool(self.ports[index]["cut"])

    def forget(self, index: int) -> None:
        """A row for a port that is new: no faults, counters at zero."""
        assert self._counts is not None
        self.ports[index] = 0
        self._counts[index] = 0

    def counters(self, index: int) -> PortCounters:
        """What a port has counted."""
        assert self._counts is not None
        return PortCounters(*self._counts[index].tolist())


def _shared(descriptor: int, info: bpf.MapInfo, row: np.dtype[np.void]) -> npt.NDArray[np.void]:
    if info.value_size != row.itemsize:
        raise PartialError(
            "the lab's ports were made by another version of mrcnet", remedy="`mrcnet down`, then `mrcnet up`"
        )
    size = info.entries * row.itemsize
    pages = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(descriptor, pages, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    return np.frombuffer(memory, row, info.entries)


def open_maps(program: int) -> PortMaps:
    """The maps of a program, by its descriptor. Raises OSError."""
    descriptors = bpf.maps_of(program)
    try:
        return PortMaps(descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
