"""EV profiles: where a QP's universe of EVs comes from (spec 4.1).

EXPLICIT lists every EV; GENERATED describes fields that the NIC expands; AUTO leaves the choice to the
NIC, ECMP style. A profile's size is fixed for life; several QPs may share one profile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, product

import numpy as np

from mrcnet.mrc.evs import EvPath


class Mode(StrEnum):
    """How the universe is given."""

    EXPLICIT = "explicit"
    GENERATED = "generated"
    AUTO = "auto"


class ProfileState(StrEnum):
    """A profile's life: INIT, then OFFLINE and ONLINE in turn."""

    INIT = "init"
    OFFLINE = "offline"
    ONLINE = "online"


LIFE = {
    (ProfileState.INIT, ProfileState.OFFLINE),
    (ProfileState.OFFLINE, ProfileState.ONLINE),
    (ProfileState.ONLINE, ProfileState.OFFLINE),
}


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of a generated value, `width` bits. `mask` marks the bits that EV bits fill.

    The bits take the values `least` to `most`; mask, least and most all 0 make the field constant.
    """

    start: int
    width: int
    mask: int = 0
    least: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        room = (1 << self.mask.bit_count()) - 1
        if self.start >> self.width or self.mask >> self.width:
            raise ValueError(f"start and mask of a field must fit its {self.width} bits")
        if not 0 <= self.least <= self.most <= room:
            raise ValueError(f"a field's values {self.least} to {self.most} must fit its mask of {room}")

    @property
    def bits(self) -> int:
        """EV bits that this field takes."""
        return self.mask.bit_count()

    def value(self, number: int) -> int:
        """The field with the bits of `number` put into the mask, from the most significant end."""
        value, left = self.start & ~self.mask, self.mask.bit_count()
        for position in reversed(range(self.width)):
            if self.mask >> position & 1:
                left -= 1
                value |= (number >> left & 1) << position
        return value


@dataclass(frozen=True, slots=True)
class Generated:
    """An expanded value: the EV (its fields' bits, concatenated), the whole value, each field's number."""

    ev: int
    value: int
    numbers: tuple[int, ...]


def generate(fields: Sequence[FieldSpec], most: int) -> Iterator[Generated]:
    """Expand a description, first field in the most significant bits, up to `most` values."""
    choices = (range(field.least, field.most + 1) for field in fields)
    for numbers in islice(product(*choices), most):
        ev = value = 0
        for field, number in zip(fields, numbers, strict=True):
            ev = ev << field.bits | number
            value = value << field.width | field.value(number)
        yield Generated(ev, value, numbers)


def auto(count: int, rng: np.random.Generator) -> tuple[int, ...]:
    """ECMP EVs: 16 bits that travel in the UDP source port, never 0 (spec 2.3), all different."""
    if not 1 <= count <= 0xFFFF:
        raise ValueError(f"an AUTO profile has 1 to 65535 EVs, not {count}")
    return tuple(int(value) + 1 for value in rng.permutation(0xFFFF)[:count])


def generated_paths(
    fields: Sequence[FieldSpec], plane_field: int, ports: Mapping[int, int], most: int
) -> tuple[EvPath, ...]:
    """A GENERATED universe in SRv6 format: the fields make up the 128-bit carrier.

    The number in field `plane_field` is the plane, `ports` gives its local port. ValueError if the widths
    are not 128 bits, the EV does not fit 32, or a plane has no port.
    """
    if sum(field.width for field in fields) != 128 or sum(field.bits for field in fields) > 32:
        raise ValueError("the fields of a carrier have 128 bits, and at most 32 of them are the EV's")
    paths = []
    for made in generate(fields, most):
        plane = made.numbers[plane_field]
        if plane not in ports:
            raise ValueError(f"plane {plane} has no port")
        paths.append(EvPath(made.ev, plane, ports[plane], made.value.to_bytes(16, "big")))
    return tuple(paths)


def auto_paths(
    count: int, ports: Mapping[int, int], carriers: Mapping[int, bytes], rng: np.random.Generator
) -> tuple[EvPath, ...]:
    """An AUTO universe: ECMP EVs dealt to the planes in turn (spec 4.2: as many in each).

    `ports` and `carriers` give each plane's local port and the address to which switches hash a way.
    """
    planes = sorted(ports)
    return tuple(
        EvPath(ev, plane, ports[plane], carriers[plane])
        for number, ev in enumerate(auto(count, rng))
        for plane in [planes[number % len(planes)]]
    )


class Profile:
    """A universe of EVs under a controller: query, replace, and a life of its own."""

    def __init__(self, mode: Mode, paths: Sequence[EvPath]) -> None:
        if not paths:
            raise ValueError("a profile has at least one EV")
        if len({path.ev for path in paths}) != len(paths):
            raise ValueError("an EV stands in a profile twice")
        self.mode = mode
        self.state = ProfileState.INIT
        self._paths = list(paths)

    @property
    def paths(self) -> tuple[EvPath, ...]:
        """The universe, in order."""
        return tuple(self._paths)

    def move(self, state: ProfileState) -> None:
        """Step through the profile's life. ValueError for a step that there is not."""
        if (self.state, state) not in LIFE:
            raise ValueError(f"a profile cannot go from {self.state} to {state}")
        self.state = state

    def replace(self, ev: int, path: EvPath) -> None:
        """Put `path` in the place of `ev`. KeyError if it is not there, ValueError for a duplicate.

        Only EXPLICIT profiles are written one by one; the size never changes.
        """
        if self.mode is not Mode.EXPLICIT:
            raise ValueError(f"the EVs of a {self.mode} profile cannot be replaced")
        for number, known in enumerate(self._paths):
            if known.ev == ev:
                if path.ev != ev and any(other.ev == path.ev for other in self._paths):
                    raise ValueError(f"EV {path.ev:#x} stands in the profile already")
                self._paths[number] = path
                return
        raise KeyError(ev)
