"""Addresses of hosts, ports and links. Text is what `inet_ntop` prints, numbers are 128-bit integers."""

from __future__ import annotations

from hashlib import blake2s
from socket import AF_INET6, inet_ntop, inet_pton

from mrcnet.topology.model import Link

# A link is its own world: its lower end is fe80::a, its upper end fe80::b.
LINK_LOCAL_A = "fe80::a"
LINK_LOCAL_B = "fe80::b"


def to_int(text: str) -> int:
    """`fcbb:bb00::` or `fcbb:bb00::/32` -> 128-bit integer. Raises OSError if it is no IPv6 address."""
    return int.from_bytes(inet_pton(AF_INET6, text.partition("/")[0]), "big")


def to_text(address: int) -> str:
    """128-bit integer -> `fcbb:bb00::`."""
    return inet_ntop(AF_INET6, address.to_bytes(16, "big"))


def host_address(prefix: int, plane: int, t0_index: int, downlink: int) -> str:
    """A host's address in a plane: prefix (32 bits) : plane : T0 from 1 :: downlink number.

    The last group is the number that goes into the carrier's dst uSID (spec 6.3, step 2).
    """
    return to_text(prefix | plane << 80 | (t0_index + 1) << 64 | downlink)


def loopback(prefix: int, host_index: int) -> str:
    """A host's one address where fabrics route without SRv6: prefix (32 bits) : ffff :: number from 1."""
    return to_text(prefix | 0xFFFF << 80 | host_index + 1)


def macs(link: Link) -> tuple[str, str]:
    """MAC addresses of a link's ends a and b, locally administered, a function of the link's name alone."""
    digest = blake2s(f"{link.a}|{link.b}".encode(), digest_size=5).digest()
    start = ":".join(f"{byte:02x}" for byte in (0x02, *digest[:4]))
    return f"{start}:{digest[4] & 0xFE:02x}", f"{start}:{digest[4] | 0x01:02x}"
