"""uSIDs and carriers of the scheme F3216: a 32-bit block, then up to six 16-bit uSIDs.

Bits of a uSID (spec 6.3, "Build"), from the top: role 3 | plane 3 | index 10. Indexes count from 1, so a
uSID is never the 0000 that ends a carrier. Bits of an EV: reserved 8 | plane 8 | uplink 16. The uplink
counts from 1 too, for it becomes the UDP source port, which must not be 0 (spec 2.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from mrcnet.errors import InputError

PLANE_SHIFT = 10
INDEX_MASK = 0x3FF
T0, T1, HOST = 1, 2, 3  # roles
GLOBAL_IDS = range(0x0001, 0xE000)  # RFC 9800; the switches' uNs and the hosts
LOCAL_IDS = range(0xE000, 0x10000)  # RFC 9800; uAs, each known to its own switch only
MAX_USIDS = 6
FIRST_SHIFT = 80  # of the uSID after the block


def usid(role: int, plane: int, index: int) -> int:
    """The uSID of switch number `index` (from 0) of a tier, or of a host by downlink number - 1.

    Raises InputError if a field does not fit.
    """
    if not (role in (T0, T1, HOST) and 0 <= plane < 8 and 0 <= index < INDEX_MASK):
        raise InputError(f"role {role}, plane {plane}, index {index} do not fit a uSID")
    return role << 13 | plane << PLANE_SHIFT | index + 1


def local_usid(port_number: int) -> int:
    """The uSID of a switch's uA out of port number 1, 2, ... Raises InputError if it does not fit."""
    if not 1 <= port_number <= INDEX_MASK:
        raise InputError(f"port number {port_number} does not fit a uSID")
    return LOCAL_IDS.start + port_number


def make_ev(plane: int, uplink: int) -> int:
    """The EV of an uplink number (T1 index + 1) in a plane."""
    return plane << 16 | uplink


def split_ev(ev: int) -> tuple[int, int]:
    """EV -> (plane, uplink number)."""
    return ev >> 16 & 0xFF, ev & 0xFFFF


@dataclass(frozen=True, slots=True)
class Template:
    """A carrier but for block, plane, uplink and downlink, and the units that put those into their fields."""

    usids: tuple[int, ...]
    address: int
    plane_unit: int
    uplink_unit: int
    downlink_unit: int

    def carrier(self, block: int, plane: int, uplink: int, downlink: int) -> int:
        """The carrier as a 128-bit integer: spec 6.3, steps 2 and 3.

        The downlink goes into the dst uSID, the plane into all uSIDs, the uplink into the T1's alone.
        """
        fields = plane * self.plane_unit | uplink * self.uplink_unit | downlink * self.downlink_unit
        return block | self.address | fields


@lru_cache(maxsize=2**16)
def template(t0: int, dst_t0: int) -> Template:
    """The template of a source's T0 index and a destination's (spec 6.3, step 1).

    Spec 6.1: local T0, generic T1, destination T0, generic dst; in the same T0 group only T0, dst.
    """
    local = usid(T0, 0, t0)
    generic_t1, generic_host = T1 << 13, HOST << 13
    usids = (local, generic_host) if t0 == dst_t0 else (local, generic_t1, usid(T0, 0, dst_t0), generic_host)
    shifts = [FIRST_SHIFT - 16 * position for position in range(len(usids))]
    return Template(
        usids=usids,
        address=sum(value << shift for value, shift in zip(usids, shifts, strict=True)),
        plane_unit=sum(1 << PLANE_SHIFT + shift for shift in shifts),
        uplink_unit=0 if t0 == dst_t0 else 1 << shifts[1],
        downlink_unit=1 << shifts[-1],
    )


def usids_of(carrier: int) -> tuple[int, ...]:
    """The uSIDs of a carrier, in order, up to its end."""
    values = [carrier >> FIRST_SHIFT - 16 * position & 0xFFFF for position in range(MAX_USIDS)]
    return tuple(values[: values.index(0)] if 0 in values else values)


def carrier_of(block: int, usids: Sequence[int]) -> int:
    """The carrier that holds these uSIDs in order, as a 128-bit integer. InputError if they do not fit."""
    if len(usids) > MAX_USIDS:
        raise InputError(f"a carrier holds {MAX_USIDS} uSIDs, not {len(usids)}")
    return block | sum(value << FIRST_SHIFT - 16 * position for position, value in enumerate(usids))


def ev_of(carrier: int) -> int | None:
    """The EV that a carrier was made from: the map is reversible (spec 6.3, step 4).

    None for a T0-local carrier, in which no uplink is named.
    """
    usids = usids_of(carrier)
    if len(usids) != 4:
        return None
    return make_ev(usids[1] >> PLANE_SHIFT & 7, usids[1] & INDEX_MASK)


def prefix(block: int, value: int) -> int:
    """The /48 of a uSID, as a 128-bit integer."""
    return block | value << FIRST_SHIFT


def shift(address: int) -> int:
    """What a uN or uA does: the block stays, the 96 bits behind it move left by 16 (spec 6.2)."""
    low = (1 << 96) - 1
    return address & ~low | address << 16 & low
