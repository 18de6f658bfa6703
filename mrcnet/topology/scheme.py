"""SID schemes: what the bits of blocks and uSIDs mean, and what a carrier lists. A scheme is data.

A pattern writes the bits down in their order: 16 of them, or four hexadecimal digits. `p` stands for the
plane, `i` for the number of a switch, a port or a downlink. Numbers count from 1, so that no uSID is the
0000 that ends a carrier.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from socket import AF_INET6, inet_ntop, inet_pton

from mrcnet.errors import InputError

USID_BITS, BLOCK_BITS = 16, 32  # spec 6.1: F3216
GLOBAL_IDS = range(0x0001, 0xE000)  # RFC 9800; the switches' uNs and the hosts
LOCAL_IDS = range(0xE000, 0x10000)  # RFC 9800; uAs, each known to its own switch only
_LETTERS = "pi"
_DIGITS = {2: "01", 16: "0123456789abcdef"}


class Lists(StrEnum):
    """What a carrier lists on the way to the destination's T0."""

    UN = "uN"  # the switches, the source's T0 first (spec 6.1)
    UA = "uA"  # the links, each by its own switch's local uSID


class Decap(StrEnum):
    """Who takes the carrier off (spec 6.4)."""

    HOST = "host"
    T0 = "t0"


@dataclass(frozen=True, slots=True)
class Field:
    """Adjacent bits: how far from the right they begin, and how many."""

    shift: int
    width: int

    @property
    def most(self) -> int:
        """The largest number that fits."""
        return (1 << self.width) - 1


@dataclass(frozen=True, slots=True)
class Pattern:
    """`fixed`: the value but for its fields; `known`: a mask of its fixed bits."""

    text: str
    fixed: int
    known: int
    plane: Field | None
    index: Field | None

    def value(self, plane: int, index: int) -> int:
        """With these numbers in the fields that it has. Raises InputError if one does not fit."""
        found = self.fixed
        for field, number, what in ((self.plane, plane, "plane"), (self.index, index, "number")):
            if field is not None:
                if not 0 <= number <= field.most:
                    raise InputError(f"{what} {number} does not fit the pattern {self.text!r}")
                found |= number << field.shift
        if self.index is not None and index < 1:
            raise InputError(f"number {index} does not fit the pattern {self.text!r}: they count from 1")
        return found

    @property
    def planes(self) -> int:
        """How many planes it can tell apart."""
        return 1 if self.plane is None else self.plane.most + 1

    @property
    def indexes(self) -> int:
        """How many things it can count."""
        return 0 if self.index is None else self.index.most

    def meets(self, other: Pattern) -> bool:
        """Whether a number may be of both."""
        return not (self.fixed ^ other.fixed) & self.known & other.known


@dataclass(frozen=True, slots=True)
class Scheme:
    """How uSIDs are made. `up` and `down` are uAs to T1 and T0 by that one's number, `port` by the port's.

    `block` may have a plane: then every plane has a block of its own. `dst` leads to a host by its downlink
    number; where T0s decapsulate it is theirs, and has none.
    """

    name: str
    block: Pattern
    t0: Pattern
    t1: Pattern
    dst: Pattern
    port: Pattern | None
    up: Pattern | None
    down: Pattern | None
    lists: Lists
    decap: Decap

    @property
    def planes(self) -> int:
        """How many planes it can tell apart."""
        every = (self.block, self.t0, self.t1, self.dst)
        told = [one.planes for one in every if one.plane is not None]
        return min(told) if self.block.plane is not None or len(told) == len(every) - 1 else 1

    def patterns(self) -> Mapping[str, Pattern]:
        """The patterns of its uSIDs, by their keys in a file."""
        found = {"un.t0": self.t0, "un.t1": self.t1, "ua.port": self.port, "ua.up": self.up}
        found |= {"ua.down": self.down, "dst": self.dst}
        return {key: pattern for key, pattern in found.items() if pattern is not None}

    def text(self) -> str:
        """The whole scheme in one line, which reads back to an equal one."""
        un = {"t0": self.t0.text, "t1": self.t1.text}
        ways = {"port": self.port, "up": self.up, "down": self.down}
        ua = {key: way.text for key, way in ways.items() if way is not None}
        words = {"name": self.name, "block": self.block.text, "un": un, **({"ua": ua} if ua else {})}
        return json.dumps({**words, "dst": self.dst.text, "carrier": self.lists, "decap": self.decap})


def usid_pattern(text: str) -> Pattern:
    """`1pii` or `001p ppii iiii iiii` -> a pattern of 16 bits. Raises ValueError for anything else."""
    words = text.replace(" ", "").replace("_", "").lower()
    base = {4: 16, 16: 2}.get(len(words))
    if base is None:
        raise ValueError(
            f"{text!r} has {len(words)} places; a uSID's 16 bits are written as 16, or as 4 "
            "hexadecimal digits: 001p ppii iiii iiii, 1pii"
        )
    return _pattern(text.lower(), words, base, _LETTERS)


def block_pattern(text: str) -> Pattern:
    """`fcbb:bb00::/32`, or `fc00:pppp::/32` with a block a plane. Raises ValueError for anything else."""
    if "p" not in text.lower():
        plain = prefix32(text)
        return _pattern(plain, inet_pton(AF_INET6, plain.partition("/")[0])[:4].hex(), 16, "")
    groups = text.lower().removesuffix("::/32").split(":")
    wrong = f"{text!r} is not a /32 prefix; write it like fcbb:bb00::/32, or fc00:pppp::/32 for one a plane"
    if not text.endswith("::/32") or len(groups) != 2 or not all(0 < len(one) < 5 for one in groups):
        raise ValueError(wrong)
    try:
        return _pattern(text.lower(), "".join(one.rjust(4, "0") for one in groups), 16, "p")
    except ValueError:
        raise ValueError(wrong) from None


def prefix32(text: str) -> str:
    """A /32 as `inet_ntop` prints it. Raises ValueError for anything else."""
    address, _, length = text.partition("/")
    try:
        packed = inet_pton(AF_INET6, address)
    except OSError:
        packed = b"?"
    if length != "32" or packed[4:] != bytes(12):
        raise ValueError(f"{text!r} is not a /32 prefix; write it like fcbb:bb00::/32")
    return f"{inet_ntop(AF_INET6, packed)}/32"


def _pattern(text: str, words: str, base: int, letters: str) -> Pattern:
    step = 4 if base == 16 else 1
    fixed = known = 0
    places: dict[str, list[int]] = {}
    for number, letter in enumerate(words):
        shift = (len(words) - 1 - number) * step
        if letter in _DIGITS[base]:
            fixed |= int(letter, base) << shift
            known |= (1 << step) - 1 << shift
        elif letter in letters:
            places.setdefault(letter, []).append(shift)
        else:
            raise ValueError(f"{letter!r} in {text!r} is no digit, and no field: those are {_named(letters)}")
    fields = {}
    for letter, shifts in places.items():
        if shifts[0] - shifts[-1] != (len(shifts) - 1) * step:
            raise ValueError(f"the {letter}s in {text!r} do not stand side by side")
        fields[letter] = Field(shifts[-1], len(shifts) * step)
    return Pattern(text, fixed, known, fields.get("p"), fields.get("i"))


def _named(letters: str) -> str:
    names = {"p": "p (plane)", "i": "i (number)"}
    return " and ".join(names[letter] for letter in letters)
