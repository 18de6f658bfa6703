"""uSIDs and carriers: a 32-bit block, then up to six 16-bit uSIDs, whose bits a scheme gives (F3216).

Bits of an EV: reserved 8 | plane 8 | uplink 16. The uplink counts from 1, as the numbers in uSIDs do, for it
becomes the UDP source port, which must not be 0 (spec 2.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import pairwise

from mrcnet.errors import InputError
from mrcnet.plan.addressing import to_text
from mrcnet.topology.model import Node, Role
from mrcnet.topology.scheme import Decap, Field, Lists, Pattern, Scheme, block_pattern

MAX_USIDS = 6
FIRST_SHIFT = 80  # of the uSID after the block
BLOCK_SHIFT = 96  # of the block
_PLANES = 256  # of an EV


def make_ev(plane: int, uplink: int) -> int:
    """The EV of an uplink number (T1 index + 1) in a plane."""
    return plane << 16 | uplink


def split_ev(ev: int) -> tuple[int, int]:
    """EV -> (plane, uplink number)."""
    return ev >> 16 & 0xFF, ev & 0xFFFF


GENERIC = 0  # stands for a number that a template leaves open


@dataclass(frozen=True, slots=True)
class Template:
    """A carrier but for block, plane, uplink and downlink; the units that put those into their fields, and
    the fields as masks.
    """

    usids: tuple[int, ...]
    address: int
    plane_unit: int
    uplink_unit: int
    downlink_unit: int
    plane_mask: int
    uplink_mask: int
    downlink_mask: int

    def carrier(self, block: int, plane: int, uplink: int, downlink: int) -> int:
        """The carrier as a 128-bit integer: spec 6.3, steps 2 and 3.

        The downlink goes into the dst uSID, the plane into all uSIDs, the uplink into the T1's alone.
        """
        fields = plane * self.plane_unit | uplink * self.uplink_unit | downlink * self.downlink_unit
        return block | self.address | fields


class Sids:
    """The SIDs of a fabric by its scheme. `blocks`: that of each plane, as a 128-bit integer.

    Planes, and indexes of switches, are from 0; ports, downlinks and uplinks from 1. Methods raise InputError
    for a number that does not fit.
    """

    def __init__(self, block: str, scheme: Scheme) -> None:
        self.scheme = replace(scheme, block=block_pattern(block))
        self.leaf_decap = scheme.decap is Decap.T0
        planes = range(min(self.scheme.planes, _PLANES))
        self.blocks = tuple(self.scheme.block.value(plane, 0) << BLOCK_SHIFT for plane in planes)
        self.template = lru_cache(maxsize=2**16)(self._template)
        self._slash48 = cache(self._text_of)

    def __reduce__(self) -> tuple[type[Sids], tuple[str, Scheme]]:
        return Sids, (self.scheme.block.text, self.scheme)  # what it remembers is no part of it

    def locator(self, switch: Node) -> str:
        """The /48 of a switch's own uN."""
        assert switch.plane is not None
        return self._slash48(switch.plane, self._un(switch.role).value(switch.plane, switch.index + 1))

    def dst(self, plane: int, downlink: int) -> str:
        """The /48 that leads to a host, or, where T0s decapsulate, to that."""
        return self._slash48(plane, self.scheme.dst.value(plane, downlink))

    def ua(self, plane: int, peer: Node, port: int) -> str | None:
        """The /48 of a switch's uA out of a port to `peer`; None if the scheme has none there."""
        if self.scheme.port is not None:
            return self._slash48(plane, self.scheme.port.value(plane, port))
        way = {Role.T1: self.scheme.up, Role.T0: self.scheme.down}.get(peer.role)
        return None if way is None else self._slash48(plane, way.value(plane, peer.index + 1))

    def carrier_by(self, plane: int, switches: Sequence[Node], downlink: int) -> int:
        """The carrier by these switches of a plane, the sender's own T0 first, to a host of the last one."""
        listed = [(node.role, node.index + 1) for node in switches]
        usids = [pattern.value(plane, number) for pattern, number in self._listed(listed)]
        return carrier_of(self.blocks[plane], [*usids, self.scheme.dst.value(plane, downlink)])

    def ev_of(self, carrier: int) -> int | None:
        """The EV that a carrier was made from: the map is reversible (spec 6.3, step 4).

        None for a T0-local carrier, in which no uplink is named.
        """
        chosen, scheme = self.template(0, 1), self.scheme
        if len(usids_of(carrier)) != len(chosen.usids):
            return None
        names_t1 = scheme.t1 if scheme.lists is Lists.UN else scheme.up
        assert names_t1 is not None
        uplink = carrier // chosen.uplink_unit & names_t1.indexes
        if scheme.block.plane is not None:
            return make_ev(_read(scheme.block.plane, carrier >> BLOCK_SHIFT), uplink)
        plane = 0 if scheme.t0.plane is None else _read(scheme.t0.plane, carrier >> FIRST_SHIFT)
        return make_ev(plane, uplink)

    def _un(self, role: Role) -> Pattern:
        return {Role.T0: self.scheme.t0, Role.T1: self.scheme.t1}[role]

    def _listed(self, switches: Sequence[tuple[Role, int]]) -> list[tuple[Pattern, int]]:
        """Of the switches on a way, by role and number: the patterns and numbers that a carrier lists."""
        if self.scheme.lists is Lists.UN:
            return [(self._un(role), number) for role, number in switches]
        up, down = self.scheme.up, self.scheme.down
        assert up is not None
        assert down is not None
        return [(up if role is Role.T1 else down, number) for _, (role, number) in pairwise(switches)]

    def _template(self, t0: int, dst_t0: int) -> Template:
        """The template of a source's T0 index and a destination's (spec 6.3, step 1).

        Spec 6.1: local T0, generic T1, destination T0, generic dst; in the same T0 group only T0, dst.
        """
        near, far = (Role.T0, t0 + 1), (Role.T0, dst_t0 + 1)
        way = [near] if t0 == dst_t0 else [near, (Role.T1, GENERIC), far]
        listed = [*self._listed(way), (self.scheme.dst, GENERIC)]
        usids = tuple(
            pattern.fixed if number == GENERIC else pattern.value(0, number) for pattern, number in listed
        )
        shifts = [FIRST_SHIFT - 16 * position for position in range(len(usids))]
        places = list(zip((pattern for pattern, _ in listed), shifts, strict=True))
        generic = [number == GENERIC for _, number in listed]
        t1 = [place for place, number in zip(places[:-1], generic[:-1], strict=True) if number]
        planes = [(pattern.plane, shift) for pattern, shift in places]
        uplinks = [(pattern.index, shift) for pattern, shift in t1]
        downlink = [(self.scheme.dst.index, shifts[-1])]
        return Template(
            usids=usids,
            address=sum(value << shift for value, shift in zip(usids, shifts, strict=True)),
            plane_unit=_units(planes),
            uplink_unit=_units(uplinks),
            downlink_unit=_units(downlink),
            plane_mask=_masks([*planes, (self.scheme.block.plane, BLOCK_SHIFT)]),
            uplink_mask=_masks(uplinks),
            downlink_mask=_masks(downlink),
        )

    def _text_of(self, plane: int, value: int) -> str:
        return f"{to_text(self.blocks[plane] | value << FIRST_SHIFT)}/48"


@lru_cache(maxsize=64)
def sids_of(block: str, scheme: Scheme) -> Sids:
    """The SIDs of a block and scheme; the same object for the same ones, for it remembers its templates."""
    return Sids(block, scheme)


def _read(field: Field, number: int) -> int:
    return number >> field.shift & field.most


def _units(fields: Iterable[tuple[Field | None, int]]) -> int:
    """What a number is multiplied with to stand in these fields, each so far from the right."""
    return sum(1 << field.shift + at for field, at in fields if field is not None)


def _masks(fields: Iterable[tuple[Field | None, int]]) -> int:
    return sum(field.most << field.shift + at for field, at in fields if field is not None)


def usids_of(carrier: int) -> tuple[int, ...]:
    """The uSIDs of a carrier, in order, up to its end."""
    values = [carrier >> FIRST_SHIFT - 16 * position & 0xFFFF for position in range(MAX_USIDS)]
    return tuple(values[: values.index(0)] if 0 in values else values)


def carrier_of(block: int, usids: Sequence[int]) -> int:
    """The carrier that holds these uSIDs in order, as a 128-bit integer. InputError if they do not fit."""
    if len(usids) > MAX_USIDS:
        raise InputError(f"a carrier holds {MAX_USIDS} uSIDs, not {len(usids)}")
    return block | sum(value << FIRST_SHIFT - 16 * position for position, value in enumerate(usids))


def shift(address: int) -> int:
    """What a uN or uA does: the block stays, the 96 bits behind it move left by 16 (spec 6.2)."""
    low = (1 << 96) - 1
    return address & ~low | address << 16 & low
