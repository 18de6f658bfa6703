"""What a configuration says of forwarding, entry by entry, each with its line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from socket import AF_INET6, inet_pton

from mrcnet.errors import Where
from mrcnet.plan.addressing import to_text
from mrcnet.plan.model import Action

BITS = 128


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding: `severity` is `error` or `warning`; `evs` how many EVs it strikes, where that is known."""

    severity: str
    code: str
    where: Where
    message: str
    evs: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a table. `dev` is a port as the file calls it; `locator` the one that a SID names."""

    prefix: int
    length: int
    action: Action
    where: Where
    dev: str | None = None
    via: int | None = None
    segs: tuple[int, ...] = ()
    locator: str | None = None

    @property
    def text(self) -> str:
        """`fcbb:bb00:2001::/48`."""
        return f"{to_text(self.prefix)}/{self.length}"


@dataclass(frozen=True, slots=True)
class Locator:
    """A named prefix of SIDs."""

    name: str
    prefix: int
    length: int
    where: Where


@dataclass(frozen=True, slots=True)
class Address:
    """An address on a port."""

    dev: str
    address: int
    where: Where


@dataclass(slots=True)
class FileTable:
    """What one file says of one node. Grows while the file is read."""

    where: Where
    entries: list[Entry] = field(default_factory=list)
    locators: list[Locator] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)
    down: list[tuple[str, Where]] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def unreadable(self, where: Where, text: str) -> None:
        """A line of a kind that counts, which says nothing that can be followed."""
        self.remarks.append(Remark("error", "unreadable", where, f"cannot make sense of {text[:80]!r}"))


def network(text: str) -> tuple[int, int]:
    """`fcbb:bb00:2001::/48` -> its number (host bits cleared) and length. ValueError for anything else."""
    address, slash, length = text.partition("/")
    if slash and not (length.isascii() and length.isdecimal() and int(length) <= BITS):
        raise ValueError(f"{text!r} is no prefix")
    bits = int(length) if slash else BITS
    return number(address) >> BITS - bits << BITS - bits, bits


def number(text: str) -> int:
    """An IPv6 address as a number. Raises ValueError for anything else."""
    try:
        return int.from_bytes(inet_pton(AF_INET6, text), "big")
    except (OSError, UnicodeError, ValueError):
        raise ValueError(f"{text!r} is no IPv6 address") from None


def after(words: Iterable[str], key: str) -> str | None:
    """The word that follows `key`."""
    words = list(words)
    return words[words.index(key) + 1] if key in words[:-1] else None
